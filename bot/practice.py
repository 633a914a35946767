"""`bili serve --sandbox`: which parties have no settings yet, and what a sandbox's settings are in their place."""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from bot.settings import Settings

#: What makes a party set. Half of it is not replaced but named as missing.
_CREDENTIALS = {
    "Telegram": ("telegram_token",),
    "WhatsApp": ("twilio_account_sid", "twilio_auth_token", "twilio_whatsapp_from"),
    "M-Pesa": ("mpesa_consumer_key", "mpesa_consumer_secret", "mpesa_shortcode", "mpesa_passkey"),
    "the utility": ("xmlvend_url", "xmlvend_client_id", "xmlvend_operator_name", "xmlvend_password"),
}


class Credentials(Protocol):
    """What a sandbox lets in."""

    @property
    def telegram_token(self) -> str: ...
    @property
    def twilio_account_sid(self) -> str: ...
    @property
    def twilio_auth_token(self) -> str: ...
    @property
    def twilio_whatsapp_from(self) -> str: ...
    @property
    def twilio_sms_from(self) -> str: ...
    @property
    def daraja_consumer_key(self) -> str: ...
    @property
    def daraja_consumer_secret(self) -> str: ...
    @property
    def daraja_shortcode(self) -> str: ...
    @property
    def daraja_passkey(self) -> str: ...
    @property
    def xmlvend_client_id(self) -> str: ...
    @property
    def xmlvend_operator(self) -> str: ...
    @property
    def xmlvend_password(self) -> str: ...


def unset(settings: Settings) -> list[str]:
    """The parties for which a sandbox would stand in, as one speaks of them."""
    return [party for party, names in _CREDENTIALS.items() if not any(getattr(settings, name) for name in names)]


def sandbox_settings(settings: Settings, sandbox: Credentials, address: str) -> dict[str, str | bool | SecretStr]:
    """What takes the place of the settings of each unset party. `address` is the sandbox's, without a slash."""
    missing = unset(settings)
    update: dict[str, str | bool | SecretStr] = {}
    if "Telegram" in missing:
        update |= {"telegram_token": SecretStr(sandbox.telegram_token), "telegram_api_url": address}
    if "WhatsApp" in missing:
        update |= {
            "twilio_account_sid": sandbox.twilio_account_sid,
            "twilio_auth_token": SecretStr(sandbox.twilio_auth_token),
            "twilio_whatsapp_from": sandbox.twilio_whatsapp_from,
            "twilio_sms_from": sandbox.twilio_sms_from,
            "twilio_api_url": address,
            "twilio_content_api_url": address,
        }
    if "M-Pesa" in missing:
        update |= {
            "mpesa_api_url": address,
            "mpesa_consumer_key": SecretStr(sandbox.daraja_consumer_key),
            "mpesa_consumer_secret": SecretStr(sandbox.daraja_consumer_secret),
            "mpesa_shortcode": sandbox.daraja_shortcode,
            "mpesa_passkey": SecretStr(sandbox.daraja_passkey),
            "mpesa_party_b": "",
            "mpesa_transaction_type": "CustomerPayBillOnline",
            "mpesa_merchant": "BILI",
        }
    if "the utility" in missing:
        update |= {
            "xmlvend_url": f"{address}/xmlvend",
            "xmlvend_keeps_every_response": True,
            "xmlvend_client_id": sandbox.xmlvend_client_id,
            "xmlvend_terminal_ids": "0000000000001,0000000000002",
            "xmlvend_operator_name": sandbox.xmlvend_operator,
            "xmlvend_password": SecretStr(sandbox.xmlvend_password),
        }
    return update


def practised(settings: Settings, sandbox: Credentials, address: str) -> Settings:
    """The settings with a sandbox in the place of every unset party."""
    return settings.model_copy(update=sandbox_settings(settings, sandbox, address))

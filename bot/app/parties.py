"""The outside parties, from their settings: every concrete adapter is named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot import terms
from bot.clock import RealRandom
from bot.settings import Settings, SettingsError, given, named, revealed
from integrations.channels.telegram.adapter import Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.twilio.config import TwilioConfig
from integrations.contract.channel import Channel
from integrations.contract.exchange import Send
from integrations.contract.money import Money
from integrations.contract.people import Secret
from integrations.contract.seams import Clock, Random
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import PRODUCTION_URL, MpesaConfig
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig

if TYPE_CHECKING:
    from bot.i18n import Languages
    from bot.payments.parties import Parties
    from bot.store.seal import Seal

#: Fetching a token takes at most so long out of a call's time.
TOKEN_SECONDS = 10.0

#: In the place of an address that is missing, so that what else is wrong is found too.
UNSET_URL = "https://unset.invalid"

NO_CHANNEL = (
    "BILI_TELEGRAM_TOKEN is missing: @BotFather gives one. Or set BILI_TWILIO_… for WhatsApp,"
    " or run  bili serve --sandbox"
)


def telegram_config(settings: Settings) -> TelegramConfig:
    """The bot. SettingsError when there is none."""
    if settings.telegram_token is None:
        raise SettingsError(NO_CHANNEL)
    previous = settings.telegram_previous_webhook_secret
    return TelegramConfig(
        token=revealed(settings.telegram_token),
        webhook_secret=settings.webhook_secret(),
        previous_webhook_secret=revealed(previous) if previous else None,
        api_url=settings.telegram_api_url,
    )


def mpesa_config(settings: Settings) -> MpesaConfig:
    """The paybill. SettingsError names everything that is missing or wrong."""
    config = mpesa_settings(settings)
    if problems := config.problems():
        raise SettingsError("\n".join(named("mpesa", problem) for problem in problems))
    return config


def mpesa_settings(settings: Settings) -> MpesaConfig:
    """The paybill as it is set, complete or not."""
    return MpesaConfig(
        consumer_key=revealed(settings.mpesa_consumer_key),
        consumer_secret=revealed(settings.mpesa_consumer_secret),
        shortcode=settings.mpesa_shortcode,
        passkey=revealed(settings.mpesa_passkey),
        api_url=settings.mpesa_api_url or PRODUCTION_URL,
        party_b=settings.mpesa_party_b,
        transaction_type=settings.mpesa_transaction_type,
        merchant=settings.mpesa_merchant,
        timeout_seconds=settings.mpesa_timeout_seconds,
        token_timeout_seconds=min(TOKEN_SECONDS, settings.mpesa_timeout_seconds),
        settle_seconds=settings.mpesa_settle_seconds,
        doubtful_codes=frozenset(settings.mpesa_doubtful_codes or ()),
        **given(
            minimum=settings.mpesa_minimum,
            maximum=settings.mpesa_maximum,
            polls_seconds=settings.mpesa_polls_seconds,
            banned_words=settings.mpesa_banned_words,
        ),
    )


def xmlvend_config(settings: Settings) -> XmlVendConfig:
    """The vending server. SettingsError names everything that is missing or wrong."""
    currency, minimum = settings.business_currency, settings.amounts_minimum
    try:
        return XmlVendConfig(
            url=settings.xmlvend_url,
            client_id=settings.xmlvend_client_id,
            terminal_ids=tuple(part.strip() for part in settings.xmlvend_terminal_ids.split(",")),
            operator_name=settings.xmlvend_operator_name,
            password=revealed(settings.xmlvend_password),
            title=settings.xmlvend_title,
            currency=currency,
            luhn=settings.xmlvend_luhn,
            minimum=Money.of(minimum, currency),
            # An inverted range is told of under the names it has here, by `terms.contradictions`.
            maximum=Money.of(max(minimum, settings.amounts_maximum), currency),
            time_zone=settings.business_time_zone,
            timeout_seconds=settings.xmlvend_timeout_seconds,
            settle_seconds=settings.xmlvend_settle_seconds,
            keeps_every_response=settings.xmlvend_keeps_every_response,
            known_texts=terms.known_texts(settings.xmlvend_known_texts),
            **given(
                symbols=settings.xmlvend_symbols or (None if currency == Mpesa.currency else (currency,)),
                meter_lengths=settings.xmlvend_meter_lengths,
                polls=settings.xmlvend_polls_seconds,
            ),
        )
    except ValueError as error:
        raise SettingsError("\n".join(named("xmlvend", problem) for problem in str(error).split("; "))) from None


def twilio_config(settings: Settings) -> TwilioConfig:
    """The WhatsApp sender. SettingsError names everything that is missing or wrong."""
    config, problems, public_url = None, [], UNSET_URL
    try:
        public_url = terms.callback_base(settings, "Twilio", settings.twilio_api_url)
    except SettingsError as fault:
        problems.append(str(fault))
    try:
        config = _twilio(settings, public_url)
    except ValueError as error:
        problems += [_named(problem) for problem in str(error).split("; ")]
    if config is None or problems:
        raise SettingsError("\n".join(problems))
    return config


def _named(problem: str) -> str:
    """A sentence of the config under the name that the setting has here; our address is not Twilio's alone."""
    field, _, rest = problem.partition(" ")
    return f"BILI_PUBLIC_URL {rest}" if field == "public_url" else named("twilio", problem)


def _twilio(settings: Settings, public_url: str) -> TwilioConfig:
    previous = settings.twilio_previous_auth_token
    return TwilioConfig(
        account_sid=settings.twilio_account_sid,
        auth_token=revealed(settings.twilio_auth_token),
        previous_auth_token=revealed(previous) if previous else None,
        shared_keys=dict(_shared_key(revealed(key)) for key in settings.twilio_shared_keys),
        whatsapp_from=settings.twilio_whatsapp_from,
        sms_from=settings.twilio_sms_from,
        messaging_service_sid=settings.twilio_messaging_service_sid,
        api_url=settings.twilio_api_url,
        content_api_url=settings.twilio_content_api_url,
        public_url=public_url,
        timeout_seconds=settings.twilio_timeout_seconds,
        per_second=settings.twilio_per_second,
    )


def _shared_key(given: Secret) -> tuple[str, Secret]:
    name, _, secret = given.reveal().partition("=")
    return name, Secret(secret)


# --- put together


def channels(settings: Settings, send: Send, clock: Clock) -> Mapping[str, Channel]:
    """Every way to talk with people that is set, by name."""
    found: list[Channel] = []
    if settings.telegram_token is not None:
        found.append(Telegram(telegram_config(settings), send, clock))
    if terms.has_twilio(settings):
        from integrations.channels.twilio.adapter import Sms, WhatsApp

        config = twilio_config(settings)
        found.append(WhatsApp(config, send, clock))
        if config.sms_from or config.messaging_service_sid:
            found.append(Sms(config, send, clock))
    return {channel.name: channel for channel in found}


def parties(
    settings: Settings, send: Send, clock: Clock, seal: Seal, languages: Languages, random: Random | None = None
) -> Parties:
    """Everything a payment needs of the outside."""
    from bot.payments.parties import Parties

    random = random or RealRandom()
    config = mpesa_config(settings)
    money, utility = Mpesa(config, send, clock), XmlVend(xmlvend_config(settings), send, clock, random)
    return Parties(
        money={money.name: money},
        utilities={utility.name: utility},
        trade=terms.trade(settings, money, utility, languages),
        seal=seal,
        clock=clock,
        random=random,
        callback_base=terms.callback_base(settings, money.title, config.api_url),
        caps=terms.caps_of(settings),
    )

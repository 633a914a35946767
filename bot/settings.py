"""The settings: from the environment (`BILI_…`), a `.env` file and `bili.toml`, in this order of weight.

A section of `bili.toml` is a prefix: `[telegram] token` is `BILI_TELEGRAM_TOKEN`. Start-up names everything that is
missing or wrong at once, and never a value.
"""

from __future__ import annotations

import hashlib
import hmac
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from integrations.contract.people import Secret

TOML_FILE = Path("bili.toml")

#: A key shorter than this is guessed; `bili secret` makes a good one.
SECRET_KEY_LENGTH_MIN = 32


class SettingsError(Exception):
    """Settings are missing or wrong; the message lists them all, a line each."""


class FeeBand(BaseModel):
    """Amounts up to and including `up_to` cost `fee`; both in whole units of the currency."""

    up_to: int = Field(gt=0)
    fee: int = Field(ge=0)


class Settings(BaseSettings):
    """Everything that can be set. What belongs to one party is optional here and checked where that party is built."""

    model_config = SettingsConfigDict(env_prefix="BILI_", env_file=".env", extra="ignore")

    database_url: str = "sqlite:///var/bili.db"
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    secret_key: SecretStr | None = Field(default=None, min_length=SECRET_KEY_LENGTH_MIN)
    proxy_hops: int = Field(default=0, ge=0)
    log_level: str = "info"

    telegram_token: SecretStr | None = None
    telegram_api_url: str = "https://api.telegram.org"
    telegram_webhook_secret: SecretStr | None = None
    telegram_previous_webhook_secret: SecretStr | None = None

    mpesa_api_url: str = ""
    mpesa_consumer_key: SecretStr | None = None
    mpesa_consumer_secret: SecretStr | None = None
    mpesa_shortcode: str = ""
    mpesa_passkey: SecretStr | None = None
    mpesa_party_b: str = ""
    mpesa_transaction_type: str = "CustomerPayBillOnline"
    mpesa_merchant: str = "Bili"
    mpesa_timeout_seconds: float = Field(default=30.0, gt=0)
    mpesa_settle_seconds: float = Field(default=300.0, gt=0)

    xmlvend_url: str = ""
    xmlvend_client_id: str = ""
    xmlvend_terminal_ids: str = "0000000000001,0000000000002"
    xmlvend_operator_name: str = ""
    xmlvend_password: SecretStr | None = None
    xmlvend_title: str = "Umoja Power"
    xmlvend_timeout_seconds: float = Field(default=60.0, gt=0)
    xmlvend_settle_seconds: float = Field(default=180.0, gt=0)

    business_country: str = "KE"
    business_currency: str = "KES"
    business_time_zone: str = "Africa/Nairobi"
    support_contact: str = "your utility's office"
    amounts_minimum: int = Field(default=50, gt=0)
    amounts_maximum: int = Field(default=35_000, gt=0)
    fee_bands: list[FeeBand] = Field(default_factory=list)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the base's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment outweighs `.env`, which outweighs `bili.toml`."""
        return init_settings, env_settings, dotenv_settings, _Toml(settings_cls)

    def key(self) -> Secret:
        """The key everything is sealed with. SettingsError when there is none."""
        if self.secret_key is None:
            raise SettingsError(
                "BILI_SECRET_KEY is missing. Make one with  bili secret  and keep it: it opens the database."
            )
        return Secret(self.secret_key.get_secret_value())

    def webhook_secret(self) -> Secret:
        """The secret Telegram repeats to us: as set, else derived from the key."""
        if self.telegram_webhook_secret is not None:
            return Secret(self.telegram_webhook_secret.get_secret_value())
        return Secret(hmac.new(self.key().reveal().encode(), b"telegram webhook", hashlib.sha256).hexdigest())


class _Toml(PydanticBaseSettingsSource):
    """`bili.toml`, its sections flattened into prefixes."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  the base's signature
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        if not TOML_FILE.exists():
            return {}
        data = tomllib.loads(TOML_FILE.read_text(encoding="utf-8"))
        flat = {name: value for name, value in data.items() if not isinstance(value, dict)}
        for section, values in data.items():
            if isinstance(values, dict):
                flat |= {f"{section}_{name}": value for name, value in values.items()}
        return flat


def load_settings(**overrides: Any) -> Settings:
    """The settings in force. Raises SettingsError with every fault at once."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"{_name(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{TOML_FILE} cannot be read: {error}") from None


def revealed(value: SecretStr | None) -> Secret:
    """A secret of the settings as the adapters take it; empty where it is not set."""
    return Secret(value.get_secret_value() if value else "")


def _name(place: tuple[int | str, ...]) -> str:
    return "BILI_" + "_".join(str(part) for part in place).upper()

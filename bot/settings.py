"""The settings: from the environment (`BILI_…`), a `.env` file and `bili.toml`, in this order of weight.

A section of `bili.toml` is a prefix: `[telegram] token` is `BILI_TELEGRAM_TOKEN`. Start-up names everything that is
missing or wrong at once, and never a value. An empty value is as good as none, so that a copy of `.env.example` does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from integrations.contract.money import EXPONENTS
from integrations.contract.people import Secret

TOML_FILE = Path("bili.toml")

#: A key shorter than this is guessed; `bili secret` makes a good one.
SECRET_KEY_LENGTH_MIN = 32


class SettingsError(Exception):
    """Settings are missing or wrong; the message lists them all, a line each."""


def _split(given: object) -> object:
    """`a, b` in the environment, a list in bili.toml."""
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    return [str(part) for part in given] if isinstance(given, list) else given


def _read_json(given: object) -> object:
    """JSON in the environment, a table in bili.toml."""
    if not isinstance(given, str):
        return given
    try:
        return orjson.loads(given)
    except orjson.JSONDecodeError:
        raise ValueError("this is not JSON") from None


def _web_address(given: str) -> str:
    try:
        fine = not given or (bool(re.fullmatch(r"https?://[^\s?#]+", given)) and bool(urlsplit(given).hostname))
    except ValueError:  # a bracket that is no IPv6 address
        fine = False
    if not fine:
        raise ValueError("this is not an address that begins http:// or https://")
    return given.rstrip("/")


Keys = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]
Words = Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_split)]
Numbers = Annotated[tuple[Annotated[int, Field(gt=0)], ...] | None, NoDecode, BeforeValidator(_split)]
Waits = Annotated[tuple[Annotated[float, Field(gt=0)], ...] | None, NoDecode, BeforeValidator(_split)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lambda given: str(given).lower())]
Hour = Annotated[int, Field(ge=0, le=24)]
Times = Annotated[int, Field(ge=0)]


class FeeBand(BaseModel):
    """Amounts up to and including `up_to` cost `fee`; both in whole units of the currency."""

    up_to: int = Field(gt=0)
    fee: int = Field(ge=0)


class Settings(BaseSettings):
    """Everything that can be set. What belongs to one party is optional here and checked where that party is built.

    None stands for the adapter's own default.
    """

    model_config = SettingsConfigDict(env_prefix="BILI_", env_file=".env", env_ignore_empty=True, extra="ignore")

    #: Not shown, because a password may stand in it.
    database_url: str = Field(default="sqlite:///var/bili.db", repr=False)
    public_url: WebAddress = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=1, le=65535)
    secret_key: SecretStr | None = None
    #: Keys of earlier, the newest first: what they sealed still opens.
    previous_secret_keys: Keys = ()
    proxy_hops: int = Field(default=0, ge=0)
    log_level: LogLevel = "info"

    telegram_token: SecretStr | None = None
    telegram_api_url: WebAddress = "https://api.telegram.org"
    telegram_webhook_secret: SecretStr | None = None
    telegram_previous_webhook_secret: SecretStr | None = None

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr | None = None
    #: While the token is being changed, the one before.
    twilio_previous_auth_token: SecretStr | None = None
    #: Keys that sign webhooks with HMAC-SHA256, each its id, `=` and its secret.
    twilio_shared_keys: Keys = ()
    twilio_whatsapp_from: str = ""
    twilio_sms_from: str = ""
    twilio_messaging_service_sid: str = ""
    twilio_api_url: WebAddress = "https://api.twilio.com"
    twilio_content_api_url: WebAddress = ""
    twilio_timeout_seconds: float = Field(default=15.0, gt=0)
    twilio_per_second: int = Field(default=80, ge=0)

    mpesa_api_url: WebAddress = ""
    mpesa_consumer_key: SecretStr | None = None
    mpesa_consumer_secret: SecretStr | None = None
    mpesa_shortcode: str = ""
    mpesa_passkey: SecretStr | None = None
    mpesa_party_b: str = ""
    mpesa_transaction_type: str = "CustomerPayBillOnline"
    mpesa_merchant: str = "Bili"
    mpesa_minimum: int | None = Field(default=None, gt=0)
    mpesa_maximum: int | None = Field(default=None, gt=0)
    mpesa_timeout_seconds: float = Field(default=30.0, gt=0)
    mpesa_settle_seconds: float = Field(default=300.0, gt=0)
    mpesa_polls_seconds: Waits = None
    mpesa_doubtful_codes: Words = None
    mpesa_banned_words: Words = None

    xmlvend_url: WebAddress = Field(default="", repr=False)
    xmlvend_client_id: str = ""
    xmlvend_terminal_ids: str = ""
    xmlvend_operator_name: str = ""
    xmlvend_password: SecretStr | None = None
    xmlvend_title: str = "Umoja Power"
    xmlvend_symbols: Words = None
    xmlvend_meter_lengths: Numbers = None
    xmlvend_luhn: bool = True
    xmlvend_timeout_seconds: float = Field(default=60.0, gt=0)
    xmlvend_settle_seconds: float = Field(default=180.0, gt=0)
    xmlvend_polls_seconds: Waits = None
    xmlvend_keeps_every_response: bool = False
    xmlvend_known_texts: Annotated[dict[str, Any], NoDecode, BeforeValidator(_read_json)] = Field(default_factory=dict)

    business_country: str = Field(default="KE", pattern="^[A-Z]{2}$")
    business_currency: str = "KES"
    business_time_zone: str = "Africa/Nairobi"
    support_contact: str = "your utility's office"
    amounts_minimum: int = Field(default=50, gt=0)
    amounts_maximum: int = Field(default=35_000, gt=0)
    fee_bands: Annotated[list[FeeBand], NoDecode, BeforeValidator(_read_json)] = Field(default_factory=list)

    limits_own_hour: Times = 10
    limits_own_day: Times = 30
    limits_other_hour: Times = 2
    limits_other_day: Times = 4
    limits_targets_day: Times = 3
    limits_quiet_from_hour: Hour = 21
    limits_quiet_to_hour: Hour = 7

    @field_validator("secret_key", "previous_secret_keys")
    @classmethod
    def _long_enough(cls, given: SecretStr | tuple[SecretStr, ...] | None) -> SecretStr | tuple[SecretStr, ...] | None:
        keys = given if isinstance(given, tuple) else (given,) if given else ()
        if any(len(key.get_secret_value()) < SECRET_KEY_LENGTH_MIN for key in keys):
            raise ValueError(f"a key has at least {SECRET_KEY_LENGTH_MIN} characters;  bili secret  makes a good one")
        return given

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url.startswith(("sqlite:///", "postgresql://")):
            raise ValueError("an address here begins sqlite:/// or postgresql://")
        return url

    @field_validator("business_time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("this machine knows no such time zone") from None
        return name

    @field_validator("business_currency")
    @classmethod
    def _known_currency(cls, code: str) -> str:
        if code not in EXPONENTS:
            raise ValueError(f"a currency here is one of {', '.join(EXPONENTS)}")
        return code

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

    def previous_keys(self) -> tuple[Secret, ...]:
        """Keys that still open what they sealed, the newest first."""
        return tuple(Secret(key.get_secret_value()) for key in self.previous_secret_keys)

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
        return business()


def business() -> dict[str, Any]:
    """What `bili.toml` says, by setting. SettingsError when it cannot be read or sets what is no setting."""
    if not TOML_FILE.exists():
        return {}
    try:
        data = tomllib.loads(TOML_FILE.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        place = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        raise SettingsError(f"{TOML_FILE} cannot be read: {place}") from None
    flat = {name: value for name, value in data.items() if not isinstance(value, dict)}
    for section, values in data.items():
        if isinstance(values, dict):
            flat |= {f"{section}_{name}": value for name, value in values.items()}
    return flat


def read_settings(**overrides: Any) -> tuple[Settings, list[str]]:
    """The settings, every wrong one at its default, and a sentence for each of those; it begins with the name.

    A caller with more to check goes on, so that whoever starts the program hears of everything at once.
    """
    unknown = [name for name in business() if name not in Settings.model_fields]
    faults = [f"{TOML_FILE}: there is no setting {name.replace('_', '.', 1)}" for name in unknown]
    try:
        return Settings(**overrides), faults
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
        faults += [f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in wrong]
        fields = Settings.model_fields
        names = {str(fault["loc"][0]) for fault in wrong}
        defaults = {name: fields[name].get_default(call_default_factory=True) for name in names}
        return Settings(**{**overrides, **defaults}), faults


def load_settings(**overrides: Any) -> Settings:
    """The settings in force. Raises SettingsError with every fault at once."""
    settings, faults = read_settings(**overrides)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def revealed(value: SecretStr | None) -> Secret:
    """A secret of the settings as the adapters take it; empty where it is not set."""
    return Secret(value.get_secret_value() if value else "")


# --- words about settings, for whoever builds a party from them


def given(**values: object) -> dict[str, Any]:
    """What is set; the adapter's own default stands for the rest."""
    return {name: value for name, value in values.items() if value is not None}


def named(prefix: str, problem: str) -> str:
    """An adapter's sentence, which begins with its own name of a setting, under the name the setting has here."""
    field, _, rest = problem.partition(" ")
    known = f"{prefix}_{field}" in Settings.model_fields
    return f"BILI_{prefix.upper()}_{field.upper()} {rest}" if known else f"BILI_{prefix.upper()}_…: {problem}"


def first_of_each(found: Sequence[str]) -> Iterator[str]:
    """One sentence a setting: a wrong one was put at its default, which may then seem to be missing."""
    told: set[str] = set()
    for sentence in found:
        name = sentence.split()[0].rstrip(":")
        if name not in told:
            yield sentence
        if name.startswith("BILI_") and not name.endswith("…"):
            told.add(name)


def _place(place: tuple[int | str, ...]) -> str:
    """The setting, and where in it: `BILI_FEE_BANDS` or `BILI_FEE_BANDS (0.up_to)`."""
    inside = ".".join(str(part) for part in place[1:])
    return f"BILI_{str(place[0]).upper()}" + (f" ({inside})" if inside else "")

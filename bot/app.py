"""The composition root: settings in, a running service out. The only module that names concrete adapters."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import structlog
from pydantic import SecretStr

from bot.clock import RealClock, RealRandom, Tasks
from bot.house import enter, take_over
from bot.i18n import Languages
from bot.lifetime import at_end
from bot.payments.fees import Band, Fees
from bot.payments.limits import Caps
from bot.payments.parties import Parties
from bot.polling import poll
from bot.service import Outfit, Service
from bot.settings import Settings, SettingsError, revealed
from bot.store.seal import Seal
from bot.store.store import Store, sqlite_path
from flows.customer import Trade
from flows.words import COMMANDS_SHOWN
from integrations.channels.telegram.adapter import Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.contract.exchange import Send
from integrations.contract.money import Money
from integrations.contract.outcomes import VendReason
from integrations.contract.parties import MobileMoney, Utility
from integrations.contract.people import Secret
from integrations.contract.seams import Clock
from integrations.http import HttpSender, HttpServer
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import PRODUCTION_URL, MpesaConfig
from integrations.utilities.xmlvend.adapter import XmlVend
from integrations.utilities.xmlvend.config import XmlVendConfig

if TYPE_CHECKING:
    from integrations.sandbox.host import SandboxConfig

log = structlog.get_logger()


# --- the parties, from their settings


def telegram_config(settings: Settings) -> TelegramConfig:
    """The bot. SettingsError when there is none."""
    if settings.telegram_token is None:
        raise SettingsError("BILI_TELEGRAM_TOKEN is missing: @BotFather gives one, or run  bili serve --sandbox")
    previous = settings.telegram_previous_webhook_secret
    return TelegramConfig(
        token=revealed(settings.telegram_token),
        webhook_secret=settings.webhook_secret(),
        previous_webhook_secret=revealed(previous) if previous else None,
        api_url=settings.telegram_api_url,
    )


def mpesa_config(settings: Settings) -> MpesaConfig:
    """The paybill. SettingsError names everything that is missing or wrong."""
    config = MpesaConfig(
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
        **_given(
            minimum=settings.mpesa_minimum,
            maximum=settings.mpesa_maximum,
            polls_seconds=settings.mpesa_polls_seconds,
            banned_words=settings.mpesa_banned_words,
        ),
    )
    if problems := config.problems():
        raise SettingsError("\n".join(_problem("mpesa", problem) for problem in problems))
    return config


def xmlvend_config(settings: Settings) -> XmlVendConfig:
    """The vending server. SettingsError names everything that is missing or wrong."""
    currency = settings.business_currency
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
            minimum=Money.of(settings.amounts_minimum, currency),
            maximum=Money.of(max(settings.amounts_minimum, settings.amounts_maximum), currency),
            time_zone=settings.business_time_zone,
            timeout_seconds=settings.xmlvend_timeout_seconds,
            settle_seconds=settings.xmlvend_settle_seconds,
            keeps_every_response=settings.xmlvend_keeps_every_response,
            known_texts=_known_texts(settings.xmlvend_known_texts),
            **_given(
                symbols=settings.xmlvend_symbols or (None if currency == "KES" else (currency,)),
                meter_lengths=settings.xmlvend_meter_lengths,
                polls=settings.xmlvend_polls_seconds,
            ),
        )
    except ValueError as error:
        raise SettingsError("\n".join(_problem("xmlvend", problem) for problem in str(error).split("; "))) from None


def _known_texts(given: dict[str, Any]) -> dict[str, VendReason]:
    reasons = {reason.value: reason for reason in VendReason}
    if not set(given.values()) <= reasons.keys():
        raise ValueError(f"known_texts gives a reason that is none of {', '.join(reasons)}")
    return {text: reasons[reason] for text, reason in given.items()}


def _given(**values: object) -> dict[str, Any]:
    """What is set; the adapter's own default stands for the rest."""
    return {name: value for name, value in values.items() if value is not None}


def _problem(prefix: str, problem: str) -> str:
    """An adapter's sentence, which begins with its own name of a setting, under the name the setting has here."""
    field, _, rest = problem.partition(" ")
    known = f"{prefix}_{field}" in Settings.model_fields
    return f"BILI_{prefix.upper()}_{field.upper()} {rest}" if known else f"BILI_{prefix.upper()}_…: {problem}"


# --- what is wrong with the settings


def check(settings: Settings, faults: Sequence[str] = (), *, practice: bool = False) -> None:
    """Everything wrong with the settings at once, as one SettingsError. `faults` are those that reading them found."""
    if practice:
        settings = with_sandbox(settings, SANDBOX_TO_BE)
    found = [*faults, *_telegram_faults(settings), *terms.contradictions(settings)]
    parts: tuple[Callable[[Settings], object], ...] = (Settings.key, mpesa_config, xmlvend_config, _callback, _amounts)
    for part in parts:
        try:
            part(settings)
        except SettingsError as fault:
            found += str(fault).splitlines()
    if practice and urlsplit(settings.mpesa_api_url or PRODUCTION_URL).hostname == urlsplit(PRODUCTION_URL).hostname:
        found.append("BILI_MPESA_API_URL is M-Pesa itself: --sandbox would take real money and say that it takes none.")
    if found:
        raise SettingsError("\n".join(_once_each(found)))


def _once_each(found: Sequence[str]) -> Iterator[str]:
    """One sentence a setting: what is wrong was put at its default, which may then seem to be missing."""
    told: set[str] = set()
    for sentence in found:
        name = sentence.split()[0].rstrip(":")
        if name not in told or name.endswith("…"):
            yield sentence
        told.add(name)


def _telegram_faults(settings: Settings) -> Iterator[str]:
    """One sentence for each wrong setting; the config itself stops at the first."""
    fine = {"token": Secret("1:stand-in"), "webhook_secret": Secret("s" * 32)}
    if settings.telegram_token is None:
        yield "BILI_TELEGRAM_TOKEN is missing: @BotFather gives one, or run  bili serve --sandbox"
    for name in ("token", "webhook_secret", "previous_webhook_secret"):
        given = getattr(settings, f"telegram_{name}")
        try:
            TelegramConfig(**{**fine, **({name: revealed(given)} if given else {})})
        except ValueError as problem:
            yield f"BILI_TELEGRAM_{name.upper()}: {problem}"
    if settings.public_url.startswith("http:") and urlsplit(settings.telegram_api_url).hostname == TELEGRAM_HOST:
        yield "BILI_PUBLIC_URL begins http:, and Telegram delivers to https only."


def _callback(settings: Settings) -> None:
    """SettingsError when M-Pesa could not, or would not, call us back."""
    base = terms.callback_base(settings, Mpesa.title, settings.mpesa_api_url or PRODUCTION_URL)
    # Only the rules about addresses are asked here, whatever else is wrong with M-Pesa's settings.
    known = _given(banned_words=settings.mpesa_banned_words)
    rules = MpesaConfig(
        consumer_key=NOBODY, consumer_secret=NOBODY, passkey=NOBODY, shortcode="",
        api_url=settings.mpesa_api_url or PRODUCTION_URL, **known,
    )  # fmt: skip
    if problem := rules.callback_problem(f"{base}/c/{'0' * 32}"):
        raise SettingsError(f"BILI_PUBLIC_URL: {problem}")


def _amounts(settings: Settings) -> None:
    """SettingsError when there is no amount that everybody takes."""
    currency = settings.business_currency
    if currency != Mpesa.currency:
        raise SettingsError(f"BILI_BUSINESS_CURRENCY: {Mpesa.title} collects {Mpesa.currency}.")
    ...

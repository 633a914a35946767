"""Everything that is wrong with the settings, at once, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bot import practice, terms
from bot.app.parties import NO_CHANNEL, mpesa_config, mpesa_settings, twilio_config, xmlvend_config
from bot.app.sandbox import sandbox_config
from bot.settings import Settings, SettingsError, first_of_each, given, revealed
from integrations.channels.telegram.config import TelegramConfig
from integrations.contract.money import Money
from integrations.contract.parties import AmountRules
from integrations.contract.people import Secret
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import PRODUCTION_URL

TELEGRAM_HOST = "api.telegram.org"


def check(settings: Settings, faults: Sequence[str] = (), *, practising: bool = False) -> None:
    """Everything wrong with the settings at once, as one SettingsError. `faults` are those that reading them found."""
    if practising:
        settings = practice.practised(settings, sandbox_config(), "http://127.0.0.1:8090")
    found = [*faults, *_telegram_faults(settings), *terms.contradictions(settings)]
    whatsapp = (twilio_config,) if terms.has_twilio(settings) else ()
    money = (mpesa_config, xmlvend_config, _callback, _amounts)
    parts: tuple[Callable[[Settings], object], ...] = (Settings.key, *whatsapp, *money)
    for part in parts:
        try:
            part(settings)
        except SettingsError as fault:
            found += str(fault).splitlines()
    if practising and terms.host_of(mpesa_settings(settings).api_url) == terms.host_of(PRODUCTION_URL):
        found.append("BILI_MPESA_API_URL is M-Pesa itself: --sandbox would take real money and say that it takes none.")
    if found:
        raise SettingsError("\n".join(first_of_each(found)))


def _telegram_faults(settings: Settings) -> Iterator[str]:
    """A sentence for each wrong setting, each tried by itself, because the config stops at the first."""
    if settings.telegram_token is None:
        if not terms.has_twilio(settings):
            yield NO_CHANNEL
        return
    for name in ("token", "webhook_secret", "previous_webhook_secret"):
        value, fine = getattr(settings, f"telegram_{name}"), given(token=Secret("1:x"), webhook_secret=Secret("x" * 32))
        try:
            TelegramConfig(**{**fine, **({name: revealed(value)} if value else {})})
        except ValueError as problem:
            yield f"BILI_TELEGRAM_{name.upper()}: {problem}"
    if settings.public_url.startswith("http:") and terms.host_of(settings.telegram_api_url) == TELEGRAM_HOST:
        yield "BILI_PUBLIC_URL begins http:, and Telegram delivers to https only."


def _callback(settings: Settings) -> None:
    """SettingsError when M-Pesa could not, or would not, call us back."""
    config = mpesa_settings(settings)
    base = terms.callback_base(settings, Mpesa.title, config.api_url)
    if problem := config.callback_problem(f"{base}/c/{'0' * 32}"):
        raise SettingsError(f"BILI_PUBLIC_URL: {problem}")


def _amounts(settings: Settings) -> None:
    """SettingsError when there is no amount that the utility and M-Pesa both take."""
    currency, config = settings.business_currency, mpesa_settings(settings)
    if currency != Mpesa.currency:
        raise SettingsError(f"BILI_BUSINESS_CURRENCY: {Mpesa.title} collects {Mpesa.currency} only.")
    if settings.amounts_minimum > settings.amounts_maximum or config.minimum > config.maximum:
        return  # told of already
    least, most = Money.of(settings.amounts_minimum, currency), Money.of(settings.amounts_maximum, currency)
    rules = AmountRules(Money.of(config.minimum, currency), Money.of(config.maximum, currency), Money.of(1, currency))
    minimum, maximum = terms.bounds(least, most, rules, terms.fees_of(settings))
    if minimum > maximum:
        raise SettingsError(f"BILI_AMOUNTS_MAXIMUM: with our fee, {Mpesa.title} takes no amount that may be ordered.")

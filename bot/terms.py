"""What the business decided, as the service needs it, and where this service is reached. No party is named here."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.payments.fees import Band, Fees
from bot.payments.limits import Caps
from bot.settings import Settings, SettingsError
from flows.customer import Trade
from integrations.contract.money import Money
from integrations.contract.outcomes import VendReason
from integrations.contract.parties import AmountRules, MobileMoney, Utility

if TYPE_CHECKING:
    from bot.i18n import Languages


def has_twilio(settings: Settings) -> bool:
    """Whether any of what makes a WhatsApp sender is set; half of it is not passed over but named as missing."""
    return bool(settings.twilio_account_sid or settings.twilio_auth_token or settings.twilio_whatsapp_from)


def fees_of(settings: Settings) -> Fees:
    """Our fee, from whole units of the currency."""
    currency = settings.business_currency
    bands = tuple(Band(Money.of(band.up_to, currency), Money.of(band.fee, currency)) for band in settings.fee_bands)
    return Fees(currency, tuple(sorted(bands, key=lambda band: band.up_to.minor)))


def caps_of(settings: Settings) -> Caps:
    """How often a phone may be prompted, and the hours in which others' phones are left alone (S-43)."""
    return Caps(
        own_hour=settings.limits_own_hour,
        own_day=settings.limits_own_day,
        other_hour=settings.limits_other_hour,
        other_day=settings.limits_other_day,
        targets_day=settings.limits_targets_day,
        quiet_from_hour=settings.limits_quiet_from_hour,
        quiet_to_hour=settings.limits_quiet_to_hour,
    )


def trade(settings: Settings, money: MobileMoney, utility: Utility, languages: Languages) -> Trade:
    """What is sold, by the utility's and the operator's limits together."""
    minimum, maximum = bounds(utility.minimum, utility.maximum, money.rules, fees_of(settings))
    return Trade(
        utility=utility.name,
        utility_title=utility.title,
        meter_lengths=utility.shape.lengths,
        meter_luhn=utility.shape.luhn,
        operator=money.name,
        operator_title=money.title,
        merchant=money.merchant,
        currency=settings.business_currency,
        country=settings.business_country,
        minimum=minimum,
        maximum=maximum,
        step=money.rules.step,
        zone=settings.business_time_zone,
        support_contact=settings.support_contact,
        languages=tuple(languages.available()),
    )


def bounds(minimum: Money, maximum: Money, rules: AmountRules, fees: Fees) -> tuple[Money, Money]:
    """The least and the most one order may be: the utility sells it, and it fits into one prompt with our fee added."""
    charged = {fees.of(maximum).minor} | {band.fee.minor for band in fees.bands if band.up_to < maximum}
    most = min(maximum.minor, rules.maximum.minor - max(charged))
    return max(minimum, rules.minimum), Money(most - most % rules.step.minor, maximum.currency)


def contradictions(settings: Settings) -> Iterator[str]:
    """What is wrong with settings taken together, a sentence each that begins with a name."""
    if settings.amounts_minimum > settings.amounts_maximum:
        yield "BILI_AMOUNTS_MINIMUM is more than BILI_AMOUNTS_MAXIMUM."
    if len({band.up_to for band in settings.fee_bands}) < len(settings.fee_bands):
        yield "BILI_FEE_BANDS has two bands that end at the same amount."
    if settings.limits_quiet_from_hour <= settings.limits_quiet_to_hour:
        yield (
            "BILI_LIMITS_QUIET_FROM_HOUR is not later than BILI_LIMITS_QUIET_TO_HOUR: quiet hours go on past midnight;"
            " from 24 to 0 there are none."
        )


def known_texts(given: dict[str, Any]) -> dict[str, VendReason]:
    """A vending server's own texts and what they mean. ValueError, naming the setting, for what is no reason."""
    reasons = {reason.value: reason for reason in VendReason}
    if not set(given.values()) <= reasons.keys():
        raise ValueError(f"known_texts gives a reason that is none of {', '.join(reasons)}")
    return {text: reasons[reason] for text, reason in given.items()}


# --- addresses


def host_of(url: str) -> str:
    """The host name of an address; empty where there is none."""
    return urlsplit(url).hostname or ""


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = host_of(url)
    return host == "localhost" or (_is_ip(host) and ip_address(host).is_loopback)


def own_address(settings: Settings) -> str:
    """Where this service is reached from its own machine."""
    host = settings.host
    if _is_ip(host) and ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def callback_base(settings: Settings, operator: str, api_url: str) -> str:
    """Where an operator reaches us. SettingsError when there is no public address and it is not on this machine."""
    if settings.public_url:
        return settings.public_url
    if is_loopback(api_url):
        return own_address(settings)
    raise SettingsError(
        f"BILI_PUBLIC_URL is missing: {operator} must be given an https address at which it reaches this service."
    )


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

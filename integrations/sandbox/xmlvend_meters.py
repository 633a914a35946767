"""The sandbox utility's meters and its tariff. All people and numbers are invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from integrations.contract.money import Money
from integrations.contract.people import luhn_fits

#: One price for every kilowatt hour, in minor units; real tariffs have bands, which nothing here depends on.
PRICE_PER_KWH_MINOR = 2640

#: Value-added tax on energy, in percent.
VAT_PERCENT = 16

#: How much of a purchase may go to arrears, in percent.
DEBT_SHARE_PERCENT = 30

#: Free units of one grant, as printed.
FREE_UNITS = "10.0"


@dataclass(frozen=True)
class SandboxMeter:
    """A meter as the utility's books have it. Amounts are in the utility's currency, minor units."""

    number: str
    owner: str
    address: str
    #: What a person should expect of it, in one plain line for the page.
    about: str
    minimum_minor: int = 5_000
    maximum_minor: int = 3_500_000
    blocked: bool = False
    #: The next sale carries a pair of key-change tokens.
    key_change_due: bool = False
    #: The next sale carries a token of free units.
    free_due: bool = False
    #: A fixed charge taken once.
    fee_minor: int = 0
    debt_minor: int = 0
    #: The seller's float ran out between the quote and the sale.
    float_empty: bool = False


#: `14123456789` is what people type from the documentation; its check digit is wrong and the bot may say so.
SEED_METERS: tuple[SandboxMeter, ...] = (
    SandboxMeter("14123456783", "PETER OTIENO", "Plot 7, Kisumu Ndogo", "Plain: sells and sends one token."),
    SandboxMeter(
        "14123456789", "JANE WANJIKU", "House 12, Umoja Two",
        "Plain, although its check digit does not fit: a warning, then a token.",
    ),
    SandboxMeter(
        "14120000014", "HASSAN ABDI", "Shop 3, Eastleigh", "Blocked: the lookup says so, no money is taken.",
        blocked=True,
    ),
    SandboxMeter(
        "14120000022", "GRACE AKINYI", "Flat 4B, Nyali",
        "Key change due: the next sale has three tokens, to be typed in order.", key_change_due=True,
    ),
    SandboxMeter(
        "14120000030", "SAMUEL KIPROTICH", "Plot 21, Eldoret West",
        "In arrears: a service fee once, and up to 30 % of each purchase goes to the debt.",
        fee_minor=5_000, debt_minor=120_000,
    ),
    SandboxMeter(
        "14120000048", "MARY NJERI", "House 5, Thika Road", "Free units due: the next sale has a free token as well.",
        free_due=True,
    ),
    SandboxMeter(
        "14120000055", "DAVID MUTUA", "Workshop 9, Machakos", "Sells nothing below 1,000 shillings.",
        minimum_minor=100_000,
    ),
    SandboxMeter(
        "14120000063", "FATUMA JUMA", "House 2, Likoni",
        "The seller's float is empty: quoted, paid, then refused: a refund is due.", float_empty=True,
    ),
    SandboxMeter("0141123456784", "JOHN BARASA", "Farm 1, Bungoma", "Plain, with a meter number of 13 digits."),
)  # fmt: skip

#: A fault class and the words that go with it.
Refusal: TypeAlias = tuple[str, str]

FLOAT_EMPTY: Refusal = ("VendorCreditEx", "Vendor credit is too low")


def no_such_meter(number: str) -> Refusal:
    """What is said of a number that is not in the books."""
    if len(number) not in {11, 13} or not luhn_fits(number):
        return "MSNOCheckDigitEx", "Meter number check digit is wrong"
    return "UnknownMeterEx", "Meter information not found"


def refusal(meter: SandboxMeter, tender: Money, float_left: Money) -> Refusal | None:
    """Why this meter cannot have this amount, or None."""
    if meter.blocked:
        return "BlockedMeterEx", "Meter is blocked"
    if tender.minor < meter.minimum_minor:
        return "BusinessRuleEx", "Amount is below the minimum"
    if tender.minor > meter.maximum_minor:
        return "BusinessRuleEx", "Amount is above the maximum"
    return FLOAT_EMPTY if tender.minor > float_left.minor else None


@dataclass(frozen=True)
class Split:
    """Where a tender goes, to the cent: tender = fee + debt + energy + vat."""

    fee: Money
    debt: Money
    debt_left: Money
    energy: Money
    vat: Money
    #: Kilowatt hours to one decimal, rounded down.
    units_text: str


def split(tender: Money, meter: SandboxMeter) -> Split:
    """Share a tender out: the fee first, then the debt's share, and what is left buys energy with its tax."""
    fee = min(meter.fee_minor, tender.minor)
    debt = min(meter.debt_minor, (tender.minor - fee) * DEBT_SHARE_PERCENT // 100)
    rest = tender.minor - fee - debt
    energy = (rest * 100 + (100 + VAT_PERCENT) // 2) // (100 + VAT_PERCENT)
    tenths = energy * 10 // PRICE_PER_KWH_MINOR

    def money(minor: int) -> Money:
        return Money(minor, tender.currency)

    return Split(
        money(fee), money(debt), money(meter.debt_minor - debt), money(energy), money(rest - energy),
        f"{tenths // 10}.{tenths % 10}",
    )  # fmt: skip

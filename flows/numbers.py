"""Amounts, meter numbers and phone numbers as people type them. Each reader accepts its own kind only, or nothing.

The grammars are ours: `Decimal()` takes `1e9` and `NaN`, `str.isdigit()` takes `²` (F-105, F-108). Every pattern is
linear and every text is capped before it is matched (F-109).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from flows.characters import TEXT_LENGTH_MAX, clean
from integrations.contract.money import EXPONENTS, Money
from integrations.contract.people import MeterNumber, Phone

#: The longest text that can be one number with its words, in characters after cleaning.
NUMBER_LENGTH_MAX = 64
#: Digits of the largest amount in whole units. Phones and meters have more, so they are never taken for money.
AMOUNT_DIGITS_MAX = 8


class NotAnAmount(Enum):
    """Why a text is no amount, for the sentence that asks again. NO_NUMBER is also more text than one number has."""

    NO_NUMBER = "no_number"
    UNCLEAR = "unclear"
    NEGATIVE = "negative"
    FRACTION = "fraction"
    TOO_LARGE = "too_large"
    OTHER_CURRENCY = "other_currency"


# --- amounts

#: What a currency is called in chat, in front of a number or after it.
_NAMES = {
    "KES": "kes ksh kshs sh shs bob shilling shillings shilingi",
    "TZS": "tzs tsh tshs sh shs shilling shillings shilingi",
    "UGX": "ugx ush ushs sh shs shilling shillings shilingi",
    "RWF": "rwf frw frws rf franc francs amafaranga",
    "ZAR": "zar rand rands",
    "NGN": "ngn naira ₦",
    "GHS": "ghs ghc gh₵ ₵ cedi cedis",
    "ZMW": "zmw kwacha",
}
#: Single letters that mean a currency only in front: `R500`, `N500`, `K500`.
_LETTERS = {"ZAR": "r", "NGN": "n", "ZMW": "k"}
_FOREIGN = "usd us$ $ dollar dollars eur € euro euros gbp £ pound pounds"
#: The East African ways to close a round amount: `500/=`, `500/-`, `500=`.
_CLOSINGS = ["/=", "/-", "="]

_POLITE_BEFORE = re.compile(r"^(?:(?:pay|lipa|buy|nunua|amount|kiasi|please|tafadhali|for|ya|za)[ :]+)+")
_POLITE_AFTER = re.compile(r"(?: (?:please|pls|plz|tafadhali|only|tu)){1,3}$")

_DIGIT = re.compile(r"[0-9]")
_PLAIN = re.compile(
    r"(?P<whole>0|[1-9][0-9]*|[1-9][0-9]{0,2}(?P<mark>[ ,.])[0-9]{3}(?:(?P=mark)[0-9]{3})*)"
    r"(?:(?P<point>[.,])(?P<cents>[0-9]{2}))?"
)
_NO_MARKS = str.maketrans("", "", " ,.")
_TIMES = {"k": 1000, "thousand": 1000, "elfu": 1000, "alfu": 1000, "mille": 1000, "hundred": 100, "mia": 100}
_COUNTED = re.compile(rf"(?P<count>[0-9.,]+|[a-z]+) ?(?P<times>{'|'.join(_TIMES)})")
_COUNTED_AFTER = re.compile(r"(?P<times>elfu|alfu|mia) ?(?P<count>[0-9.,]+|[a-z]+)")
_COUNT = re.compile(r"(?P<whole>[1-9][0-9]{0,2})(?:[.,](?P<part>[0-9]{1,2}))?")
_COUNT_WORDS = {
    word: count
    for words in (
        "moja mbili tatu nne tano sita saba nane tisa kumi",
        "one two three four five six seven eight nine ten",
    )
    for count, word in enumerate(words.split(), 1)
}


def amount_in(text: str, currency: str) -> Money | NotAnAmount:
    """The one amount this text is, in `currency` (ISO 4217): `500`, `2,000`, `1.5k`, `KES 2 000`, `500/=`, `elfu 2`.

    `1,000` and `1.000` are a thousand. Cents are read when there are exactly two (`500.50`) and the currency has
    them; whether mobile money takes cents, and what is too little, is the caller's to say.
    """
    line = short_line(text).strip(" !*_~'\"")
    line = _POLITE_AFTER.sub("", _POLITE_BEFORE.sub("", line))
    amount = spelled_amount(line, currency)
    return _why_not(line, currency) if amount is NotAnAmount.UNCLEAR else amount


def spelled_amount(line: str, currency: str) -> Money | NotAnAmount:
    """`amount_in` for a line from `short_line` or `fold` that is the amount and no polite words; unsaid why not."""
    spelled = _spelling(currency).fullmatch(line)
    if spelled is None:
        return NotAnAmount.UNCLEAR
    minor = _minor_units(spelled["number"], currency)
    if isinstance(minor, NotAnAmount):
        return minor
    return NotAnAmount.NEGATIVE if spelled["minus"] or spelled["inner"] else Money(minor, currency)


def _why_not(line: str, currency: str) -> NotAnAmount:
    if not _DIGIT.search(line):
        return NotAnAmount.NO_NUMBER
    foreign = _foreign_spelling(currency).fullmatch(line)
    if foreign and isinstance(_minor_units(foreign["before"] or foreign["after"], currency), int):
        return NotAnAmount.OTHER_CURRENCY
    return NotAnAmount.UNCLEAR


@lru_cache(maxsize=len(EXPONENTS))
def money_words(currency: str) -> frozenset[str]:
    """The words that may stand in an amount of this currency."""
    return frozenset([*_NAMES[currency].split(), *_TIMES, *_COUNT_WORDS])


@lru_cache(maxsize=len(EXPONENTS))
def _spelling(currency: str) -> re.Pattern[str]:
    names = _NAMES[currency].split()
    letter = f"|{_LETTERS[currency]}(?= ?[0-9])" if currency in _LETTERS else ""
    return re.compile(
        rf"(?P<minus>- ?|minus )?(?:(?:{_either(names)}{letter})\.? ?)?(?P<inner>- ?|minus )?"
        rf"(?P<number>.+?)(?: ?(?:{_either([*names, *_CLOSINGS])})\.?)?"
    )


@lru_cache(maxsize=len(EXPONENTS))
def _foreign_spelling(currency: str) -> re.Pattern[str]:
    every = {name for names in (*_NAMES.values(), _FOREIGN) for name in names.split()}
    foreign = _either(every.difference(_NAMES[currency].split()))
    return re.compile(rf"(?:{foreign})\.? ?(?P<before>.+)|(?P<after>.+?) ?(?:{foreign})\.?")


def _either(words: Iterable[str]) -> str:
    # The longest first, so that `kshs` is not read as `ksh` and a stray letter.
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def _minor_units(number: str, currency: str) -> int | NotAnAmount:
    if plain := _PLAIN.fullmatch(number):
        return _plain_minor_units(plain, currency)
    counted = _COUNTED.fullmatch(number) or _COUNTED_AFTER.fullmatch(number)
    hundredths = _hundredths(counted["count"]) if counted else None
    # In Zambia `2k` may be two kwacha or two thousand.
    if counted is None or hundredths is None or counted["times"] == _LETTERS.get(currency):
        return NotAnAmount.UNCLEAR
    scale: int = 10 ** EXPONENTS[currency]
    return hundredths * _TIMES[counted["times"]] // 100 * scale


def _plain_minor_units(plain: re.Match[str], currency: str) -> int | NotAnAmount:
    whole = plain["whole"].translate(_NO_MARKS)
    if len(whole) > AMOUNT_DIGITS_MAX:
        return NotAnAmount.TOO_LARGE
    # `500,50` may be five hundred and a half or a slip for 500,500; in `1.000,50` each sign says what it is.
    if plain["point"] and (plain["point"] == plain["mark"] or plain["point"] + (plain["mark"] or "") == ","):
        return NotAnAmount.UNCLEAR
    hundredths = int(whole) * 100 + int(plain["cents"] or 0)
    scaled, rest = divmod(hundredths * 10 ** EXPONENTS[currency], 100)
    return NotAnAmount.FRACTION if rest else scaled


def _hundredths(count: str) -> int | None:
    if count in _COUNT_WORDS:
        return _COUNT_WORDS[count] * 100
    digits = _COUNT.fullmatch(count)
    return int(digits["whole"]) * 100 + int((digits["part"] or "").ljust(2, "0")) if digits else None


# --- meter numbers

_METER = re.compile(
    r"(?:(?:meter|mita|compteur|account|acc|a/c)(?: (?:number|namba|nambari|no|numero))?[.:# ]*)?"
    r"(?P<digits>[0-9]+(?:[ -]+[0-9]+)*)[. ]*"
)
_ROUND_AMOUNT = re.compile(r"[1-9][0-9]{0,2}(?:00|50)")


def meter_in(text: str, lengths: tuple[int, ...]) -> MeterNumber | None:
    """The one meter number this text is, of one of these lengths in digits; spaces and dashes may group it.

    The check digit is not looked at: whether a utility uses one is in its `MeterShape`.
    """
    spelled = _METER.fullmatch(short_line(text))
    if spelled is None or _two_numbers(spelled["digits"].split(), lengths):
        return None
    digits = spelled["digits"].replace(" ", "").replace("-", "")
    return MeterNumber(digits) if len(digits) in lengths else None


def _two_numbers(groups: list[str], lengths: tuple[int, ...]) -> bool:
    # `50 14123456789` has thirteen digits and `500 14123456` eleven; neither is one meter (F-111).
    beside = len(groups) == 2 and any(map(_ROUND_AMOUNT.fullmatch, groups)) and max(map(len, groups)) >= 7
    return beside or (len(groups) > 1 and any(len(group) in lengths for group in groups))


# --- phone numbers


@dataclass(frozen=True, slots=True)
class _Numbering:
    """A country's mobile numbers: calling code, national digits, and first digits that may stand without the 0."""

    code: str
    mobile: re.Pattern[str]
    bare: str


#: From the national numbering plans, a little wider than today's allocations, since new ranges open.
_NUMBERING = {
    "KE": _Numbering("254", re.compile(r"(?:7[0-9]|1[0-48])[0-9]{7}"), "7"),
    "TZ": _Numbering("255", re.compile(r"[67][0-9]{8}"), "67"),
    "UG": _Numbering("256", re.compile(r"7[0-9]{8}"), "7"),
    "RW": _Numbering("250", re.compile(r"7[0-9]{8}"), "7"),
    "NG": _Numbering("234", re.compile(r"[789][0-2][0-9]{8}"), "789"),
    "GH": _Numbering("233", re.compile(r"[25][0-9]{8}"), "25"),
    "ZM": _Numbering("260", re.compile(r"[579][0-9]{8}"), "79"),
    "ZA": _Numbering("27", re.compile(r"[6-8][0-9]{8}"), "678"),
}
_PHONE = re.compile(r"(?P<prefix>\+|00)? ?(?P<rest>[0-9(][0-9 ()-]*)")
_E164_DIGITS = re.compile(r"[1-9][0-9]{6,14}")


def phone_in(text: str, country: str = "KE") -> Phone | None:
    """The one phone number this text is, dialled as in `country` (ISO 3166): `0712 345 678`, `712…`, `254…`, `+254…`.

    Numbers of the countries listed here must be mobile ones, since only those can pay; others pass in E.164 with a
    plus. A bare calling code is read for `country` alone, since `234…` and a 13-digit meter look the same.
    """
    spelled = _PHONE.fullmatch(short_line(text))
    if spelled is None:
        return None
    digits = "".join(_DIGIT.findall(spelled["rest"]))
    home = _NUMBERING.get(country)
    match spelled["prefix"]:
        case "+":
            return _listed(digits) or _elsewhere(digits, home)
        case "00":
            return _listed(digits)
        case _:
            return _national(digits, home) if home else None


def _listed(digits: str) -> Phone | None:
    for plan in _NUMBERING.values():
        if digits.startswith(plan.code):
            return _mobile(digits[len(plan.code) :].removeprefix("0"), plan)
    return None


def _elsewhere(digits: str, home: _Numbering | None) -> Phone | None:
    # `+712345678` is a Kenyan who forgot 254, not somebody whose country code is 7.
    known = any(digits.startswith(plan.code) for plan in _NUMBERING.values())
    if known or not _E164_DIGITS.fullmatch(digits) or (home and _mobile(digits, home)):
        return None
    return Phone(f"+{digits}")


def _national(digits: str, plan: _Numbering) -> Phone | None:
    if digits.startswith("0"):
        return _mobile(digits[1:], plan)
    if digits[:1] in plan.bare and (phone := _mobile(digits, plan)):
        return phone
    # People write the 0 after the calling code too: 254 0712 345 678.
    return _mobile(digits[len(plan.code) :].removeprefix("0"), plan) if digits.startswith(plan.code) else None


def _mobile(national: str, plan: _Numbering) -> Phone | None:
    return Phone(f"+{plan.code}{national}") if plan.mobile.fullmatch(national) else None


def short_line(text: str) -> str:
    """The text cleaned, in lower case, single-spaced; empty when it is too long, or has too many lines, for one number.

    Lines are never joined: `500` above `600` is two numbers.
    """
    if len(text) > TEXT_LENGTH_MAX:
        return ""
    line = clean(text).strip()
    if len(line) > NUMBER_LENGTH_MAX or len(line.splitlines()) > 1:
        return ""
    return " ".join(line.casefold().split())

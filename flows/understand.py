"""Free text understood: numbers, words, whole orders in one line, and what people should not have typed.

Pure and bounded: nothing here asks, stores, or raises on any text. Each reader answers with its own kind or not at
all; whoever needs one imports it from here.
"""

from __future__ import annotations

import re

from flows.characters import TEXT_LENGTH_MAX, clean, fold
from flows.commands import (
    Command,
    choice_in,
    command_in,
    greeting_in,
    label_in,
    language_named,
    language_of,
    yes_no_in,
)
from flows.numbers import NotAnAmount, amount_in, meter_in, phone_in
from flows.one_line import Ambiguous, OneLine, one_line, order_language
from integrations.contract.people import luhn_fits

__all__ = [
    "TEXT_LENGTH_MAX",
    "Ambiguous",
    "Command",
    "NotAnAmount",
    "OneLine",
    "amount_in",
    "choice_in",
    "clean",
    "command_in",
    "greeting_in",
    "label_in",
    "language_named",
    "language_of",
    "looks_like_pin",
    "meter_in",
    "one_line",
    "operator_sms",
    "order_language",
    "phone_in",
    "yes_no_in",
]

_DIGIT = re.compile(r"[0-9]")
_PIN_WORD = r"(?<![a-z])(?:pin|otp|code|siri|password|passcode|pwd|mdp|mot de passe|nywila|w?ibanga)(?![a-z])"
_PIN_DIGITS = (
    r"(?<![0-9])(?<![0-9][.,:/-])(?:[0-9]{4,8}|[0-9](?:[ -][0-9]){3,7}|[0-9]{2,3}[ -][0-9]{2,3})"
    # Not the beginning of a longer number: a token in groups, a decimal, a date.
    r"(?![0-9])(?![.,:/-][0-9])(?!(?: [0-9]{3,4}){2})"
)
_BETWEEN = (
    r"(?:is|was|its|my|your|number|no|ni|yangu|yako|ya|la|namba|nambari|neno|est|mon|de|secret|verification|"
    r"confirmation|pin|code|mpesa|m-pesa)"
)
_NAMED_PIN = re.compile(
    rf"{_PIN_WORD}[ :=#.-]{{0,3}}(?:{_BETWEEN}[ :=#.-]{{1,3}}){{0,5}}{_PIN_DIGITS}"
    rf"|{_PIN_DIGITS}[ ,.-]{{0,2}}(?:is|ni|ndio|ndiyo|est|cest|as) (?:{_BETWEEN} ){{0,4}}{_PIN_WORD}"
    rf"|{_PIN_DIGITS} ?(?:{_BETWEEN} )?{_PIN_WORD}(?: yangu| yako)?$"
)
_LONE_PIN = re.compile(r"[0-9]{4,6}|[0-9](?:[ -][0-9]){3,5}")
_CARD = re.compile(
    r"(?<![0-9+])(?<![0-9]{4}[ -])"
    r"([0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{4}){3}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})"
    r"(?![0-9])(?![ -][0-9]{4}(?![0-9]))"
)


def looks_like_pin(text: str, *, expects_number: bool, lengths: tuple[int, ...] = ()) -> bool:
    """Whether this may give away a PIN, a one-time code or a card number, so that it must not be kept (S-45).

    That is a lone number of 4 to 6 digits where no number was asked for, digits next to a word for such a secret, or
    a card number (ISO/IEC 7812: 13 to 19 digits with a Luhn check digit) that is no meter of one of `lengths`.
    """
    line = fold(text)
    if not _DIGIT.search(line):
        return False
    if not expects_number and _LONE_PIN.fullmatch(line):
        return True
    return bool(_NAMED_PIN.search(line)) or any(_is_card(found, lengths) for found in _CARD.findall(line))


def _is_card(found: str, lengths: tuple[int, ...]) -> bool:
    digits = found.replace(" ", "").replace("-", "")
    # Card numbers begin with 3 to 6, and 22 to 27 where they have 16 digits; so most phones and meters drop out.
    issued = digits[0] in "3456" or (len(digits) == 16 and "22" <= digits[:2] <= "27")
    return issued and len(digits) not in lengths and luhn_fits(digits)


MPESA_RECEIPT_LENGTH = 10
_OPERATOR_SMS = re.compile(r"(?<![A-Z0-9])([A-Z0-9]{8,12})\s{1,3}(?:CONFIRMED|IMETHIBITISHWA)(?![A-Z])")


def operator_sms(text: str) -> str | None:
    """The receipt number in a forwarded M-PESA confirmation (`SKP4T7XYZ1 Confirmed. Ksh500.00 sent to …`).

    It is what the customer says, no proof of anything. None when there is none, or when two SMS were forwarded.
    """
    said = clean(text)
    # About one receipt number in fifteen has letters only; the SMS begins with it and shouts it, as no word would.
    first = said.split(maxsplit=1)[:1]
    found = {
        code
        for code in _OPERATOR_SMS.findall(said.upper())
        if not code.isdigit() and (_DIGIT.search(code) or (len(code) == MPESA_RECEIPT_LENGTH and first == [code]))
    }
    return found.pop() if len(found) == 1 else None

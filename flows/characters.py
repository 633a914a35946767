"""What was typed, reduced to the characters its reader meant. For reading only: what is shown is rebuilt, never echoed.

Phones and keyboards send digits of many scripts, invisible marks and look-alike spaces and dashes (F-105 to F-107).
Everything that understands free text reads it through here first.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: The longest text that is looked at, in characters: what Telegram carries in one message (Bot API, sendMessage).
TEXT_LENGTH_MAX = 4096

# Invisible though not of category Cf: joiners, fillers, variation selectors (Unicode's Default_Ignorable_Code_Point),
# and the keycap, so that a keycap digit is the digit it shows.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u20e3\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SPELLED_ALIKE = {"٫": ".", "٬": ",", "،": ","}
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f]")
_EDGES = ' .,!?;:"()[]{}*_~…“”«»¡¿'


def clean(text: str) -> str:
    """The text in NFKC, at most TEXT_LENGTH_MAX long, without invisible characters, every decimal digit in ASCII.

    Superscripts, fractions, Roman numerals and circled numbers stay as they are, since NFKC would make digits of
    them. Dashes become `-`; Arabic decimal and thousands signs become `.` and `,`. Linear; never raises.
    """
    text = text[:TEXT_LENGTH_MAX]
    if text.isascii():
        return _CONTROL.sub("", text) if not text.isprintable() else text
    composed = unicodedata.normalize("NFC", "".join(map(_meant, text)))
    # Compatibility forms can be longer than what was typed (one Arabic ligature is eighteen letters).
    return composed[:TEXT_LENGTH_MAX]


@lru_cache(maxsize=4096)
def _meant(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category in ("No", "Nl"):
        return char
    if char in _SPELLED_ALIKE:
        return _SPELLED_ALIKE[char]
    if category in ("Cf", "Cs") or _INVISIBLE.match(char) or (category == "Cc" and not char.isspace()):
        return ""
    if category == "Pd":
        return "-"
    return _compatible(char)


def _compatible(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char).replace("\N{MINUS SIGN}", "-")
    # A few symbols that are no numerals (a month, an hour of the day) would still turn into digits.
    return plain if char.isascii() or not any("0" <= part <= "9" for part in plain) else char


def fold(text: str) -> str:
    """The text as words are compared: cleaned, without case, accents, apostrophes, emoji and outer punctuation."""
    plain = clean(text).casefold()
    if not plain.isascii():
        plain = _unaccented(plain)
    line = " ".join(plain.replace("'", "").split())
    return line.strip(_EDGES) or line


def _unaccented(text: str) -> str:
    bare = "".join(map(_letter, unicodedata.normalize("NFD", text)))
    if bare.strip(_EDGES):
        return bare
    # Nothing but emoji: then they are what was said. Skin tones say nothing (U+1F3FB to U+1F3FF).
    return "".join(char for char in text if not "\U0001f3fb" <= char <= "\U0001f3ff")


@lru_cache(maxsize=4096)
def _letter(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Mn" or char in "’‘`´ʼ":
        return ""
    return " " if category in ("So", "Sk") else char

"""Things that belong to a person. Printing one prints a mask; `reveal()` is for the wire and for that person."""

from __future__ import annotations

import re
from dataclasses import dataclass

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_METER = re.compile(r"[0-9]{4,20}")
_TOKEN = re.compile(r"[0-9]{20}")

#: STS tokens are 66 bits printed as 20 digits (IEC 62055-41), so a genuine one is below this.
TOKEN_LIMIT = 2**66


@dataclass(frozen=True, slots=True, repr=False)
class _Masked:
    value: str

    def __post_init__(self) -> None:
        """Subclasses refuse what is not theirs; without this the generated `__init__` would never call them."""

    def reveal(self) -> str:
        """The true value."""
        return self.value

    def __str__(self) -> str:
        return self.masked()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.masked()})"

    def __format__(self, spec: str) -> str:
        return format(self.masked(), spec)

    def masked(self) -> str:
        """What may be shown to others and written to logs."""
        return "••••"


class Secret(_Masked):
    """A password, key or bearer token from the settings."""

    __slots__ = ()


class Phone(_Masked):
    """A phone number in E.164 with its plus: `+254712345678`."""

    __slots__ = ()

    def __post_init__(self) -> None:
        if not _E164.fullmatch(self.value):
            raise ValueError("a phone number is E.164: a plus and 7 to 15 digits")

    def masked(self) -> str:
        return f"{self.value[:4]}••••{self.value[-3:]}"


class MeterNumber(_Masked):
    """The number on a prepaid meter: ASCII digits as a string, leading zeros kept."""

    __slots__ = ()

    def __post_init__(self) -> None:
        if not _METER.fullmatch(self.value):
            raise ValueError("a meter number is 4 to 20 digits")

    def masked(self) -> str:
        return f"••••{self.value[-4:]}"

    @property
    def check_digit_fits(self) -> bool:
        """Whether the last digit is the Luhn check digit of an STS meter (IEC 62055-41); all zeros never fit."""
        return luhn_fits(self.value) and int(self.value) != 0


class TokenNumber(_Masked):
    """Twenty digits a customer types into a meter; a string, since leading zeros are real."""

    __slots__ = ()

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.value):
            raise ValueError("a token is 20 digits")

    def masked(self) -> str:
        return f"•••• {self.value[-4:]}"

    @property
    def grouped(self) -> str:
        """Five groups of four, as people read them aloud."""
        return " ".join(self.value[i : i + 4] for i in range(0, 20, 4))

    @property
    def loadable(self) -> bool:
        """Whether the digits fit in the 66 bits of a genuine token; the sandbox's never do."""
        return int(self.value) < TOKEN_LIMIT


def luhn_fits(digits: str) -> bool:
    """Standard Luhn, the rightmost digit being the check digit."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        number = int(char) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def masked_name(name: str) -> str:
    """`JANE WANJIKU` as `J••• W••••••`: enough to recognise an owner, too little to learn one (S-21)."""
    return " ".join(word[0] + "•" * min(len(word) - 1, 6) for word in name.split())

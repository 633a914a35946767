"""Money as integer minor units with a currency; no float ever touches it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

#: Digits after the decimal point, by ISO 4217 code (ISO 4217 table of minor units).
EXPONENTS = {"KES": 2, "TZS": 2, "UGX": 0, "RWF": 0, "ZAR": 2, "NGN": 2, "GHS": 2, "ZMW": 2}

#: No single amount anywhere may be larger than this many minor units; larger is a parsing mistake.
MINOR_UNITS_MAX = 10**13

#: What wire formats write: no exponent, no infinity, and few enough digits to be an amount at all.
_PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{0,10})?")


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units (cents of KES, whole UGX) of one ISO 4217 currency."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are an int, not {type(self.minor).__name__}")
        if abs(self.minor) > MINOR_UNITS_MAX:
            raise ValueError("amount is beyond any bill")
        if self.currency not in EXPONENTS:
            raise ValueError(f"no currency {self.currency!r} in the table of minor units")

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return other.minor

    @property
    def whole(self) -> int | None:
        """The amount in whole major units (shillings), or None when cents remain."""
        units, cents = divmod(self.minor, 10 ** EXPONENTS[self.currency])
        return None if cents else units

    def decimal_text(self) -> str:
        """The amount as a plain decimal for a wire format: `Money(9000, "KES")` is `90.00`."""
        exponent = EXPONENTS[self.currency]
        return str(Decimal(self.minor).scaleb(-exponent).quantize(Decimal(1).scaleb(-exponent)))

    @classmethod
    def of(cls, major: int, currency: str) -> Money:
        """Whole major units: `Money.of(500, "KES")` is five hundred shillings."""
        return cls(major * 10 ** EXPONENTS[currency], currency)

    @classmethod
    def from_decimal_text(cls, text: str, currency: str) -> Money:
        """Read a plain decimal from a wire format exactly; ValueError when it has more digits than the currency."""
        if not _PLAIN_DECIMAL.fullmatch(text.strip()):
            raise ValueError(f"not a plain decimal: {text[:32]!r}")
        scaled = Decimal(text.strip()).scaleb(EXPONENTS[currency])
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{text[:32]!r} has more digits than {currency}")
        return cls(int(scaled), currency)

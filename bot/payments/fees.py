"""Our own fee, by bands of the amount. From the settings; rounded nowhere but here (I-18)."""

from __future__ import annotations

from dataclasses import dataclass

from integrations.contract.money import Money


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts up to and including `up_to` cost `fee`."""

    up_to: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class Fees:
    """The bands in rising order; an amount above the last costs the last band's fee. No bands: no fee."""

    currency: str
    bands: tuple[Band, ...] = ()

    def of(self, amount: Money) -> Money:
        """The fee for this amount."""
        for band in self.bands:
            if amount.minor <= band.up_to.minor:
                return band.fee
        return self.bands[-1].fee if self.bands else Money(0, self.currency)

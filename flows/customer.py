"""What a flow knows of the person it talks with and of the trade it sells for."""

from __future__ import annotations

from dataclasses import dataclass

from flows.text import Json
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone


@dataclass(frozen=True, slots=True)
class Trade:
    """What is sold here and how: the utility's meters and limits, the operator's prompt, our fee. From the settings."""

    utility: str
    utility_title: str
    meter_lengths: tuple[int, ...]
    meter_luhn: bool
    operator: str
    operator_title: str
    merchant: str
    currency: str
    country: str
    minimum: Money
    maximum: Money
    step: Money
    zone: str
    support_contact: str
    languages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KnownMeter:
    """A meter this customer has used: its owner's masked name, and what they call it."""

    number: MeterNumber
    owner: str
    nickname: str = ""

    @property
    def title(self) -> str:
        """How it is shown in a list: `Mama (••••6789)`."""
        return f"{self.nickname or self.owner} ({self.number.masked()})"


@dataclass(frozen=True, slots=True)
class Customer:
    """The person, as known when this flow began; kept with the journal, so a replay sees the same."""

    trade: Trade
    phone: Phone | None = None
    meters: tuple[KnownMeter, ...] = ()

    @property
    def nicknames(self) -> tuple[str, ...]:
        """The names they gave their meters."""
        return tuple(meter.nickname for meter in self.meters if meter.nickname)

    def called(self, nickname: str) -> KnownMeter | None:
        """Their meter of that name."""
        wanted = nickname.casefold()
        if not wanted:
            return None
        return next((meter for meter in self.meters if meter.nickname.casefold() == wanted), None)


def to_json(who: Customer) -> Json:
    """What must be the same on every replay."""
    return {
        "phone": who.phone.reveal() if who.phone else None,
        "meters": [[meter.number.reveal(), meter.owner, meter.nickname] for meter in who.meters],
    }


def from_json(data: Json, trade: Trade) -> Customer:
    """The Customer that `to_json` wrote, beside today's trade."""
    phone = Phone(data["phone"]) if data["phone"] else None
    return Customer(trade, phone, tuple(KnownMeter(MeterNumber(n), owner, nick) for n, owner, nick in data["meters"]))

"""The questions flows put to the world, typed. A worker answers them (`bot/lookups.py`); they only read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from flows.talk import Call
from flows.text import Body, Json, body_from_json
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone


@dataclass(frozen=True, slots=True)
class FoundMeter:
    """A meter that may buy; `owner` is masked. Bounds are the utility's for this meter, where it gives any."""

    meter: MeterNumber
    owner: str
    minimum: Money | None
    maximum: Money | None


@dataclass(frozen=True, slots=True)
class Sorry:
    """It cannot be done, and why, in words for the customer. `over`: another try of the same would end the same."""

    why: Body
    over: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """What holds now for this purchase: the fee, what the amount would buy, and anything to consider first."""

    fee: Money
    units: str
    notes: Body


@dataclass(frozen=True, slots=True)
class LastPurchase:
    """What was bought last, to buy it again."""

    meter: MeterNumber
    owner: str
    amount: Money


FindAnswer: TypeAlias = FoundMeter | Sorry
OfferAnswer: TypeAlias = Offer | Sorry
LastAnswer: TypeAlias = LastPurchase | Sorry


def find_meter(meter: MeterNumber) -> Call[FindAnswer]:
    """Ask the utility whose meter this is."""
    return Call("find_meter", {"meter": meter.reveal()}, _found)


def price(meter: MeterNumber, amount: Money, payer: Phone) -> Call[OfferAnswer]:
    """Ask what holds for this purchase now: the utility's quote, our fee, the limits on prompts to that phone."""
    args = {"meter": meter.reveal(), "amount": money_to_json(amount), "payer": payer.reveal()}
    return Call("price", args, _offer)


def last_purchase() -> Call[LastAnswer]:
    """What did this customer buy last?"""
    return Call("last_purchase", {}, _last)


def may_retry(payment: str, after: int) -> Call[Sorry | None]:
    """May this payment be prompted once more, its attempt number `after` having ended without money?"""
    return Call("may_retry", {"payment": payment, "after": after}, lambda data: _sorry(data) if data else None)


def money_to_json(amount: Money) -> Json:
    """Money as plain JSON."""
    return [amount.minor, amount.currency]


def money_from_json(data: Json) -> Money:
    """The Money that `money_to_json` wrote."""
    minor, currency = data
    return Money(minor, currency)


def _sorry(data: Json) -> Sorry:
    return Sorry(body_from_json(data["sorry"]), data["over"])


def _found(data: Json) -> FindAnswer:
    if "sorry" in data:
        return _sorry(data)
    minimum, maximum = (money_from_json(data[name]) if data[name] else None for name in ("minimum", "maximum"))
    return FoundMeter(MeterNumber(data["meter"]), data["owner"], minimum, maximum)


def _offer(data: Json) -> OfferAnswer:
    if "sorry" in data:
        return _sorry(data)
    return Offer(money_from_json(data["fee"]), data["units"], body_from_json(data["notes"]))


def _last(data: Json) -> LastAnswer:
    if "sorry" in data:
        return _sorry(data)
    return LastPurchase(MeterNumber(data["meter"]), data["owner"], money_from_json(data["amount"]))

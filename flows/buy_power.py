"""Buying prepaid electricity: which meter, how much, who pays, is that right?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flows import questions, words
from flows.customer import Customer
from flows.lookups import FoundMeter, Offer, Sorry, find_meter, last_purchase, money_to_json, price
from flows.talk import Commit, Say
from flows.text import Json, T
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone

REVISION = 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What the first line already said, as far as it did."""

    meter: MeterNumber | None = None
    amount: Money | None = None
    payer: Phone | None = None


async def buy_power(who: Customer, args: Mapping[str, Json]) -> None:
    """Buy step by step, skipping what the first line said."""
    wish = _wish(who, args)
    account = await find_account(who, wish.meter)
    if account is None:
        return
    await purchase(who, account, wish)


async def buy_again(who: Customer, _args: Mapping[str, Json]) -> None:
    """The last purchase once more: price and limits are asked anew, and it is confirmed like any other."""
    last = await last_purchase()
    if isinstance(last, Sorry):
        await Say(last.why, words.MENU)
        return
    account = await find_account(who, last.meter)
    if account is not None:
        await purchase(who, account, Wish(amount=last.amount))


async def find_account(who: Customer, meter: MeterNumber | None) -> FoundMeter | None:
    """The meter and its owner, recognised by the customer. None when it came to nothing and they know why."""
    while True:
        number = meter or await questions.which_meter(who)
        meter = None
        if not _checks_out(who, number) and not await questions.number_is_right(number):
            continue
        found = await find_meter(number)
        if isinstance(found, Sorry):
            await Say(found.why, () if not found.over else words.MENU)
            if found.over:
                return None
            continue
        if _recognised(who, found) or await questions.is_this_the_owner(found):
            return found


async def purchase(who: Customer, account: FoundMeter, wish: Wish) -> None:
    """From a meter to an opened payment."""
    amount = wish.amount
    if amount is None or questions.outside(amount, who, account):
        amount = await questions.how_much(who, account)
    payer = wish.payer or await questions.who_pays(who)
    while True:
        offer = await price(account.meter, amount, payer)
        if isinstance(offer, Sorry):
            await Say(offer.why, words.MENU)
            return
        match await questions.confirm(who, account, amount, payer, offer):
            case "pay":
                await open_payment(account, amount, payer, offer)
                return
            case "amount":
                amount = await questions.how_much(who, account)
            case "payer":
                payer = await questions.which_phone(who)
            case "stop":
                await Say((T("Cancelled. Nothing was charged for this order."),), words.MENU)
                return
            case Money() as other:
                amount = other


async def open_payment(account: FoundMeter, amount: Money, payer: Phone, offer: Offer) -> None:
    """Write the payment, bound to exactly what was shown. From here on it is a row, not a conversation."""
    await Commit(
        "open_payment",
        {
            "meter": account.meter.reveal(),
            "owner": account.owner,
            "amount": money_to_json(amount),
            "fee": money_to_json(offer.fee),
            "payer": payer.reveal(),
        },
    )


def _wish(who: Customer, args: Mapping[str, Json]) -> Wish:
    known = who.called(args["nickname"]) if args.get("nickname") else None
    meter = known.number if known else MeterNumber(args["meter"]) if args.get("meter") else None
    amount = Money(args["amount"], who.trade.currency) if args.get("amount") else None
    return Wish(meter, amount, Phone(args["payer"]) if args.get("payer") else None)


def _known(who: Customer, number: MeterNumber) -> bool:
    return any(meter.number == number for meter in who.meters)


def _recognised(who: Customer, found: FoundMeter) -> bool:
    """Whether they know this meter under this owner; a new owner's name is shown before money follows it (F-059)."""
    return any((meter.number, meter.owner) == (found.meter, found.owner) for meter in who.meters)


def _checks_out(who: Customer, number: MeterNumber) -> bool:
    return not who.trade.meter_luhn or number.check_digit_fits or _known(who, number)

"""Buying prepaid electricity: which meter, how much, who pays, is that right?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from flows import questions, words
from flows.customer import Customer
from flows.lookups import FoundMeter, Offer, Sorry, find_meter, last_purchase, money_to_json, price
from flows.talk import Choice, Commit, Say
from flows.text import Json, T
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone

REVISION = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What the first line already said, as far as it did."""

    meter: MeterNumber | None = None
    amount: Money | None = None
    payer: Phone | None = None


async def buy_power(who: Customer, args: Mapping[str, Json]) -> None:
    """Buy step by step, skipping what the first line said. A stranger is welcomed by the first question itself.

    `welcome` is the code of the language in force when a stranger came, empty for anybody else.
    """
    also: tuple[Choice, ...] = ()
    if args.get("welcome"):
        await Say(words.WELCOME)
        also = words.first_contact(who.trade.languages, args["welcome"])
    await purchase(who, _wish(who, args), also)


async def buy_again(who: Customer, _args: Mapping[str, Json]) -> None:
    """The last purchase once more: price and limits are asked anew, and it is confirmed like any other."""
    last = await last_purchase()
    if isinstance(last, Sorry):
        await Say(last.why, words.MENU)
        return
    await purchase(who, Wish(last.meter, last.amount))


async def find_account(who: Customer, meter: MeterNumber | None, also: tuple[Choice, ...] = ()) -> FoundMeter | None:
    """The meter and its owner, not yet recognised by anybody. None when it came to nothing and they know why."""
    while True:
        number = meter or await questions.which_meter(who, also)
        meter, also = None, ()
        if not _checks_out(who, number) and not await questions.number_is_right(number):
            continue
        found = await find_meter(number)
        if isinstance(found, FoundMeter):
            return found
        await Say(found.why, () if not found.over else words.MENU)
        if found.over:
            return None


async def purchase(who: Customer, wish: Wish, also: tuple[Choice, ...] = ()) -> None:
    """From whatever was said to an opened payment. The owner is shown beside the amount, and again before paying."""
    account = await find_account(who, wish.meter, also)
    amount, payer = wish.amount, wish.payer
    while account is not None:
        if amount is None or questions.outside(amount, who, account):
            match await questions.how_much(who, account):
                case Money() as said:
                    amount = said
                case other:
                    amount = None
                    account = await find_account(who, other if isinstance(other, MeterNumber) else None)
                    continue
        payer = payer or await questions.who_pays(who)
        offer = await price(account.meter, amount, payer)
        if isinstance(offer, Sorry):
            await Say(offer.why, words.MENU)
            return
        match await decide(who, account, amount, payer, offer):
            case "pay":
                await open_payment(account, amount, payer, offer)
                return
            case "stop":
                await Say((T("Cancelled. Nothing was charged for this order."),), words.MENU)
                return
            case "meter":
                account = await find_account(who, None)
            case "payer":
                payer = await questions.which_phone(who)
            case "amount":
                amount = None
            case Money() as other:
                amount = other


async def decide(
    who: Customer, account: FoundMeter, amount: Money, payer: Phone, offer: Offer
) -> Literal["pay", "stop"] | questions.Change:
    """What is to be done with an order that is whole: pay it, leave it, or what to change about it."""
    decision = await questions.confirm(who, account, amount, payer, offer)
    return await questions.what_to_change(who, account) if decision == "change" else decision


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


def _checks_out(who: Customer, number: MeterNumber) -> bool:
    return not who.trade.meter_luhn or number.check_digit_fits or _known(who, number)

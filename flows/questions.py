"""The questions of buying electricity, each with what it accepts."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypeVar

from flows.customer import Customer
from flows.lookups import FoundMeter, Offer
from flows.talk import Answer, Ask, Choice, Invalid
from flows.text import BLANK, Body, T, Text, verbatim
from flows.understand import amount_in, looks_like_pin, meter_in, phone_in, yes_no_in
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone

#: A price holds this long; afterwards it is asked for again.
OFFER_SECONDS = 600

#: Amounts offered as buttons, in whole units of the currency.
USUAL_AMOUNTS = (200, 500, 1000)

#: Where a PIN might be typed by mistake, a bare number is an amount when it is a multiple of this, in minor units.
ROUND_MINOR = 1000

#: So many saved meters are offered as buttons; others are typed.
METERS_OFFERED_MAX = 6

#: So few amounts are offered for a new meter, where `another meter` is a button too: three fit under one message.
AMOUNTS_BESIDE_ANOTHER_METER = 2

YES = Choice("yes", T("Yes"))
ANOTHER_METER = Choice("meter", T("Another meter"))

NO_AMOUNT = T("That is not an amount. Write it like *500*.")

Picked = TypeVar("Picked")

HowMuch: TypeAlias = Money | MeterNumber | Literal["meter"]
Change: TypeAlias = Literal["amount", "payer", "meter"] | Money
Decision: TypeAlias = Literal["pay", "change", "stop"] | Money


def which_meter(who: Customer, also: tuple[Choice, ...] = ()) -> Ask[MeterNumber]:
    """A meter number, or one of the customer's own meters. `also` are global words to offer with it."""
    offered = who.meters[:METERS_OFFERED_MAX]
    choices = tuple(Choice(f"m{place}", verbatim(meter.title)) for place, meter in enumerate(offered))

    def parse(answer: Answer) -> MeterNumber:
        if answer.choice:
            return _pick(answer.choice, choices, [meter.number for meter in offered])
        known = who.called(answer.text.strip())
        meter = known.number if known else meter_in(answer.text, who.trade.meter_lengths)
        if meter is None:
            lengths = " / ".join(str(length) for length in who.trade.meter_lengths)
            raise Invalid(
                T("That is not a meter number. It has {lengths} digits, printed on the meter.", lengths=lengths)
            )
        return meter

    body: Body = (T("Which meter number?"),)
    return Ask("meter", body, parse, choices, also, expects_number=True)


def number_is_right(number: MeterNumber) -> Ask[bool]:
    """The check digit does not fit: a typing mistake, or one of the meters that have none."""
    body = (
        T("Please compare with your meter: *{number}*", number=number.reveal()),
        T("Its last digit does not fit the others, so one may be mistyped. Is it right?"),
    )
    return Ask("number_is_right", body, _yes_or_no, (YES, Choice("no", T("No, type it again"))))


def how_much(who: Customer, account: FoundMeter) -> Ask[HowMuch]:
    """An amount within the utility's and the operator's limits, for the meter and owner shown; or another meter.

    Only a name tells a valid number from somebody else's valid number, so whoever sees it here can say no.
    """
    usual = [Money.of(units, who.trade.currency) for units in USUAL_AMOUNTS]
    amounts = [amount for amount in usual if not outside(amount, who, account)]
    more: tuple[Choice, ...] = ()
    if not recognised(who, account):
        amounts, more = amounts[:AMOUNTS_BESIDE_ANOTHER_METER], (ANOTHER_METER,)
    choices = (*(Choice(f"a{amount.minor}", T("{amount}", amount=amount)) for amount in amounts), *more)

    def parse(answer: Answer) -> HowMuch:
        if answer.choice == "meter" or yes_no_in(answer.text) is False:
            return "meter"
        if answer.choice:
            return _pick(answer.choice, choices[: len(amounts)], amounts)
        amount = amount_in(answer.text, who.trade.currency)
        why = outside(amount, who, account) if isinstance(amount, Money) else (NO_AMOUNT,)
        if isinstance(amount, Money) and not why:
            return amount
        meter = meter_in(answer.text, who.trade.meter_lengths)
        if meter is None:
            raise Invalid(*why)
        return meter

    low, high = _bounds(who, account)
    body = (
        T("Meter *{number}*", number=account.meter.reveal()),
        T("Owner: *{owner}*", owner=account.owner),
        BLANK,
        T("How much electricity? From {minimum} to {maximum}.", minimum=low, maximum=high),
    )
    return Ask("amount", body, parse, choices, expects_number=True)


def recognised(who: Customer, found: FoundMeter) -> bool:
    """Whether they know this meter under this owner; a new owner's name is shown before money follows it (F-059)."""
    return any((meter.number, meter.owner) == (found.meter, found.owner) for meter in who.meters)


def outside(amount: Money, who: Customer, account: FoundMeter) -> Body:
    """Why this amount cannot be sold here; empty when it can."""
    low, high = _bounds(who, account)
    if amount.minor < low.minor:
        return (T("The least is {minimum}.", minimum=low),)
    if amount.minor > high.minor:
        return (T("The most is {maximum}.", maximum=high),)
    if amount.minor % who.trade.step.minor:
        return (T("Please use a whole amount: mobile money takes no cents."),)
    return ()


def _bounds(who: Customer, account: FoundMeter) -> tuple[Money, Money]:
    low = max((bound for bound in (who.trade.minimum, account.minimum) if bound), key=lambda bound: bound.minor)
    high = min((bound for bound in (who.trade.maximum, account.maximum) if bound), key=lambda bound: bound.minor)
    return low, high


async def who_pays(who: Customer) -> Phone:
    """The customer's own proven phone without asking, else the phone they share or type."""
    return who.phone or await which_phone(who)


def which_phone(who: Customer) -> Ask[Phone]:
    """A paying number: shared by the channel, or typed."""
    choices = (Choice("own", T("My phone {phone}", phone=str(who.phone))),) if who.phone else ()

    def parse(answer: Answer) -> Phone:
        if answer.phone:
            return Phone(answer.phone)
        if answer.choice == "own" and who.phone:
            return who.phone
        phone = phone_in(answer.text, who.trade.country)
        if phone is None:
            raise Invalid(T("That is not a phone number. Write it like *0712 345 678*."))
        return phone

    body = (
        T("Which {operator} number pays?", operator=who.trade.operator_title),
        T("Write it like *0712 345 678*."),
    )
    return Ask("payer", body, parse, choices, expects_number=True, share_phone=T("Share my phone number"))


def confirm(who: Customer, account: FoundMeter, amount: Money, payer: Phone, offer: Offer) -> Ask[Decision]:
    """Everything once more, with fee, total and what the phone will say. A new amount typed here is a change."""
    choices = (
        Choice("pay", T("Pay {total}", total=amount + offer.fee)),
        Choice("change", T("Change")),
        Choice("stop", T("Cancel")),
    )

    def parse(answer: Answer) -> Decision:
        match answer.choice:
            case "pay" | "change" | "stop":
                return answer.choice
            case _:
                return _typed_decision(answer.text, who, account)

    return Ask(
        "confirm",
        _restated(who, account, amount, payer, offer),
        parse,
        choices,
        fresh=True,
        valid_seconds=OFFER_SECONDS,
        always=("change", "stop"),
    )


def what_to_change(who: Customer, account: FoundMeter) -> Ask[Change]:
    """What is not right about an order; a new amount typed here is that change already."""
    choices = (Choice("amount", T("Amount")), Choice("payer", T("Phone")), Choice("meter", T("Meter")))

    def parse(answer: Answer) -> Change:
        match answer.choice:
            case "amount" | "payer" | "meter":
                return answer.choice
            case _:
                return _typed_amount(answer.text, who, account, T("Please tap a button, or type its words."))

    return Ask("change", (T("What shall I change?"),), parse, choices)


def _restated(who: Customer, account: FoundMeter, amount: Money, payer: Phone, offer: Offer) -> Body:
    lines = [
        T("*Please check*"),
        T("Meter *{number}*", number=account.meter.reveal()),
        T("Owner: *{owner}*", owner=account.owner),
        T("Electricity: {amount}", amount=amount),
    ]
    if offer.units:
        lines.append(T("That is about {units}", units=offer.units))
    lines.append(T("Fee: {fee}", fee=offer.fee) if offer.fee.minor else T("Fee: none"))
    lines.append(T("Total: *{total}* from {phone}", total=amount + offer.fee, phone=_phone(who, payer)))
    lines.append(BLANK)
    lines.append(
        T(
            "The phone will ask to pay *{total}* to *{merchant}*, account {account}… Type the PIN there, not here.",
            total=amount + offer.fee,
            merchant=who.trade.merchant,
            account=account.meter.reveal()[-4:],
        )
    )
    if offer.notes:
        lines.extend((BLANK, *offer.notes))
    return tuple(lines)


def _phone(who: Customer, payer: Phone) -> str:
    return payer.reveal() if payer != who.phone else payer.masked()


def _typed_decision(text: str, who: Customer, account: FoundMeter) -> Decision:
    answer = yes_no_in(text)
    if answer is not None:
        return "pay" if answer else "stop"
    return _typed_amount(text, who, account, T("Write *yes* to pay, *no* to stop, or another amount."))


def _typed_amount(text: str, who: Customer, account: FoundMeter, otherwise: Text) -> Money:
    amount = amount_in(text, who.trade.currency)
    if not isinstance(amount, Money) or _may_be_pin(text, amount):
        raise Invalid(otherwise)
    why = outside(amount, who, account)
    if why:
        raise Invalid(*why)
    return amount


def _may_be_pin(text: str, amount: Money) -> bool:
    """A lone `4821` below words about a PIN is one sooner than an amount; amounts are round."""
    return amount.minor % ROUND_MINOR != 0 and looks_like_pin(text, expects_number=False)


def _yes_or_no(answer: Answer) -> bool:
    said = {"yes": True, "no": False}.get(answer.choice) if answer.choice else yes_no_in(answer.text)
    if said is None:
        raise Invalid(T("Please answer *yes* or *no*."))
    return said


def _pick(chosen: str, choices: tuple[Choice, ...], values: list[Picked]) -> Picked:
    for choice, value in zip(choices, values, strict=True):
        if choice.id == chosen:
            return value
    raise Invalid(T("Please tap a button, or type its words."))

"""A customer's own meters: buy for one, name it, forget it."""

from __future__ import annotations

from collections.abc import Mapping

from flows import words
from flows.buy_power import Wish, purchase
from flows.customer import Customer, KnownMeter
from flows.questions import METERS_OFFERED_MAX
from flows.talk import Answer, Ask, Choice, Commit, Invalid, Say
from flows.text import Json, T, verbatim
from flows.understand import meter_in

REVISION = 2

NICKNAME_LENGTH_MAX = 24


async def my_meters(who: Customer, _args: Mapping[str, Json]) -> None:
    """Show the meters this customer has bought for, and do something with one."""
    if not who.meters:
        await Say((T("You have no meters here yet. Buy once, and the meter is kept."),), words.MENU)
        return
    meter = await which_of_mine(who)
    match await what_to_do(meter):
        case "buy":
            await purchase(who, Wish(meter.number))
        case "name":
            name = await which_name(who, meter)
            await Commit("name_meter", {"meter": meter.number.reveal(), "nickname": name})
            await Say((T("It is called *{name}* now. To buy for it, write *500 {name}*.", name=name),))
        case _:
            await Commit("forget_meter", {"meter": meter.number.reveal()})
            await Say((T("Removed. Receipts of earlier purchases stay."),), words.MENU)


def which_of_mine(who: Customer) -> Ask[KnownMeter]:
    """One of their own meters, by button, place in the list, name or number."""
    offered = who.meters[:METERS_OFFERED_MAX]
    choices = tuple(Choice(f"m{place}", verbatim(meter.title)) for place, meter in enumerate(offered))

    def parse(answer: Answer) -> KnownMeter:
        number = meter_in(answer.text, who.trade.meter_lengths)
        chosen = [meter for choice, meter in zip(choices, offered, strict=True) if choice.id == answer.choice]
        typed = [meter for meter in who.meters if meter.number == number or meter == who.called(answer.text.strip())]
        if not (chosen or typed):
            raise Invalid(T("Please choose one of your meters, or type its number or name."))
        return (chosen or typed)[0]

    return Ask("which_of_mine", (T("*Your meters*"), T("Which one?")), parse, choices)


def what_to_do(meter: KnownMeter) -> Ask[str]:
    """What to do with it."""
    choices = (
        Choice("buy", T("Buy electricity")),
        Choice("name", T("Give it a name")),
        Choice("forget", T("Remove meter")),
    )

    def parse(answer: Answer) -> str:
        if answer.choice not in {"buy", "name", "forget"}:
            raise Invalid(T("Please tap a button, or type its words."))
        return answer.choice

    body = (T("Meter *{number}*", number=meter.number.reveal()), T("Owner: *{owner}*", owner=meter.owner))
    return Ask("what_to_do", body, parse, choices)


def which_name(who: Customer, meter: KnownMeter) -> Ask[str]:
    """A short name, unique among their meters, that cannot be mistaken for a number."""

    def parse(answer: Answer) -> str:
        name = " ".join(answer.text.split())
        if not name or len(name) > NICKNAME_LENGTH_MAX or not any(char.isalpha() for char in name):
            raise Invalid(T("A name has letters and at most {count} characters.", count=NICKNAME_LENGTH_MAX))
        taken = who.called(name)
        if taken is not None and taken.number != meter.number:
            raise Invalid(T("You already call another meter that. Please choose another name."))
        return name

    return Ask("nickname", (T("What shall I call it? For example *Mama* or *Shop*."),), parse)

"""The questions of buying: which meter, how much, who pays. What fits them, and what their answers lead to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flows.customer import Customer, KnownMeter
from flows.lookups import money_to_json
from flows.questions import METERS_OFFERED_MAX
from flows.text import Text
from flows.turn import Said
from integrations.contract.people import MeterNumber
from tests.flows.chat import (
    KES,
    MAMA,
    METER,
    NOBODY,
    OTHER_METER,
    OTHER_PHONE,
    PHONE,
    REGULAR,
    TRADE,
    Chat,
    asked,
    at_lookup,
    at_meter,
    choices,
    dispositions,
    found,
    order_of,
    priced,
    sentences,
    sorry,
)

MISTYPED = "14123456784"


def priced_for(amount: int, payer: str = PHONE.reveal(), meter: str = METER.reveal()) -> dict[str, Any]:
    return {"meter": meter, "amount": money_to_json(KES(amount)), "payer": payer}


def at_amount(bounds: dict[str, Any] | None = None, who: Customer = NOBODY) -> Chat:
    chat = at_lookup(who)
    chat.answer({**found(), **(bounds or {})})
    assert chat.asked_key == "amount"
    return chat


# --- the meter


def test_saved_meters_are_offered_and_taken_by_button_name_or_number() -> None:
    [question] = asked(Chat(REGULAR).type("buy"))
    assert choices(question) == ["m0"]
    for answer in ("mama", " Mama ", METER.reveal(), MAMA.title):
        chat = at_meter(REGULAR)
        chat.type(answer)
        assert chat.errand.args == {"meter": METER.reveal()}
    chat = at_meter(REGULAR)
    chat.tap("m0")
    assert chat.errand.args == {"meter": METER.reveal()}


def test_only_so_many_meters_are_offered() -> None:
    many = tuple(KnownMeter(MeterNumber(f"1412345{place:04}"), "A", f"n{place}") for place in range(12))
    [question] = asked(Chat(Customer(TRADE, PHONE, many)).type("buy"))
    assert choices(question) == [f"m{place}" for place in range(METERS_OFFERED_MAX)]
    chat = at_meter(Customer(TRADE, PHONE, many))
    chat.type("n11")
    assert chat.errand.args == {"meter": "14123450011"}


@pytest.mark.parametrize("text", ["141234567", "mother", "1412345678412", "²²²²²²²²²²²", "0712345678", "-14123456783x"])
def test_what_is_no_meter_number_is_asked_again(text: str) -> None:
    chat = at_meter()
    assert dispositions(chat.type(text)) in (["misfit"], ["answer"])
    assert chat.asked_key in {"meter", "number_is_right"}
    assert chat.pending is None


def test_a_wrong_check_digit_is_pointed_out_before_anybody_is_asked() -> None:
    chat = at_meter()
    chat.type(MISTYPED)
    assert (chat.asked_key, chat.pending) == ("number_is_right", None)
    chat.type("no")
    assert chat.asked_key == "meter"
    chat.type(MISTYPED)
    chat.type("yes")
    assert chat.errand.args == {"meter": MISTYPED}


def test_a_meter_without_check_digit_is_not_doubted_where_there_are_none_or_it_was_bought_for() -> None:
    plain = Customer(replace(TRADE, meter_luhn=False))
    known = Customer(TRADE, PHONE, (KnownMeter(MeterNumber(MISTYPED), "A"),))
    for who in (plain, known):
        chat = at_meter(who)
        chat.type(MISTYPED)
        assert chat.errand.args == {"meter": MISTYPED}


def test_an_owner_they_do_not_recognise_is_not_bought_for() -> None:
    chat = at_lookup()
    chat.answer(found())
    chat.tap("meter")
    assert chat.asked_key == "meter"
    chat.type(OTHER_METER.reveal())
    chat.answer(found(OTHER_METER, "P•••"))
    chat.type("500")
    chat.share()
    assert chat.errand.args == priced_for(500, meter=OTHER_METER.reveal())
    chat.answer(priced())
    assert order_of(chat.tap("pay")).args["owner"] == "P•••"


def owners(said: Said) -> list[Any]:
    return [text.values["owner"] for text in said.body if "owner" in text.values]


@pytest.mark.parametrize("who", [NOBODY, REGULAR])
@pytest.mark.parametrize("line", ["buy", "500 14123456783 0712345678"])
def test_F059_an_owner_is_shown_before_the_amount_and_before_the_money(who: Customer, line: str) -> None:
    chat = Chat(who)
    chat.type(line)
    if chat.asked_key == "meter":
        chat.type(METER.reveal())
    turn = chat.answer(found(owner="N•• O••••"))
    if chat.asked_key == "amount":
        assert owners(*asked(turn)) == ["N•• O••••"]
        turn = chat.type("500")
    if chat.asked_key == "payer":
        chat.share()
    assert turn.orders == []
    [confirm] = asked(chat.answer(priced()))
    assert owners(confirm) == ["N•• O••••"]
    assert order_of(chat.type("yes")).args["owner"] == "N•• O••••"


@pytest.mark.parametrize(
    ("who", "owner", "offered"),
    [
        (NOBODY, MAMA.owner, ["a20000", "a50000", "meter"]),
        (REGULAR, "N•• O••••", ["a20000", "a50000", "meter"]),
        (REGULAR, MAMA.owner, ["a20000", "a50000", "a100000"]),
    ],
)
def test_three_buttons_under_the_amount_and_another_meter_is_one_where_the_owner_is_new(
    who: Customer, owner: str, offered: list[str]
) -> None:
    chat = at_lookup(who)
    assert choices(*asked(chat.answer(found(owner=owner)))) == offered


@pytest.mark.parametrize("who", [NOBODY, REGULAR])
@pytest.mark.parametrize("said", ["no", "hapana", "👎"])
def test_a_no_below_the_owner_means_another_meter(who: Customer, said: str) -> None:
    chat = at_amount(who=who)
    assert dispositions(chat.type(said)) == ["answer"]
    assert (chat.asked_key, chat.pending) == ("meter", None)
    chat.type("back")
    assert chat.asked_key == "amount"


def test_another_meter_can_be_named_by_its_button_its_place_or_its_number() -> None:
    for said in ("Another meter", "another METER", "3"):
        chat = at_amount()
        chat.type(said)
        assert chat.asked_key == "meter", said
    chat = at_amount()
    chat.type("1412 0000 055")
    assert (chat.errand.name, chat.errand.args) == ("find_meter", {"meter": OTHER_METER.reveal()})
    chat = at_amount()
    chat.type(MISTYPED)
    assert chat.asked_key == "number_is_right"


@pytest.mark.parametrize("said", ["yes", "ndiyo", "ok", "👍"])
def test_a_yes_below_the_owner_is_no_amount(said: str) -> None:
    chat = at_amount()
    assert dispositions(chat.type(said)) == ["misfit"]
    assert chat.asked_key == "amount"


def test_a_meter_the_utility_does_not_know_is_asked_for_again_with_the_reason() -> None:
    chat = at_lookup()
    turn = chat.answer(sorry(over=False))
    assert chat.asked_key == "meter"
    assert sentences(turn)[0] == Text("sorry")
    chat.type(OTHER_METER.reveal())
    assert chat.errand.args == {"meter": OTHER_METER.reveal()}


def test_a_meter_that_cannot_be_sold_to_ends_the_order_with_the_reason_and_the_menu() -> None:
    chat = at_lookup()
    turn = chat.answer(sorry(over=True))
    assert (chat.flow is None, asked(turn), turn.orders) == (True, [], [])
    assert sentences(turn) == (Text("sorry"),)
    assert turn.said[0].buttons


# --- the amount


@pytest.mark.parametrize(
    ("text", "fits"),
    [("49", False), ("50", True), ("35000", True), ("35001", False), ("99.50", False), ("-500", False)],
)
def test_an_amount_is_within_the_limits_and_whole(text: str, fits: bool) -> None:
    chat = at_amount()
    chat.type(text)
    assert (chat.asked_key == "payer") is fits


def test_a_meters_own_limits_count_where_they_are_narrower() -> None:
    narrow = {"minimum": [30_000, "KES"], "maximum": [60_000, "KES"]}
    for text, fits in (("299", False), ("300", True), ("600", True), ("601", False)):
        chat = at_amount(narrow)
        chat.type(text)
        assert (chat.asked_key == "payer") is fits
    wide = {"minimum": [100, "KES"], "maximum": [10_000_000, "KES"]}
    for text in ("49", "35001"):
        chat = at_amount(wide)
        chat.type(text)
        assert chat.asked_key == "amount"


def test_usual_amounts_are_offered_only_where_they_can_be_sold() -> None:
    chat = at_lookup(REGULAR)
    turn = chat.answer({**found(), "minimum": [30_000, "KES"], "maximum": [60_000, "KES"]})
    assert choices(*asked(turn)) == ["a50000"]
    chat.tap("a50000")
    assert chat.errand.args == priced_for(500)


@pytest.mark.parametrize("amount", [20, 50_000])
def test_an_amount_of_the_first_line_that_cannot_be_sold_is_asked_for(amount: int) -> None:
    chat = Chat(REGULAR)
    chat.type(f"{amount} mama")
    chat.answer(found())
    assert chat.asked_key == "amount"


# --- who pays


def test_a_proven_phone_is_not_asked_for_and_a_typed_one_is_read_as_dialled_here() -> None:
    assert at_amount(who=REGULAR).type("500").errands[0].args == priced_for(500)
    for typed in ("0722000111", "+254 722 000 111", "254722000111", "722000111"):
        chat = at_amount()
        chat.type("500")
        chat.type(typed)
        assert chat.errand.args == priced_for(500, OTHER_PHONE.reveal())


@pytest.mark.parametrize("text", ["07220001", "my phone", "14123456783", "own"])
def test_what_is_no_phone_is_asked_again(text: str) -> None:
    chat = at_amount()
    chat.type("500")
    chat.type(text)
    assert (chat.asked_key, chat.pending) == ("payer", None)

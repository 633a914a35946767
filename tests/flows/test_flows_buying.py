"""Buying electricity from the first line to the commit, by the keys of its steps and the values of its calls."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.customer import Customer
from flows.lookups import money_to_json
from flows.text import Text
from flows.turn import Turn
from tests.flows.chat import (
    KES,
    MAMA,
    METER,
    NOBODY,
    OTHER_PHONE,
    PHONE,
    REGULAR,
    Chat,
    asked,
    at_confirm,
    at_lookup,
    choices,
    dispositions,
    found,
    order_of,
    priced,
    sentences,
    sorry,
)


def priced_for(amount: int, payer: str = PHONE.reveal(), meter: str = METER.reveal()) -> dict[str, Any]:
    return {"meter": meter, "amount": money_to_json(KES(amount)), "payer": payer}


def at_amount(bounds: dict[str, Any] | None = None, who: Customer = NOBODY) -> Chat:
    chat = at_lookup(who)
    chat.answer({**found(), **(bounds or {})})
    assert chat.asked_key == "amount"
    return chat


# --- the whole way


def test_a_new_customer_is_asked_everything_once() -> None:
    chat = Chat()
    chat.type("buy")
    chat.type("1412 3456 783")
    assert (chat.errand.name, chat.errand.args) == ("find_meter", {"meter": METER.reveal()})
    chat.answer(found())
    chat.type("500")
    chat.type("0712 345 678")
    assert (chat.errand.name, chat.errand.args) == ("price", priced_for(500))
    [confirm] = asked(chat.answer(priced()))
    assert choices(confirm) == ["pay", "change", "stop"]
    assert chat.journal == [
        ("ask", "meter"), ("call", "find_meter"), ("ask", "amount"), ("ask", "payer"), ("call", "price"),
    ]  # fmt: skip
    turn = chat.tap("pay")
    order = order_of(turn)
    assert (order.key, order.args["fee"], order.args["owner"]) == ("open_payment", [1_000, "KES"], "J••• W••••••")
    assert turn.said == []
    assert chat.flow is None


def test_a_regular_says_one_line_and_confirms() -> None:
    chat = Chat(REGULAR)
    chat.type("500 mama")
    chat.answer(found())
    assert (chat.errand.name, chat.errand.args) == ("price", priced_for(500))
    chat.answer(priced())
    order = order_of(chat.tap("pay"))
    assert order.args == {
        "meter": METER.reveal(), "owner": MAMA.owner, "amount": [50_000, "KES"], "fee": [1_000, "KES"],
        "payer": PHONE.reveal(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "payer", "amount"),
    [
        ("500 14123456783 0722000111", OTHER_PHONE.reveal(), 500),
        ("buy 2,000 for 14123456783 from 0722 000111".replace("0722 000111", "0722000111"), OTHER_PHONE.reveal(), 2000),
        ("14123456783 500", PHONE.reveal(), 500),
    ],
)
def test_a_line_is_priced_with_everything_it_said(line: str, payer: str, amount: int) -> None:
    chat = Chat(REGULAR)
    chat.type(line)
    chat.answer(found())
    assert chat.errand.args == priced_for(amount, payer)


def test_a_meter_alone_begins_an_order_and_the_amount_is_asked() -> None:
    chat = Chat(REGULAR)
    chat.type(METER.reveal())
    chat.answer(found())
    assert chat.asked_key == "amount"


# --- the end


def test_changes_at_the_end_are_priced_again_and_confirmed_again() -> None:
    chat = at_confirm(REGULAR)
    chat.tap("change")
    chat.tap("amount")
    chat.type("700")
    assert chat.errand.args == priced_for(700)
    chat.answer(priced())
    chat.tap("change")
    chat.tap("payer")
    chat.type("0722000111")
    assert chat.errand.args == priced_for(700, OTHER_PHONE.reveal())
    chat.answer(priced())
    chat.type("800")
    assert chat.errand.args == priced_for(800, OTHER_PHONE.reveal())
    chat.answer(priced(fee=15))
    order = order_of(chat.tap("pay"))
    assert order.args["amount"] == [80_000, "KES"]
    assert order.args["fee"] == [1_500, "KES"]
    assert order.args["payer"] == OTHER_PHONE.reveal()


@pytest.mark.parametrize("how", ["stop", "no"])
def test_no_ends_the_order_and_opens_nothing(how: str) -> None:
    chat = at_confirm()
    turn = chat.tap("stop") if how == "stop" else chat.type("no")
    assert (chat.flow is None, turn.orders) == (True, [])
    assert turn.said[0].buttons


@pytest.mark.parametrize("text", ["20", "KES 40,000", "99.50", "maybe"])
def test_an_amount_that_cannot_be_sold_changes_nothing_at_the_end(text: str) -> None:
    chat = at_confirm()
    assert dispositions(chat.type(text)) == ["misfit"]
    assert chat.asked_key == "confirm"


def test_what_cannot_be_priced_ends_the_order_with_the_reason() -> None:
    chat = at_amount(who=REGULAR)
    chat.type("500")
    turn = chat.answer(sorry(over=True))
    assert (chat.flow is None, sentences(turn)) == (True, (Text("sorry"),))


CHANGES = st.lists(
    st.tuples(st.just("amount"), st.integers(50, 35_000))
    | st.tuples(st.just("typed"), st.integers(50, 3_500).map(lambda tens: tens * 10).filter(lambda n: n <= 35_000))
    | st.tuples(st.just("payer"), st.sampled_from([PHONE, OTHER_PHONE])),
    max_size=6,
)


@settings(max_examples=30, deadline=None)
@given(CHANGES, st.integers(0, 50))
def test_I03_what_is_opened_is_what_was_priced_last_whatever_was_changed(
    changes: list[tuple[str, Any]], fee: int
) -> None:
    chat = at_confirm(REGULAR)
    priced_last = priced_for(500)
    for kind, value in changes:
        turn = _change(chat, kind, value)
        [call] = turn.errands
        priced_last = dict(call.args)
        chat.answer(priced(fee))
    args = order_of(chat.tap("pay")).args
    assert {name: args[name] for name in priced_last} == priced_last
    assert args["fee"] == money_to_json(KES(fee if changes else 10))


def _change(chat: Chat, kind: str, value: Any) -> Turn:
    if kind == "typed":
        return chat.type(str(value))
    chat.tap("change")
    chat.tap(kind)
    return chat.type(str(value)) if kind == "amount" else chat.share(value)

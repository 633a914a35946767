"""Buying again, the customer's own meters, and trying a payment again, by keys and values."""

from __future__ import annotations

import pytest

from flows.customer import Customer, KnownMeter, from_json, to_json
from flows.text import Text
from integrations.contract.message import Tapped
from tests.flows.chat import (
    MAMA,
    METER,
    OTHER_METER,
    PHONE,
    REGULAR,
    TRADE,
    Chat,
    asked,
    choices,
    dispositions,
    found,
    order_of,
    priced,
    sentences,
    sorry,
)

SHOP = KnownMeter(OTHER_METER, "K••• T••", "Shop")
TWO = Customer(TRADE, PHONE, (MAMA, SHOP))


def last(amount: int = 50_000) -> dict[str, object]:
    return {"meter": METER.reveal(), "owner": MAMA.owner, "amount": [amount, "KES"]}


# --- again


def test_again_prices_the_last_purchase_and_confirms_it_like_any_other() -> None:
    chat = Chat(REGULAR)
    chat.type("again")
    assert (chat.errand.name, chat.errand.args) == ("last_purchase", {})
    chat.answer(last())
    assert chat.errand.name == "find_meter"
    chat.answer(found(owner=MAMA.owner))
    assert chat.errand.name == "price"
    assert chat.errand.args == {"meter": METER.reveal(), "amount": [50_000, "KES"], "payer": PHONE.reveal()}
    chat.answer(priced())
    assert chat.asked_key == "confirm"
    order = order_of(chat.tap("pay"))
    assert (order.args["owner"], order.args["amount"]) == (MAMA.owner, [50_000, "KES"])


def test_again_without_an_earlier_purchase_says_so() -> None:
    chat = Chat(REGULAR)
    chat.type("again")
    turn = chat.answer(sorry(over=True))
    assert (chat.flow is None, sentences(turn), turn.orders) == (True, (Text("sorry"),), [])


def test_again_asks_for_an_amount_that_can_be_sold_and_for_a_phone_that_pays() -> None:
    chat = Chat(Customer(TRADE))
    chat.type("again")
    chat.answer(last(1_000))
    chat.answer(found())
    assert chat.asked_key == "amount"
    chat.type("500")
    assert chat.asked_key == "payer"


# --- meters


def at_what_to_do(who: Customer = TWO) -> Chat:
    chat = Chat(who)
    chat.type("meters")
    chat.tap("m0")
    assert chat.asked_key == "what_to_do"
    return chat


def test_without_meters_there_is_nothing_to_choose() -> None:
    chat = Chat()
    turn = chat.type("meters")
    assert (chat.flow is None, asked(turn)) == (True, [])
    assert turn.said[0].buttons


@pytest.mark.parametrize("answer", ["2", "shop", "SHOP", SHOP.title])
def test_a_meter_is_chosen_by_its_place_its_name_or_its_line(answer: str) -> None:
    chat = Chat(TWO)
    assert choices(*asked(chat.type("meters"))) == ["m0", "m1"]
    chat.type(answer)
    chat.tap("forget")
    assert chat.keys[-1] == "v1:0:2"


@pytest.mark.parametrize("answer", ["3", "99", "garden", "m1"])
def test_what_is_no_meter_of_theirs_is_asked_again(answer: str) -> None:
    chat = Chat(TWO)
    chat.type("meters")
    assert dispositions(chat.type(answer)) == ["misfit"]
    assert chat.asked_key == "which_of_mine"


def test_buying_for_one_asks_the_utility_whether_it_is_still_the_same_owner_and_then_for_the_amount() -> None:
    chat = at_what_to_do()
    chat.tap("buy")
    assert chat.errand.name == "find_meter"
    chat.answer(found(owner=MAMA.owner))
    assert chat.asked_key == "amount"
    chat.type("500")
    assert chat.errand.args["meter"] == METER.reveal()


def test_a_meter_gets_a_name_with_the_spaces_put_right() -> None:
    chat = at_what_to_do()
    chat.type("2")
    turn = chat.type("  My   house ")
    order = order_of(turn)
    assert (order.key, order.args) == ("name_meter", {"meter": METER.reveal(), "nickname": "My house"})
    assert any(text.values.get("name") == "My house" for text in sentences(turn))
    assert chat.flow is None


@pytest.mark.parametrize("name", ["", "   ", "123", "x" * 25, "Shop", "SHOP", "😀", "1412"])
def test_what_is_no_name_or_another_meters_name_is_asked_again(name: str) -> None:
    chat = at_what_to_do()
    chat.tap("name")
    turn = chat.type(name)
    assert turn.orders == []
    assert chat.asked_key == "nickname"


def test_a_meter_keeps_its_own_name_if_it_likes() -> None:
    chat = at_what_to_do()
    chat.tap("name")
    assert order_of(chat.type("mama")).args["nickname"] == "mama"


@pytest.mark.parametrize("how", ["3", "Remove meter", ""])
def test_a_meter_is_forgotten(how: str) -> None:
    chat = at_what_to_do()
    turn = chat.type(how) if how else chat.tap("forget")
    order = order_of(turn)
    assert (order.key, order.args) == ("forget_meter", {"meter": METER.reveal()})
    assert chat.flow is None


# --- one more try


def test_a_try_again_is_bound_to_the_attempt_that_ended() -> None:
    chat = Chat()
    chat.hear(Tapped("retry:p9:2", "m1"))
    order = order_of(chat.answer(None))
    assert (order.key, order.args, chat.flow) == ("retry_payment", {"payment": "p9", "after": 2}, None)


def test_a_try_again_that_may_not_be_says_why_and_wishes_nothing() -> None:
    chat = Chat()
    chat.hear(Tapped("retry:p9:2", "m1"))
    turn = chat.answer(sorry(over=True))
    assert (sentences(turn), turn.orders, chat.flow) == ((Text("sorry"),), [], None)


# --- who it is for


def test_a_customer_survives_storage_beside_todays_trade() -> None:
    for who in (REGULAR, TWO, Customer(TRADE)):
        assert from_json(to_json(who), TRADE) == who


def test_a_flow_goes_on_with_the_customer_it_began_with() -> None:
    chat = Chat(REGULAR)
    chat.type("buy")
    chat.who = Customer(TRADE)
    chat.type("mama")
    chat.answer(found())
    chat.type("500")
    assert chat.errand.args["payer"] == PHONE.reveal()

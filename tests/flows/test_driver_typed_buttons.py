"""Buttons that are typed: where a channel shows them as a numbered list, or where people read them aloud."""

from __future__ import annotations

import pytest

from flows import words
from flows.customer import Customer, KnownMeter
from flows.text import T, Text, verbatim
from integrations.contract.message import Tapped
from tests.flows.chat import (
    METER,
    OTHER_METER,
    PHONE,
    REGULAR,
    TRADE,
    Chat,
    at_confirm,
    at_lookup,
    at_meter,
    dispositions,
    found,
    order_of,
    priced,
)

RECEIPT = (words.button(words.AGAIN), words.button(words.MENU_CHOICE))
TRY_AGAIN = (("retry:p9:2", T("Try again")), words.button(words.MENU_CHOICE))

SWAHILI = {
    "Another meter": "Mita nyingine", "Change": "Badilisha", "Meter": "Mita", "Try again": "Jaribu tena",
    "Buy again": "Nunua tena",
}  # fmt: skip


def in_swahili(text: Text) -> str:
    return SWAHILI.get(text.msgid, text.msgid)


def beside(offered: tuple[tuple[str, Text], ...], chat: Chat | None = None) -> Chat:
    """A chat whose newest message with buttons is no question of its own."""
    chat = chat or Chat(REGULAR)
    chat.offered = offered
    return chat


# --- outside a question


@pytest.mark.parametrize(
    ("typed", "same_as"),
    [("1", "go:buy"), ("2", "go:again"), ("3.", "go:meters"), ("(4)", "go:token"), ("٥", "go:help")],
)
def test_a_number_under_a_menu_is_its_button(typed: str, same_as: str) -> None:
    shown, tapped = Chat(REGULAR), Chat(REGULAR)
    shown.type("menu")
    tapped.type("menu")
    assert shown.type(typed) == tapped.hear(Tapped(same_as, "m1"))


@pytest.mark.parametrize("typed", ["1", "try again", "Try again."])
def test_what_stands_under_a_payments_message_can_be_typed(typed: str) -> None:
    chat = beside(TRY_AGAIN)
    chat.type(typed)
    assert (chat.flow, chat.errand.args) == ("try_again", {"payment": "p9", "after": 2})
    order = order_of(chat.answer(None))
    assert (order.key, order.args) == ("retry_payment", {"payment": "p9", "after": 2})


def test_a_language_under_a_message_can_be_typed_by_its_place() -> None:
    chat = beside((("lang:en", verbatim("English")), ("lang:sw", verbatim("Kiswahili"))))
    assert order_of(chat.type("2")).args == {"language": "sw"}


@pytest.mark.parametrize("typed", ["0712", "6", "12", "-1", "1 2", "one", "²"])
def test_a_number_that_is_no_place_is_no_button(typed: str) -> None:
    chat = Chat(REGULAR)
    chat.type("help")
    assert dispositions(chat.type(typed)) in (["not understood"], ["pin"])
    assert chat.flow is None


@pytest.mark.parametrize("typed", ["1234", "4821"])
def test_S45_a_pin_under_a_menu_is_still_a_pin(typed: str) -> None:
    chat = Chat(REGULAR)
    chat.type("menu")
    turn = chat.type(typed)
    assert (dispositions(turn), turn.blanked) == (["pin"], list(turn.answered))


def test_where_nothing_is_offered_a_number_is_nothing() -> None:
    assert dispositions(Chat(REGULAR).type("1")) == ["not understood"]


def test_an_order_in_one_line_is_an_order_whatever_is_offered() -> None:
    chat = beside(RECEIPT)
    assert dispositions(chat.type("500 mama")) == ["shortcut"]


@pytest.mark.parametrize("typed", ["1", "Pay KES 510", "2", "3"])
def test_F077_buttons_of_a_question_that_is_over_are_refused_when_typed_like_when_tapped(typed: str) -> None:
    chat = at_confirm(REGULAR)
    chat.tap("pay")
    turn = chat.type(typed)
    assert (dispositions(turn), turn.orders, turn.errands, chat.flow) == (["stale button"], [], [], None)
    assert turn.said[0].buttons == words.MENU_BUTTONS


def test_a_typed_place_is_answered_each_time_though_a_tap_on_it_would_be_a_repeat() -> None:
    chat = at_confirm(REGULAR)
    chat.tap("pay")
    for _ in range(2):
        assert chat.type("1").said


# --- while a question is open


def test_a_number_is_the_questions_and_a_label_may_be_another_messages() -> None:
    chat = beside(TRY_AGAIN, at_meter(REGULAR))
    chat.type("1")
    assert chat.errand.args == {"meter": METER.reveal()}
    chat = beside(TRY_AGAIN, at_meter(REGULAR))
    chat.type("Try again")
    assert (chat.flow, chat.errand.name) == ("try_again", "may_retry")


def test_a_number_that_is_no_answer_is_no_other_messages_button() -> None:
    chat = beside(TRY_AGAIN, at_meter())
    assert dispositions(chat.type("1")) == ["misfit"]
    assert chat.flow == "buy_power"


def test_a_label_that_is_an_answer_is_the_questions() -> None:
    chat = Chat(REGULAR)
    chat.type("meters", "mama", "2")
    beside((("go:help", verbatim("Kitchen")),), chat)
    assert order_of(chat.type("kitchen")).args["nickname"] == "kitchen"


def test_the_open_questions_own_buttons_are_never_agreed_to_by_a_way_round() -> None:
    chat = at_confirm(REGULAR)
    beside(((chat.button("pay").data, verbatim("go on")),), chat)
    turn = chat.type("go on")
    assert (dispositions(turn), turn.orders, chat.asked_key) == (["misfit"], [], "confirm")


@pytest.mark.parametrize("early", ["Pay KES 510", "1"])
def test_hole9_a_button_typed_before_it_was_shown_is_too_early(early: str) -> None:
    chat = at_confirm(REGULAR)
    chat.shown_at = 0
    turn = chat.type(early)
    assert (dispositions(turn), turn.orders) == (["too early"], [])


def test_a_question_answered_before_is_not_answered_again_by_its_label() -> None:
    chat = at_lookup()
    chat.answer(found())
    offered = chat.offered
    chat.type("500")
    assert chat.asked_key == "payer"
    beside(offered, chat)
    assert dispositions(chat.type("Another meter")) == ["stale button"]
    assert chat.asked_key == "payer"


# --- a label that is also a word that begins something else


def at_change(chat: Chat | None = None) -> Chat:
    chat = chat or at_confirm(REGULAR)
    chat.tap("change")
    assert chat.asked_key == "change"
    return chat


@pytest.mark.parametrize(
    ("typed", "leads_to"), [("Amount", "amount"), ("phone", "payer"), ("METER", "meter"), ("3", "meter")]
)
def test_what_to_change_can_be_typed_though_meter_is_a_word_of_its_own(typed: str, leads_to: str) -> None:
    chat = at_change()
    assert dispositions(chat.type(typed)) == ["answer"]
    assert (chat.flow, chat.asked_key) == ("buy_power", leads_to)


@pytest.mark.parametrize(
    ("typed", "flow"), [("meters", "my_meters"), ("my meter", "my_meters"), ("again", "buy_again")]
)
def test_other_words_of_that_kind_still_leave(typed: str, flow: str) -> None:
    chat = at_change()
    chat.type(typed)
    assert chat.flow == flow


def test_buying_for_a_chosen_meter_is_not_buying_for_any() -> None:
    chat = Chat(Customer(TRADE, PHONE, (REGULAR.meters[0], KnownMeter(OTHER_METER, "K••• T••", "Shop"))))
    chat.type("meters", "shop")
    assert chat.asked_key == "what_to_do"
    chat.type("Buy electricity")
    assert (chat.flow, chat.errand.args) == ("my_meters", {"meter": OTHER_METER.reveal()})


@pytest.mark.parametrize("typed", ["cancel", "Cancel", "ghairi"])
def test_the_way_out_is_a_way_out_though_a_button_is_called_so(typed: str) -> None:
    chat = at_confirm()
    chat.shown_at = 0
    assert dispositions(chat.type(typed)) == ["cancel"]
    assert chat.flow is None


# --- changing


def test_a_new_amount_typed_instead_of_what_to_change_is_the_change() -> None:
    chat = at_change()
    chat.type("700")
    assert (chat.errand.name, chat.errand.args["amount"]) == ("price", [70_000, "KES"])


@pytest.mark.parametrize("typed", ["20", "4821", "nothing", "yes", "0712345678"])
def test_what_is_no_change_is_asked_again(typed: str) -> None:
    chat = at_change()
    turn = chat.type(typed)
    assert (dispositions(turn), turn.orders) in ((["misfit"], []), (["pin"], []))
    assert chat.asked_key == "change"


def test_another_meter_keeps_the_amount_and_is_confirmed_with_its_owner() -> None:
    chat = at_change()
    chat.tap("meter")
    chat.type(OTHER_METER.reveal())
    chat.answer(found(OTHER_METER, "P•••"))
    assert (chat.errand.name, chat.errand.args["meter"]) == ("price", OTHER_METER.reveal())
    chat.answer(priced())
    order = order_of(chat.tap("pay"))
    assert (order.args["owner"], order.args["amount"]) == ("P•••", [50_000, "KES"])


def test_another_meter_that_is_not_sold_so_little_is_asked_how_much() -> None:
    chat = at_change()
    chat.tap("meter")
    chat.type(OTHER_METER.reveal())
    chat.answer({**found(OTHER_METER), "minimum": [100_000, "KES"]})
    assert chat.asked_key == "amount"


def test_back_from_a_change_asks_what_to_change_and_then_shows_the_order_again() -> None:
    chat = at_change()
    chat.tap("payer")
    chat.type("back")
    assert chat.asked_key == "change"
    chat.type("back")
    assert chat.pending is not None
    assert chat.errand.name == "price"


# --- in another language


def test_a_label_is_typed_as_its_reader_sees_it_or_in_english() -> None:
    for typed in ("Mita nyingine", "another meter", "MITA NYINGINE."):
        chat = at_lookup()
        chat.labels = in_swahili
        chat.answer(found())
        chat.type(typed)
        assert chat.asked_key == "meter", typed
    for typed in ("Mita", "meter"):
        chat = at_confirm(REGULAR)
        chat.labels = in_swahili
        at_change(chat).type(typed)
        assert (chat.flow, chat.asked_key) == ("buy_power", "meter"), typed


def test_a_button_of_another_message_is_typed_in_either_language_too() -> None:
    for typed in ("jaribu tena", "Try again"):
        chat = beside(TRY_AGAIN, Chat(REGULAR, labels=in_swahili))
        chat.type(typed)
        assert chat.flow == "try_again", typed


def test_a_label_of_no_language_of_theirs_is_none() -> None:
    chat = at_lookup()
    chat.answer(found())
    assert dispositions(chat.type("Mita nyingine")) == ["misfit"]

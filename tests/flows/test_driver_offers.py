"""Whatever commits is agreed to after it was shown, once, by its own button or words, while it holds."""

from __future__ import annotations

import pytest

from flows.customer import Customer
from flows.questions import OFFER_SECONDS
from flows.turn import Fact
from integrations.contract.message import Tapped, Typed
from tests.flows.chat import (
    METER,
    NOBODY,
    PHONE,
    REGULAR,
    Chat,
    asked,
    at_confirm,
    at_lookup,
    at_meter,
    dispositions,
    found,
    order_of,
    priced,
)

PAID_FOR = {
    "meter": "14123456783", "owner": "J••• W••••••", "amount": [50_000, "KES"], "fee": [1_000, "KES"],
    "payer": "+254712345678",
}  # fmt: skip


def almost(who: Chat | None = None) -> Chat:
    """One answer before the confirmation, with the price of what follows known at once."""
    chat = who or at_lookup(REGULAR)
    chat.answer(found())
    assert chat.asked_key == "amount"
    return chat


# --- shown first


@pytest.mark.parametrize("answer", ["yes", "ok", "ndiyo"])
def test_a_yes_typed_after_it_was_shown_opens_the_payment_as_shown(answer: str) -> None:
    order = order_of(at_confirm().type(answer))
    assert (order.key, order.args) == ("open_payment", PAID_FOR)


def test_the_first_choice_typed_by_its_number_or_label_is_agreement_too() -> None:
    assert order_of(at_confirm().type("1")).key == "open_payment"
    assert order_of(at_confirm().type("Pay KES 510")).key == "open_payment"


def test_hole9_a_yes_in_the_same_turn_as_the_answer_before_it_is_too_early() -> None:
    chat = at_lookup(REGULAR)
    chat.type("500", "yes")
    chat.answer(found())
    turn = chat.answer(priced())
    assert (dispositions(turn), turn.orders) == (["too early", "taken"], [])
    assert len(asked(turn)) == 1
    assert order_of(chat.type("yes")).key == "open_payment"


def test_hole9_a_yes_stored_before_the_question_went_out_is_too_early_in_a_later_turn() -> None:
    chat = at_lookup(REGULAR)
    chat.type("500")
    early = chat.input(Typed("yes"))
    chat.answer(found())
    chat.answer(priced())
    assert chat.asked_key == "confirm"
    turn = chat.take([early])
    assert (dispositions(turn), turn.orders) == (["too early"], [])


@pytest.mark.parametrize(("later_ms", "taken"), [(-1, "too early"), (0, "answer"), (1, "answer")])
def test_hole9_it_is_the_time_of_storing_that_counts(later_ms: int, taken: str) -> None:
    chat = at_confirm()
    item = chat.input(Typed("yes"), at=chat.shown_at + later_ms)
    chat.now += 5_000
    assert dispositions(chat.take([item])) == [taken]


@pytest.mark.parametrize("early", ["yes", "no", "1", "700", "Change", "2", "3"])
def test_nothing_typed_too_early_decides_anything(early: str) -> None:
    chat = at_confirm()
    item = chat.input(Typed(early), at=chat.asked_at - 1)
    turn = chat.take([item])
    assert (dispositions(turn), turn.orders, chat.asked_key) == (["too early"], [], "confirm")


def test_an_owner_nobody_has_read_is_not_agreed_to() -> None:
    chat = at_lookup()
    chat.type("yes", "yes")
    turn = chat.answer(found())
    assert dispositions(turn) == ["misfit", "misfit", "taken"]
    assert (chat.asked_key, turn.orders) == ("amount", [])


@pytest.mark.parametrize("who", [NOBODY, REGULAR])
def test_F059_an_owner_first_shown_by_the_confirmation_is_not_agreed_to_before(who: Customer) -> None:
    chat = Chat(who)
    chat.type("500 14123456783 0712345678", "yes")
    chat.answer(found(owner="N•• O••••"))
    chat.type("yes")
    turn = chat.answer(priced())
    assert (dispositions(turn), turn.orders) == (["too early", "too early", "taken"], [])
    assert order_of(chat.type("yes")).args["owner"] == "N•• O••••"


# --- buttons


def test_a_button_of_the_open_question_opens_one_payment() -> None:
    chat = at_confirm()
    order = order_of(chat.tap("pay"))
    assert (order.id, order.args, chat.flow) == (f"v1:{chat.epoch - 1}:6", PAID_FOR, None)


@pytest.mark.parametrize("taps", [2, 3, 10])
def test_F075_many_taps_in_one_turn_or_in_many_are_one_payment_and_silent(taps: int) -> None:
    chat = at_confirm()
    pay = chat.button("pay")
    together = chat.hear(*[pay] * taps)
    assert dispositions(together) == ["answer", *["repeat"] * (taps - 1)]
    assert order_of(together).key == "open_payment"
    for _ in range(taps):
        again = chat.hear(pay)
        assert (dispositions(again), again.said, again.orders) == (["repeat"], [], [])


@pytest.mark.parametrize("other", ["change", "stop"])
def test_a_second_tap_on_another_button_comes_too_late_and_is_told_so(other: str) -> None:
    chat = at_confirm()
    turn = chat.hear(chat.button("pay"), chat.button(other))
    assert dispositions(turn) == ["answer", "stale button"]
    assert order_of(turn).key == "open_payment"


@pytest.mark.parametrize(("epoch", "position"), [(-1, 0), (1, 0), (0, -1), (0, 1), (7, 7)])
def test_F077_a_button_of_another_place_is_refused_politely(epoch: int, position: int) -> None:
    chat = at_confirm()
    assert chat.state is not None
    place = f"{chat.epoch + epoch}.{len(chat.state.journal) + position}"
    turn = chat.hear(Tapped(f"{place}.pay", "m1"))
    assert (dispositions(turn), turn.orders, chat.asked_key) == (["stale button"], [], "confirm")
    assert len(asked(turn)) == 1


@pytest.mark.parametrize("leave", ["cancel", "buy", "back", "menu", "again"])
def test_no_word_brings_an_old_button_back_to_life(leave: str) -> None:
    chat = at_confirm()
    pay = chat.button("pay")
    chat.type(leave)
    turn = chat.hear(pay)
    assert (dispositions(turn), turn.orders) == (["stale button"], [])


@pytest.mark.parametrize("choice", ["", "fly", "pay.pay", "yes", "m0", "a50000", "own", "\u0000"])
def test_a_made_up_choice_at_the_right_place_is_no_answer(choice: str) -> None:
    chat = at_confirm()
    turn = chat.tap(choice)
    assert turn.orders == []
    assert chat.asked_key == "confirm"


def test_a_try_again_button_works_again_later_and_is_silent_only_while_looked_into() -> None:
    chat = Chat()
    retry = Tapped("retry:p1:1", "m1")
    turn = chat.hear(retry, retry)
    assert dispositions(turn) == ["tapped", "repeat"]
    assert (chat.errand.name, chat.errand.args) == ("may_retry", {"payment": "p1", "after": 1})
    assert dispositions(chat.hear(retry)) == ["repeat"]
    chat.type("cancel")
    assert dispositions(chat.hear(retry)) == ["tapped"]
    assert chat.errand.name == "may_retry"
    wish = order_of(chat.answer(None))
    assert (wish.key, wish.args) == ("retry_payment", {"payment": "p1", "after": 1})
    assert dispositions(chat.hear(retry)) == ["tapped"]


@pytest.mark.parametrize("data", ["retry:", "retry:p1", "retry:p1:", "retry:p1:x", "retry:p1:-1", "retry:p1:²"])
def test_a_made_up_try_again_asks_about_no_attempt(data: str) -> None:
    chat = Chat()
    chat.hear(Tapped(data, "m1"))
    assert chat.errand.args["after"] == 0


# --- while it holds


@pytest.mark.parametrize(("seconds", "opened"), [(OFFER_SECONDS - 2, True), (OFFER_SECONDS + 1, False)])
def test_an_offer_holds_its_time_and_is_priced_again_afterwards(seconds: float, opened: bool) -> None:
    chat = at_confirm()
    turn = chat.hear(chat.button("pay"), seconds=seconds)
    assert bool(turn.orders) is opened
    if not opened:
        assert chat.errand.name == "price"
        chat.answer(priced(fee=20))
        assert order_of(chat.tap("pay")).args["fee"] == [2_000, "KES"]


@pytest.mark.parametrize("how", ["help", "what?", "agent", "hello"])
def test_an_offer_does_not_get_younger_by_being_repeated(how: str) -> None:
    chat = at_confirm()
    half = OFFER_SECONDS / 2 + 5
    again = chat.hear(Typed(how), seconds=half)
    assert len(asked(again)) == 1
    turn = chat.hear(chat.button("pay"), seconds=half)
    assert turn.orders == []
    assert chat.errand.name == "price"


@pytest.mark.parametrize("change", ["amount", "payer"])
def test_an_offer_come_back_to_is_priced_again(change: str) -> None:
    chat = at_confirm()
    old = chat.button("pay")
    chat.tap("change")
    chat.tap(change)
    chat.hear(Typed("back"), seconds=2 * OFFER_SECONDS)
    assert (chat.asked_key, chat.pending) == ("change", None)
    chat.type("back")
    assert chat.errand.name == "price"
    chat.answer(priced(fee=20))
    assert dispositions(chat.hear(old)) == ["stale button"]
    assert order_of(chat.tap("pay")).args["fee"] == [2_000, "KES"]


def test_F074_a_yes_read_late_after_an_outage_does_not_pay_an_old_price() -> None:
    chat = at_confirm()
    soon = chat.input(chat.button("pay"), at=chat.asked_at + 2_000)
    chat.now += 3 * OFFER_SECONDS * 1000
    assert chat.take([soon]).orders == []
    assert chat.errand.name == "price"


def test_a_question_that_is_no_offer_holds_for_ever() -> None:
    chat = almost()
    turn = chat.hear(Typed("500"), seconds=400 * 86_400)
    assert dispositions(turn) == ["answer"]


# --- keys


def test_every_cut_and_every_leaving_begins_an_epoch() -> None:
    chat = at_confirm()
    epochs = [chat.epoch]
    for step in (Fact("paid"), Typed("back"), Typed("back"), Typed("cancel"), Typed("buy"), Typed("buy")):
        chat.hear(step)
        epochs.append(chat.epoch)
    assert epochs == [0, 1, 2, 3, 4, 4, 5]


def test_the_same_order_placed_twice_is_two_orders_under_two_ids() -> None:
    chat = at_confirm(REGULAR)
    first = order_of(chat.tap("pay"))
    chat.type("500 14123456783")
    chat.answer(found())
    chat.answer(priced())
    second = order_of(chat.tap("pay"))
    assert first.args == second.args
    assert first.id != second.id
    assert first.args["payer"] == PHONE.reveal()


def test_hole9_a_yes_typed_while_the_question_is_still_under_way_is_too_early() -> None:
    chat = at_confirm()
    chat.shown_at = 0
    turn = chat.type("yes")
    assert (dispositions(turn), turn.orders, chat.asked_key) == (["too early"], [], "confirm")


@pytest.mark.parametrize("word", ["no", "3"])
def test_an_old_offer_can_still_be_declined_without_a_new_price(word: str) -> None:
    chat = at_confirm()
    chat.now += (OFFER_SECONDS + 1) * 1000
    turn = chat.type(word)
    assert (chat.state, turn.errands) == (None, [])


def test_an_old_offer_can_still_be_changed_and_is_priced_after_that() -> None:
    chat = at_confirm()
    chat.now += (OFFER_SECONDS + 1) * 1000
    assert chat.type("Change").errands == []
    assert chat.asked_key == "change"
    chat.tap("meter")
    chat.type(METER.reveal())
    chat.answer(found())
    assert (chat.errand.name, chat.errand.args["amount"]) == ("price", [50_000, "KES"])


def test_a_number_that_is_no_answer_in_itself_names_a_choice() -> None:
    chat = at_meter(REGULAR)
    assert chat.asked_key == "meter"
    chat.type("1")
    assert chat.errand.args["meter"] == REGULAR.meters[0].number.reveal()

"""While the world is asked, ordinary messages wait in their order; answers and facts come before them."""

from __future__ import annotations

import pytest

from flows.driver import HELD_MAX
from flows.lookups import money_to_json
from flows.turn import CallAnswered, Fact
from integrations.contract.message import Edited, Reachable, Tapped, Typed, Unreadable
from tests.flows.chat import (
    KES,
    METER,
    REGULAR,
    Chat,
    asked,
    at_confirm,
    at_lookup,
    choices,
    dispositions,
    found,
    priced,
    sentences,
    sorry,
)


def test_a_message_during_a_call_is_held_and_nothing_is_said() -> None:
    chat = at_lookup()
    turn = chat.type("500")
    assert (dispositions(turn), turn.held, turn.said, turn.errands) == ([], [3], [], [])


def test_what_is_held_is_answered_in_order_after_the_answer() -> None:
    chat = at_lookup(REGULAR)
    chat.type("20")
    chat.type("500")
    turn = chat.answer(found())
    assert dispositions(turn) == ["misfit", "answer", "taken"]
    assert chat.journal[-1] == ("ask", "amount")
    assert chat.errand.args["amount"] == money_to_json(KES(500))


def test_an_answer_is_taken_before_messages_wherever_it_stands_among_them() -> None:
    before, after = at_lookup(REGULAR), at_lookup(REGULAR)
    assert before.pending is not None
    answer = CallAnswered(before.pending, found())
    before.hear(answer, Typed("500"))
    after.hear(Typed("500"), answer)
    assert before.journal == after.journal
    assert before.errand == after.errand


def test_what_is_still_held_at_the_next_call_waits_for_that_too() -> None:
    chat = at_lookup(REGULAR)
    chat.type("500", "hello", "600")
    chat.answer(found())
    assert chat.journal[-1] == ("ask", "amount")
    assert [item.what for item in chat.held] == [Typed("hello"), Typed("600")]
    turn = chat.answer(priced())
    assert chat.held == []
    assert dispositions(turn) == ["greeting", "too early", "taken"]


@pytest.mark.parametrize("word", ["cancel", "back", "menu", "help", "status", "buy", "language"])
def test_a_global_word_acts_at_once_and_discards_what_was_held_before_it(word: str) -> None:
    chat = at_lookup()
    held = chat.type("500", "600").held
    turn = chat.type(word, "700")
    assert [turn.answered[item] for item in held] == ["discarded", "discarded"]
    assert turn.answered[held[-1] + 1] == word
    assert turn.held in ([], [held[-1] + 2])
    assert held[-1] + 2 in {*turn.held, *turn.answered}


def test_S45_a_discarded_text_was_never_looked_at_so_nothing_of_it_is_kept() -> None:
    chat = at_lookup()
    held = chat.type("1234").held
    assert chat.type("cancel").blanked == held


def test_a_tap_on_the_menu_discards_what_is_held_like_the_word() -> None:
    chat = at_lookup()
    chat.type("500")
    assert dispositions(chat.hear(Tapped("go:cancel", "m1"))) == ["discarded", "cancel"]
    assert chat.flow is None


def test_a_call_is_asked_for_once_however_many_turns_it_takes() -> None:
    chat = at_lookup()
    asked_for = list(chat.keys)
    for text in ("one", "two", "help", "language"):
        chat.type(text)
    assert chat.keys == asked_for


def test_an_answer_nobody_waits_for_is_stale_and_changes_nothing() -> None:
    chat = at_lookup()
    late = chat.pending
    assert late is not None
    chat.type("cancel")
    before = (chat.state, chat.epoch)
    turn = chat.hear(CallAnswered(late, found()))
    assert (dispositions(turn), turn.said, chat.state, chat.epoch) == (["stale"], [], *before)


def test_the_same_answer_twice_is_taken_once() -> None:
    chat = at_lookup(REGULAR)
    assert chat.pending is not None
    answer = CallAnswered(chat.pending, found())
    assert dispositions(chat.hear(answer, answer)) == ["taken", "stale"]
    assert dispositions(chat.hear(answer)) == ["stale"]
    assert chat.journal == [("ask", "meter"), ("call", "find_meter")]


def test_an_answer_to_a_begun_again_order_is_not_taken_for_the_new_one() -> None:
    chat = at_lookup()
    late = chat.pending
    assert late is not None
    chat.type("buy")
    chat.type(METER.reveal())
    assert chat.pending != late
    assert dispositions(chat.hear(CallAnswered(late, found()))) == ["stale"]
    assert chat.pending is not None


@pytest.mark.parametrize(
    ("content", "how"), [(Unreadable("voice"), "unreadable"), (Edited(), "edited"), (Reachable(True), "noted")]
)
def test_what_is_no_message_is_answered_at_once_and_leaves_the_call(
    content: Unreadable | Edited | Reachable, how: str
) -> None:
    chat = at_lookup()
    pending = chat.pending
    assert dispositions(chat.hear(content)) == [how]
    assert chat.pending == pending


def test_a_flood_during_a_call_is_held_up_to_a_limit_and_nothing_of_the_rest_is_kept() -> None:
    chat = at_lookup()
    turn = chat.type(*["500"] * (HELD_MAX + 5))
    assert len(turn.held) == HELD_MAX
    assert set(dispositions(turn)) == {"too many while waiting"}
    assert turn.blanked == list(turn.answered)
    assert dispositions(chat.type("cancel")) == [*["discarded"] * HELD_MAX, "cancel"]


# --- a burst


def test_a_burst_in_one_turn_puts_only_the_last_question() -> None:
    chat = Chat(REGULAR)
    turn = chat.type("my meters", "buy", "14123456783")
    assert asked(turn) == []
    assert chat.errand.name == "find_meter"
    chat = Chat(REGULAR)
    turn = chat.type("my meters", "buy")
    assert len(turn.said) == 1
    assert chat.asked_key == "meter"


def test_an_order_typed_in_three_messages_at_once_is_one_order() -> None:
    chat = Chat(REGULAR)
    turn = chat.type("buy", "14123456783", "500")
    assert (turn.said, len(turn.errands)) == ([], 1)
    turn = chat.answer(found())
    assert (turn.said, chat.errand.name, chat.errand.args["amount"]) == ([], "price", [50_000, "KES"])
    [confirm] = asked(chat.answer(priced()))
    assert choices(confirm) == ["pay", "change", "stop"]


def test_a_burst_of_nonsense_gets_one_answer() -> None:
    chat = Chat()
    chat.type("buy")
    turn = chat.type(*["what?"] * 30)
    assert len(turn.said) == 1
    lines = [text.msgid for text in sentences(turn) if text.msgid]
    assert len(lines) == len(set(lines))


def test_what_is_said_comes_in_the_order_of_its_causes() -> None:
    chat = Chat()
    turn = chat.type("4821", "cancel")
    assert dispositions(turn) == ["pin", "cancel"]
    told = [turn.answered[1] == "pin" and said.body for said in turn.said]
    assert "PIN" in str(told[0])
    assert "PIN" not in str(told[1])


# --- facts


def test_a_fact_cuts_a_stale_offer_which_is_priced_again_and_not_told() -> None:
    chat = at_confirm()
    old, epoch = chat.button("pay"), chat.epoch
    turn = chat.hear(Fact("paid"))
    assert (dispositions(turn), turn.said, chat.errand.name) == (["noted"], [], "price")
    assert chat.epoch == epoch + 1
    chat.answer(priced(fee=20))
    assert chat.asked_key == "confirm"
    assert chat.button("pay") != old
    assert dispositions(chat.hear(old)) == ["stale button"]


def test_a_fact_is_taken_before_a_yes_that_came_with_it() -> None:
    chat = at_confirm()
    turn = chat.hear(chat.button("pay"), Fact("paid"))
    assert turn.orders == []
    assert chat.errand.name == "price"
    assert dispositions(turn) == ["stale button", "noted"]


@pytest.mark.parametrize("word", ["", "buy", "14123456783"])
def test_a_fact_disturbs_no_other_question(word: str) -> None:
    chat = Chat()
    if word:
        chat.type(word)
    before = (chat.state, chat.epoch)
    turn = chat.hear(Fact("vended"), Fact("paid"))
    assert (dispositions(turn), turn.said, turn.errands) == (["noted", "noted"], [], [])
    assert (chat.state, chat.epoch) == before


def test_an_offer_that_came_to_nothing_ends_the_order() -> None:
    chat = at_confirm()
    chat.hear(Fact("paid"))
    turn = chat.answer(sorry(over=True))
    assert chat.flow is None
    assert turn.orders == []

"""Global words, typed or tapped, in every state a chat can be in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flows import words
from flows.questions import which_meter
from flows.turn import CallAnswered
from flows.understand import Command
from integrations.contract.message import Tapped
from tests.flows.chat import (
    METER,
    NOBODY,
    REGULAR,
    Chat,
    asked,
    at_confirm,
    at_lookup,
    at_meter,
    choices,
    dispositions,
    found,
    order_of,
    sentences,
    sorry,
)

State = Callable[[], Chat]

STATES: dict[str, State] = {
    "idle": Chat, "at the first question": at_meter, "at a call": at_lookup, "at the confirmation": at_confirm,
}  # fmt: skip
IN_A_FLOW = [name for name in STATES if name != "idle"]

#: What each word leaves: no flow, the flow as it was, or a flow of its own.
LEAVE = (Command.MENU, Command.CANCEL, Command.STOP)
STAY = (Command.STATUS, Command.HELP, Command.AGENT, Command.LANGUAGE, Command.TOKEN)
BEGIN = {Command.BUY: "buy_power", Command.AGAIN: "buy_again", Command.START: "buy_power"}

every_state = pytest.mark.parametrize("state", STATES)
in_a_flow = pytest.mark.parametrize("state", IN_A_FLOW)


@every_state
@pytest.mark.parametrize("command", Command)
def test_every_word_is_answered_by_its_own_name_typed_or_tapped(command: Command, state: str) -> None:
    typed = STATES[state]().type(command.value)
    tapped = STATES[state]().hear(Tapped(f"go:{command.value}", "m1"))
    assert dispositions(typed) == dispositions(tapped) == [command.value]
    assert typed == tapped


@in_a_flow
@pytest.mark.parametrize("command", LEAVE)
def test_words_that_leave_end_the_flow_and_its_epoch(command: Command, state: str) -> None:
    chat = STATES[state]()
    before = chat.epoch
    turn = chat.type(command.value)
    assert chat.flow is None
    assert chat.epoch == before + 1
    assert turn.errands == []
    assert asked(turn) == []


@in_a_flow
@pytest.mark.parametrize("command", STAY)
def test_words_that_stay_leave_the_flow_where_it_was(command: Command, state: str) -> None:
    chat = STATES[state]()
    before = (chat.journal, chat.epoch, chat.asked_key, chat.pending)
    chat.type(command.value)
    assert (chat.journal, chat.epoch, chat.asked_key, chat.pending) == before


@every_state
@pytest.mark.parametrize(("command", "flow"), BEGIN.items())
def test_words_that_begin_something_begin_it_anew_from_anywhere(command: Command, flow: str, state: str) -> None:
    chat = STATES[state]()
    chat.type(command.value)
    assert chat.flow == flow
    assert chat.journal == []
    assert len(set(chat.keys)) == len(chat.keys)


@every_state
def test_my_meters_shows_what_there_is(state: str) -> None:
    chat = STATES[state]()
    chat.type("meters")
    assert chat.flow is None
    regular = Chat(REGULAR)
    assert choices(*asked(regular.type("meters"))) == ["m0"]
    assert regular.asked_key == "which_of_mine"


@every_state
@pytest.mark.parametrize(("word", "errand"), [("status", "status"), ("token", "tokens")])
def test_status_and_token_are_errands_under_ids_of_their_own(word: str, errand: str, state: str) -> None:
    chat = STATES[state]()
    first, second = chat.type(word).errands, chat.type(word).errands
    assert [one.name for one in (*first, *second)] == [errand, errand]
    assert first[0].id != second[0].id
    assert not first[0].id.startswith(f"v1:{chat.epoch}:"), "it would be taken for the flow's call"


@every_state
@pytest.mark.parametrize(("word", "stopped"), [("stop", 1), ("start", 0)])
def test_stop_and_start_say_who_may_be_written_to_first(word: str, stopped: int, state: str) -> None:
    order = order_of(STATES[state]().type(word))
    assert (order.key, order.args) == ("hear_from_us", {"stopped": stopped})


@every_state
def test_agent_asks_for_a_person_and_names_the_contact(state: str) -> None:
    turn = STATES[state]().type("agent")
    assert order_of(turn).key == "ask_for_person"
    assert any(text.values.get("contact") == "0800 000 000" for text in sentences(turn))


@every_state
def test_help_says_what_is_understood_and_asks_the_open_question_again(state: str) -> None:
    chat = STATES[state]()
    turn = chat.type("help")
    assert all(line in sentences(turn) for line in words.HELP)
    assert len(asked(turn)) == (chat.asked_key is not None)


# --- back


def test_back_outside_a_flow_shows_the_menu() -> None:
    assert sentences(Chat().type("back")) == words.WELCOME


def test_back_at_the_first_question_asks_it_again_in_the_same_place() -> None:
    chat = at_meter()
    before = chat.epoch
    assert len(asked(chat.type("back"))) == 1
    assert (chat.asked_key, chat.epoch) == ("meter", before)


def test_back_during_a_call_asks_the_question_before_and_the_old_answer_is_stale() -> None:
    chat = at_lookup()
    late = chat.pending
    assert late is not None
    chat.type("back")
    assert (chat.asked_key, chat.pending) == ("meter", None)
    chat.type("14120000055")
    assert chat.pending not in {None, late}
    assert dispositions(chat.hear(CallAnswered(late, found()))) == ["stale"]
    assert chat.pending is not None
    chat.answer(found())
    assert chat.asked_key == "amount"


def test_back_goes_through_all_questions_to_the_first() -> None:
    chat = at_confirm()
    seen = [chat.asked_key]
    while len(chat.journal) > 0:
        chat.type("back")
        seen.append(chat.asked_key)
    assert seen == ["confirm", "payer", "amount", "meter"]


def test_back_asks_the_world_nothing_that_is_still_known() -> None:
    chat = at_confirm()
    before = len(chat.keys)
    chat.type("back")
    chat.type("back")
    chat.type("600")
    assert chat.asked_key == "payer"
    assert len(chat.keys) == before


def test_back_does_not_say_again_what_was_said_on_the_way() -> None:
    chat = at_lookup()
    assert sorry(over=False)["sorry"][0][0] == sentences(chat.answer(sorry(over=False)))[0].msgid
    chat.type(METER.reveal())
    chat.answer(found())
    turn = chat.type("back")
    assert chat.asked_key == "meter"
    assert [said.body for said in turn.said] == [which_meter(NOBODY).body]


# --- language


def test_another_language_keeps_the_place_and_asks_again() -> None:
    chat = at_confirm()
    place = chat.button("pay")
    offered = chat.type("language")
    assert [data for said in offered.said for data, _ in said.buttons] == ["lang:en", "lang:sw"]
    turn = chat.hear(Tapped("lang:sw", "m1"))
    assert (order_of(turn).key, order_of(turn).args) == ("set_language", {"language": "sw"})
    assert len(asked(turn)) == 1
    assert chat.button("pay") == place
    assert order_of(chat.hear(place)).key == "open_payment"


@pytest.mark.parametrize("data", ["lang:xx", "lang:", "go:fly", "go:", ":", "", "buy"])
def test_a_button_nobody_offered_is_answered_politely_and_does_nothing(data: str) -> None:
    chat = at_confirm()
    before = chat.state
    turn = chat.hear(Tapped(data, "m1"))
    assert dispositions(turn) == ["stale button"]
    assert turn.orders == []
    assert chat.state is not None
    assert before is not None
    assert chat.state.journal == before.journal


# --- shortcuts


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("line", ["500 14123456783", "14123456783 500"])
def test_amount_and_meter_in_one_line_begin_an_order_anywhere_but_during_a_call(line: str, state: str) -> None:
    chat = STATES[state]()
    turn = chat.type(line)
    if state == "at a call":
        assert len(chat.held) == 1
        return
    assert dispositions(turn) == ["shortcut"]
    assert chat.journal == []
    assert (chat.errand.name, chat.errand.args) == ("find_meter", {"meter": "14123456783"})


def test_a_line_without_an_amount_in_mid_question_is_an_answer_and_no_new_order() -> None:
    chat = at_meter()
    chat.type("14123456783")
    assert chat.journal == [("ask", "meter")]


@pytest.mark.parametrize("line", ["buy 500", "nunua stima 500", "500 elec"])
def test_a_line_without_a_meter_begins_an_order_outside_a_question_and_keeps_the_amount(line: str) -> None:
    chat = Chat(REGULAR)
    assert dispositions(chat.type(line)) == ["shortcut"]
    assert chat.asked_key == "meter"
    chat.type("mama")
    chat.answer(found())
    assert chat.errand.args["amount"] == [50_000, "KES"]
    chat = at_confirm()
    before = chat.epoch
    chat.type(line)
    assert chat.epoch == before


def test_a_name_and_an_amount_order_for_that_meter() -> None:
    chat = Chat(REGULAR)
    chat.type("500 mama")
    assert (chat.errand.name, chat.errand.args) == ("find_meter", {"meter": "14123456783"})
    chat.answer(found())
    assert (chat.errand.name, chat.errand.args["amount"]) == ("price", [50_000, "KES"])

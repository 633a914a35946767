"""Every state with every event, and what follows from the table as a whole."""

from __future__ import annotations

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.payments.machine import (
    BEFORE_MONEY,
    FINAL,
    OURS,
    PROMPT_OPEN,
    REPEATS,
    RESTING,
    TABLE,
    Contradiction,
    Event,
    IllegalError,
    Moved,
    Repeat,
    State,
    advance,
)
from tests.payments.draw import PAGE, page

AFTER_MONEY = frozenset(State) - BEFORE_MONEY
#: What others tell us about a prompt.
TOLD_OF_PROMPTS = (Event.PROMPT_ACCEPTED, Event.DECLINED, Event.EXPIRED, Event.COLLECTED)

every_pair = pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))


@every_pair
def test_every_event_in_every_state_moves_repeats_contradicts_or_raises(state: State, event: Event) -> None:
    after = TABLE[state].get(event)
    repeats = state in REPEATS.get(event, frozenset())
    if after is not None:
        assert advance(state, event) == Moved(after)
    elif repeats:
        assert advance(state, event) == Repeat()
    elif event in OURS:
        with pytest.raises(IllegalError, match=state.value):
            advance(state, event)
    else:
        assert advance(state, event) == Contradiction()


def test_a_repeat_is_never_also_a_move() -> None:
    doubled = [(state, event) for event, states in REPEATS.items() for state in states if event in TABLE[state]]
    assert doubled == []


def test_what_we_do_ourselves_is_never_taken_for_a_repeat() -> None:
    assert not OURS & REPEATS.keys()


def test_I16_nothing_leads_from_after_a_proof_of_money_to_before_it() -> None:
    back = [(s, e) for s in AFTER_MONEY for e, after in TABLE[s].items() if after in BEFORE_MONEY]
    assert back == []


def test_I05_only_a_proof_of_collection_leads_to_money() -> None:
    ways = {e for s in BEFORE_MONEY for e, after in TABLE[s].items() if after not in BEFORE_MONEY}
    assert ways == {Event.COLLECTED}


def test_I05_nothing_is_sold_but_after_money() -> None:
    assert {s for s in State if Event.VEND_STARTED in TABLE[s]} <= AFTER_MONEY


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", [state for state in State if state in FINAL])
def test_no_event_moves_a_final_state(state: State, event: Event) -> None:
    assert TABLE[state] == {}
    assert event in OURS or not isinstance(advance(state, event), Moved)


@pytest.mark.parametrize("state", [state for state in State if state in AFTER_MONEY])
def test_I01_from_every_state_after_money_the_token_or_the_refund_can_be_reached(state: State) -> None:
    assert reachable(state) & FINAL
    if state not in FINAL:
        assert reachable(state) >= FINAL


def test_every_state_can_be_reached_from_a_confirmation() -> None:
    assert reachable(State.CONFIRMED) == set(State)


@pytest.mark.parametrize("state", [state for state in State if state in RESTING | PROMPT_OPEN])
def test_I17_F030_late_money_is_heard_wherever_a_prompt_may_have_been(state: State) -> None:
    assert advance(state, Event.COLLECTED) == Moved(State.PAID)


def test_I15_a_refund_and_a_sale_exclude_each_other() -> None:
    """From the moment money may be on its way back nothing is sold, unless that was proved not to be so."""
    assert advance(State.REFUNDING, Event.REFUND_REFUSED) == Moved(State.REFUND_DUE)
    for state in (State.REFUNDING, State.REFUNDED):
        assert Event.VEND_STARTED not in TABLE[state]
    for state in (State.PAID, State.VENDING, State.VENDED):
        assert Event.REFUND_STARTED not in TABLE[state]


@given(st.lists(st.sampled_from(TOLD_OF_PROMPTS), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_I22_answers_about_a_prompt_end_alike_in_any_order_and_number(events: list[Event], luck: Random) -> None:
    shuffled = [*events, *events]
    luck.shuffle(shuffled)
    assert after_all(shuffled) == after_all(sorted(set(events), key=TOLD_OF_PROMPTS.index))


@given(st.permutations(TOLD_OF_PROMPTS))
def test_F029_success_outranks_failure_in_any_order(events: list[Event]) -> None:
    assert after_all(events) is State.PAID


@pytest.mark.parametrize("event", [Event.VENDED, Event.VEND_REFUSED])
def test_F028_the_utilitys_answer_counts_once(event: Event) -> None:
    once = advance(State.VENDING, event)
    assert isinstance(once, Moved)
    assert advance(once.state, event) == Repeat()


def test_F068_a_sale_told_after_the_refund_is_a_contradiction() -> None:
    for state in (State.REFUND_DUE, State.REFUNDING, State.REFUNDED):
        assert advance(state, Event.VENDED) == Contradiction()


def test_the_page_that_shows_the_machine_is_drawn_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run  python -m tests.payments.draw"


def test_every_move_of_the_table_is_drawn() -> None:
    drawn = page()
    for state in State:
        for event, after in TABLE[state].items():
            arrow = next(
                line for line in drawn.splitlines() if line.strip().startswith(f"{state.value} --> {after.value} :")
            )
            assert event.value in arrow


def reachable(state: State) -> set[State]:
    """The states from here, itself included."""
    found, fresh = {state}, {state}
    while fresh:
        fresh = {after for one in fresh for after in TABLE[one].values()} - found
        found |= fresh
    return found


def after_all(events: list[Event]) -> State:
    """Where a payment ends whose prompt is told of by these."""
    state = State.PROMPTING
    for event in events:
        match advance(state, event):
            case Moved(after):
                state = after
            case Repeat() | Contradiction():
                pass
    return state

"""What is asked about although its payment wants nothing more: money may still come by it."""

from __future__ import annotations

import dataclasses

import pytest

from bot.payments.machine import State
from bot.payments.plan import Enquire, Rest
from bot.payments.rows import AttemptRow, AttemptState
from bot.payments.schedule import BESIDE_MS, HINT_AGAIN_MS, RESTING_FIRST_MS
from bot.store.change import Done
from tests.payments.alone import (
    CANCELLED,
    DOWN,
    PAID,
    PROMPTED,
    SOLD,
    in_state,
)

PAID_AGAIN = dataclasses.replace(PAID, proof="SK00000009")


def test_a_paid_order_watches_a_prompt_that_is_still_out() -> None:
    one = in_state(State.EXPIRED)
    one.wish(1)
    one.goes(PROMPTED)
    one.hint(number=1)
    one.goes(PAID, SOLD)
    assert one.state is State.VENDED
    one.pass_(BESIDE_MS / 1000)
    plan = one.claim()
    assert isinstance(plan, Enquire)
    assert plan.attempt.id.endswith("prompt2")


def test_a_paid_order_does_not_watch_a_prompt_that_was_never_sent() -> None:
    one = in_state(State.EXPIRED)
    one.wish(1)
    one.goes(DOWN)
    one.hint(theirs="ws_CO_1", number=1)
    one.goes(PAID, SOLD)
    assert (one.state, one.attempt_state("prompt2")) == (State.VENDED, AttemptState.UNSENT)
    assert not one.locked
    one.pass_(RESTING_FIRST_MS / 1000)
    assert isinstance(one.claim(), Rest)


def test_an_earlier_prompt_is_watched_for_late_money_after_a_later_one_was_paid() -> None:
    one = in_state(State.EXPIRED)
    one.wish(1)
    one.goes(PROMPTED, PAID, SOLD)
    assert (one.state, one.due_in) == (State.VENDED, RESTING_FIRST_MS / 1000)
    one.pass_(RESTING_FIRST_MS / 1000)
    plan = one.claim()
    assert isinstance(plan, Enquire)
    assert plan.attempt.id.endswith("prompt1")
    assert one.answer(plan, PAID_AGAIN) == Done()
    assert one.accounts["suspense:surplus"] == -510


def test_among_prompts_that_are_over_the_one_due_first_is_asked_about() -> None:
    one = in_state(State.EXPIRED)
    one.wish(1)
    one.goes(PROMPTED)
    one.pass_(120)
    one.goes(CANCELLED)
    one.pass_(480)
    plan = one.claim()
    assert isinstance(plan, Enquire)
    assert plan.attempt.id.endswith("prompt1")


@pytest.mark.parametrize(
    ("state", "hinted", "theirs", "seconds"),
    [
        (AttemptState.OPEN, False, "ws_CO_1", BESIDE_MS / 1000),
        (AttemptState.SENDING, False, None, BESIDE_MS / 1000),
        (AttemptState.UNSENT, False, None, None),
        (AttemptState.ABSENT, False, "ws_CO_1", None),
        (AttemptState.YES, False, "ws_CO_1", None),
        (AttemptState.YES, True, "ws_CO_1", HINT_AGAIN_MS / 1000),
        (AttemptState.NO, False, "ws_CO_1", RESTING_FIRST_MS / 1000),
        (AttemptState.NO, False, None, None),
    ],
)
def test_when_an_attempt_is_asked_about_beside(
    state: AttemptState, hinted: bool, theirs: str | None, seconds: float | None
) -> None:
    attempt = dataclasses.replace(prompt_row(), state=state, hinted=hinted, theirs=theirs, asked_at=1_000_000)
    assert attempt.beside_due == (None if seconds is None else 1_000_000 + int(seconds * 1000))


def prompt_row() -> AttemptRow:
    one = in_state(State.PROMPTED)
    return one.attempt("prompt1")

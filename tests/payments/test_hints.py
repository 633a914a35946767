"""Callbacks about a prompt: they wake an enquiry, overlap with calls, and slow nothing."""

from __future__ import annotations

from bot.payments.machine import State
from bot.payments.plan import Send
from bot.payments.schedule import RESTING_FIRST_MS
from integrations.contract.outcomes import (
    Collected,
)
from tests.payments.alone import EXPIRED, LOST, PAID, PENDING, PROMPTED, SOLD, Alone, pace_of


def test_a_due_time_that_a_hint_wrote_during_a_call_survives_its_finish() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.pass_(10)
    plan = one.claim()
    one.hint()
    one.pass_(1)
    one.answer(plan, PENDING)
    assert one.due_in is not None
    assert one.due_in <= 0
    one.goes(PAID)
    assert one.state is State.PAID


def test_a_hint_in_the_very_millisecond_of_the_claim_survives_too() -> None:
    one = Alone()
    plan = one.claim()
    one.hint(theirs="ws_CO_1")
    one.answer(plan, PROMPTED)
    assert one.due_in == 0.001


def test_a_second_callback_that_comes_during_the_enquiry_stays_a_hint() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.hint(success=False)
    plan = one.claim()
    one.hint(proof="SK00000005")
    one.answer(plan, PENDING)
    assert (one.attempt("prompt1").hinted, one.attempt("prompt1").said is not None) == (True, True)
    one.goes(Collected(None, None))
    assert (one.state, one.attempt("prompt1").proof, one.attempt("prompt1").hinted) == (State.PAID, "SK00000005", False)


def test_a_hint_that_was_looked_into_is_used_up() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.hint()
    one.goes(PENDING)
    assert not one.attempt("prompt1").hinted


def test_S07_callbacks_nobody_vouches_for_slow_neither_the_polls_nor_the_watch_at_rest() -> None:
    one = Alone()
    one.goes(PROMPTED)
    for _ in range(50):
        one.hint(success=False)
        one.pass_(3)
        one.goes(PENDING)
    assert one.due_in == pace_of(one).polls[0]
    one.goes(EXPIRED)
    for _ in range(50):
        one.hint(success=False)
        one.pass_(3)
        one.goes(EXPIRED)
    assert one.due_in == RESTING_FIRST_MS / 1000


def test_a_hint_about_money_that_finds_no_answer_is_looked_into_again_when_nothing_else_is_wanted() -> None:
    one = Alone()
    one.goes(PROMPTED, EXPIRED)
    one.wish(1)
    one.goes(PROMPTED, PAID, SOLD)
    one.pass_(2 * 86_400)
    one.hint(proof="SK00000009", number=1)
    one.goes(LOST)
    assert (one.attempt("prompt1").hinted, one.due_in) == (True, 300)
    one.pass_(300)
    one.goes(Collected("SK00000009", None))
    assert (one.accounts["suspense:surplus"], one.attempt("prompt1").hinted) == (-510, False)


def test_a_hint_that_finds_no_answer_holds_up_no_sale() -> None:
    one = Alone()
    one.goes(PROMPTED, PAID)
    one.hint(proof="SKF0RGED99")
    one.goes(LOST)
    plan = one.claim()
    assert isinstance(plan, Send)
    assert plan.attempt.id.endswith("vend1")

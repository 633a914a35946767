"""What every answer about a prompt makes of a payment."""

from __future__ import annotations

import pytest

from bot import notices
from bot.payments.machine import State
from bot.payments.plan import Enquire, Rest, Send
from bot.payments.rows import AttemptState
from bot.payments.schedule import PROMPT_TOLD_AFTER_MS, SLOW_AFTER_MS
from flows.questions import OFFER_SECONDS
from integrations.contract.exchange import Unknown
from integrations.contract.outcomes import (
    CannotAsk,
    Declined,
    NotFound,
    Reason,
    Refused,
)
from integrations.contract.parties import AfterNotFound
from tests.payments.alone import (
    BLOCKED,
    CANCELLED,
    DOWN,
    EXPIRED,
    LOST,
    PAID,
    PENDING,
    PROMPTED,
    Alone,
    first,
    pace_of,
    settled_seconds,
)

# --- the answer to the request itself


def test_an_accepted_prompt_is_told_and_asked_about_on_the_operators_schedule() -> None:
    one = Alone()
    one.goes(PROMPTED)
    assert (one.state, one.attempt_state("prompt1"), one.attempt("prompt1").theirs) == (
        State.PROMPTED, AttemptState.OPEN, "ws_CO_1",
    )  # fmt: skip
    assert one.told[-1] == first(notices.prompted(one.payment, one.parties.trade, ""))
    waits = [one.due_in]
    for _ in range(25):
        one.pass_(one.due_in or 0)
        one.goes(PENDING)
        waits.append(one.due_in)
    assert tuple(waits[: len(pace_of(one).polls)]) == pace_of(one).polls
    assert set(waits[len(pace_of(one).polls) :]) == {900}


@pytest.mark.parametrize("reason", Reason)
def test_a_refused_prompt_was_never_shown_and_may_be_tried_again(reason: Reason) -> None:
    one = Alone()
    one.goes(Refused(reason, "code", "detail"))
    assert (one.state, one.attempt_state("prompt1"), one.locked, one.due_in) == (
        State.DECLINED, AttemptState.NO, False, None,
    )  # fmt: skip
    assert one.told[-1] == first(notices.declined(one.payment, reason, 1))
    assert f"retry:{one.id}:1" in one.offered
    assert one.cases == (["our_fault"] if reason is Reason.OUR_FAULT else [])
    assert one.accounts == {}


def test_I36_F003_what_is_never_sent_is_tried_ever_more_slowly_while_its_price_holds() -> None:
    one = Alone()
    waits: list[float] = []
    for _ in range(9):
        plan = one.claim()
        assert isinstance(plan, Send)
        one.answer(plan, DOWN)
        waits.append(one.due_in or 0)
        one.pass_(one.due_in or 0)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert len({attempt.reference for attempt in one.attempts}) == 1
    one.pass_(OFFER_SECONDS)
    assert isinstance(one.claim(), Rest)
    assert one.state is State.DECLINED


def test_F001_F002_a_lost_answer_is_unknown_and_sends_nothing_again() -> None:
    one = Alone()
    one.goes(LOST)
    assert (one.state, one.attempt_state("prompt1"), one.due_in) == (State.PROMPTING, AttemptState.SENDING, 10)
    assert isinstance(one.claim(), Enquire)
    assert one.locked


# --- the operator's no


@pytest.mark.parametrize("reason", Reason)
def test_a_declined_prompt_rests_and_offers_another(reason: Reason) -> None:
    one = Alone()
    one.goes(PROMPTED, Declined(reason, "code"))
    assert (one.state, one.attempt_state("prompt1"), one.locked) == (State.DECLINED, AttemptState.NO, False)
    assert one.told[-1] == first(notices.declined(one.payment, reason, 1))
    assert f"retry:{one.id}:1" in one.offered


def test_F012_an_expired_prompt_says_that_late_money_is_heard() -> None:
    one = Alone()
    one.goes(PROMPTED, EXPIRED)
    assert (one.state, one.attempt_state("prompt1"), one.locked) == (State.EXPIRED, AttemptState.NO, False)
    assert one.told[-1] == first(notices.expired(one.payment, 1))


def test_a_resting_prompt_is_asked_about_after_10_minutes_doubling_for_a_day() -> None:
    one = Alone()
    one.goes(PROMPTED, EXPIRED)
    waits: list[float | None] = [one.due_in]
    while one.due_in is not None:
        one.pass_(one.due_in)
        one.goes(EXPIRED)
        waits.append(one.due_in)
    assert waits == [600 * 2**place for place in range(8)] + [None]
    assert sum(wait for wait in waits if wait) > 86_400
    assert (one.events.count("expired"), len(one.told)) == (1, 3), "repeats are no news"


def test_an_operator_that_is_silent_at_rest_is_asked_on_the_same_schedule() -> None:
    one = Alone()
    one.goes(PROMPTED, CANCELLED)
    one.pass_(600)
    one.goes(LOST)
    assert (one.state, one.due_in) == (State.DECLINED, 1200)


@pytest.mark.parametrize("kind", AfterNotFound)
@pytest.mark.parametrize("outcome", [NotFound("gone"), CannotAsk()])
def test_a_prompt_that_is_over_and_no_longer_known_opens_no_case(
    outcome: NotFound | CannotAsk, kind: AfterNotFound
) -> None:
    one = Alone(after_not_found=kind)
    one.goes(PROMPTED, CANCELLED)
    one.pass_(600)
    one.goes(outcome)
    assert (one.state, one.attempt_state("prompt1"), one.cases) == (State.DECLINED, AttemptState.NO, [])
    assert (one.events[-1], one.due_in) == ("declined", 1200)


# --- not found, cannot ask


@pytest.mark.parametrize(("early", "kind"), [(early, kind) for early in (True, False) for kind in AfterNotFound])
def test_F006_not_found_proves_something_only_after_the_settle_time_and_a_lease(
    early: bool, kind: AfterNotFound
) -> None:
    one = Alone(after_not_found=kind)
    one.goes(LOST)
    one.waits(settled_seconds(one) - (0.001 if early else 0))
    one.goes(NotFound("400.002.02"))
    after = {
        AfterNotFound.SAME_REFERENCE: (AttemptState.UNSENT, []),
        AfterNotFound.FRESH_REFERENCE: (AttemptState.ABSENT, []),
        AfterNotFound.A_PERSON: (AttemptState.SENDING, ["not_found"]),
    }[kind]
    found = (one.attempt_state("prompt1"), one.cases)
    assert found == ((AttemptState.SENDING, []) if early else after)


def test_an_absent_prompt_is_followed_by_one_with_a_fresh_reference() -> None:
    one = Alone(after_not_found=AfterNotFound.FRESH_REFERENCE)
    one.goes(LOST)
    one.waits(settled_seconds(one))
    one.goes(NotFound())
    assert one.due_in == 0
    plan = one.claim()
    assert isinstance(plan, Send)
    assert (plan.attempt.number, one.state) == (2, State.PROMPTING)


@pytest.mark.parametrize("kind", AfterNotFound)
def test_I42_an_operator_that_no_longer_knows_what_it_accepted_goes_to_a_person(kind: AfterNotFound) -> None:
    one = Alone(after_not_found=kind)
    one.goes(PROMPTED)
    one.waits(settled_seconds(one))
    one.goes(NotFound())
    assert (one.state, one.attempt_state("prompt1"), one.cases) == (State.PROMPTED, AttemptState.OPEN, ["not_found"])
    assert isinstance(one.claim(), Enquire)


def test_F014_a_prompt_that_cannot_be_asked_about_goes_to_a_person_and_its_phone_is_freed() -> None:
    one = Alone()
    one.goes(LOST)
    one.waits(settled_seconds(one) - 0.001)
    one.goes(CannotAsk())
    assert (one.locked, one.cases) == (True, [])
    one.pass_(0.001)
    one.goes(CannotAsk(), CannotAsk())
    assert (one.state, one.cases) == (State.PROMPTING, ["prompt_unknown"])
    assert not one.locked
    one.hint()
    one.goes(PAID)
    assert one.state is State.PAID


def test_settling_counts_from_the_last_sending_and_not_from_the_first() -> None:
    one = Alone(after_not_found=AfterNotFound.SAME_REFERENCE)
    one.goes(DOWN)
    one.pass_(OFFER_SECONDS)
    one.goes(LOST)
    one.waits(settled_seconds(one) - 1)
    one.goes(NotFound())
    assert one.attempt_state("prompt1") is AttemptState.SENDING
    one.pass_(1)
    one.goes(NotFound())
    assert one.attempt_state("prompt1") is AttemptState.UNSENT


# --- patience


def test_F042_without_a_verdict_the_customer_is_told_soon_and_a_person_after_a_quarter_of_an_hour_once_each() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.pass_(PROMPT_TOLD_AFTER_MS / 1000 - 0.001)
    one.goes(PENDING)
    told = len(one.told)
    one.pass_(0.001)
    one.goes(PENDING)
    assert (one.cases, one.told[told:]) == ([], [first(notices.still_open(one.payment))])
    one.pass_((SLOW_AFTER_MS - PROMPT_TOLD_AFTER_MS) / 1000 - 0.001)
    one.goes(PENDING)
    assert one.cases == []
    one.pass_(0.001)
    one.goes(PENDING)
    assert one.cases == ["prompt_slow"]
    for _ in range(100):
        one.pass_(900)
        one.goes(PENDING)
    assert (len(one.told), one.cases, one.state) == (told + 1, ["prompt_slow"], State.PROMPTED)


def test_an_attempt_can_only_end_as_attempts_of_its_kind_do() -> None:
    one = Alone()
    one.goes(PROMPTED)
    plan = one.claim()
    with pytest.raises(AssertionError, match="a prompt cannot end in VendRefused"):
        one.answer(plan, BLOCKED)


def test_I42_an_answer_that_our_table_does_not_know_is_shown_to_a_person_and_asked_about_again() -> None:
    one = Alone()
    one.goes(PROMPTED)
    one.goes(Unknown("query: 7777", unlisted=True))
    assert (one.state, one.cases) == (State.PROMPTED, ["unlisted_answer"])
    one.goes(PAID)
    assert one.state is State.PAID

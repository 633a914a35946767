"""What is done next, for every state and every situation of its attempts."""

from __future__ import annotations

import dataclasses
import re

import pytest

from bot import notices
from bot.payments.limits import Counts, Held
from bot.payments.machine import FINAL, RESTING, Event, State, advance
from bot.payments.plan import MAY_SEND, Enquire, Rest, Send, callback_hash, make_plan
from bot.payments.rows import AttemptState, Kind
from bot.payments.schedule import RESTING_FIRST_MS
from flows.questions import OFFER_SECONDS
from integrations.contract.outcomes import NotFound, Reason, Refused
from integrations.contract.parties import AfterNotFound
from tests.payments.alone import (
    CANCELLED,
    DOWN,
    LOST,
    NOTHING_SENT,
    OTHER,
    PENDING,
    PROMPTED,
    WAYS,
    Alone,
    first,
    in_state,
)

# --- every state


@pytest.mark.parametrize(
    ("state", "does", "what"),
    [
        (State.CONFIRMED, Send, "prompt1"),
        (State.PROMPTING, Enquire, "prompt1"),
        (State.PROMPTED, Enquire, "prompt1"),
        (State.DECLINED, Rest, ""),
        (State.EXPIRED, Rest, ""),
        (State.PAID, Send, "vend1"),
        (State.VENDING, Enquire, "vend1"),
        (State.VENDED, Rest, ""),
        (State.REFUND_DUE, Rest, ""),
    ],
)
def test_what_is_next_in_each_state(state: State, does: type, what: str) -> None:
    plan = in_state(state).claim()
    assert type(plan) is does
    assert isinstance(plan, Rest) or plan.attempt.id.endswith(what)


@pytest.mark.parametrize("state", [State.REFUNDING, State.REFUNDED])
def test_nothing_is_sent_or_asked_where_a_person_acts(state: State) -> None:
    one = in_state(State.REFUND_DUE)
    payment = dataclasses.replace(one.payment, state=state)
    plan, _ = make_plan(payment, one.attempts, NOTHING_SENT, one.parties)
    assert isinstance(plan, Rest)


def test_what_may_be_sent_is_a_table_without_a_default() -> None:
    """A state that is not in it raises; and where it allows a kind, the machine allows the beginning of it."""
    assert MAY_SEND.keys() & (FINAL | {State.PROMPTED, State.REFUNDING}) == set()
    started = {Kind.PROMPT: Event.PROMPT_STARTED, Kind.VEND: Event.VEND_STARTED}
    for state, kind in MAY_SEND.items():
        advance(state, started[kind])
    with pytest.raises(KeyError):
        MAY_SEND[State.VENDED]


@pytest.mark.parametrize("state", [State.CONFIRMED, State.PAID])
def test_I02_a_fresh_attempt_stands_in_the_rows_when_the_plan_does(state: State) -> None:
    one = in_state(state)
    plan = one.claim()
    assert isinstance(plan, Send)
    stored = next(each for each in one.attempts if each.id == plan.attempt.id)
    assert (stored.reference, stored.state) == (plan.attempt.reference, AttemptState.SENDING)
    assert plan.payment.version == one.payment.version


# --- the attempt that is proved unsent, absent, or neither


@pytest.mark.parametrize(("state", "name"), [(State.CONFIRMED, "prompt1"), (State.PAID, "vend1")])
def test_F003_what_was_never_sent_goes_out_again_under_its_own_reference(state: State, name: str) -> None:
    one = in_state(state)
    one.goes(DOWN)
    before = one.attempt(name)
    plan = one.claim()
    assert before.state is AttemptState.UNSENT
    assert isinstance(plan, Send)
    assert (plan.attempt.id, plan.attempt.reference) == (before.id, before.reference)
    assert one.attempt_state(name) is AttemptState.SENDING


def test_F054_what_is_proved_absent_is_sold_under_a_fresh_reference() -> None:
    one = in_state(State.VENDING)
    one.waits(3600)
    one.goes(NotFound("LastResponseEx"))
    plan = one.claim()
    assert one.attempt_state("vend1") is AttemptState.ABSENT
    assert isinstance(plan, Send)
    assert plan.attempt.id.endswith("vend2")
    assert plan.attempt.reference != one.attempt("vend1").reference


@pytest.mark.parametrize("state", [State.PROMPTING, State.VENDING])
def test_I09_what_may_have_been_sent_is_only_ever_asked_about(state: State) -> None:
    one = in_state(state)
    for _ in range(5):
        plan = one.claim()
        assert isinstance(plan, Enquire)
        one.answer(plan, LOST)
        one.pass_(7200)


def test_F017_a_prompt_that_was_never_sent_is_not_sent_once_its_price_is_old() -> None:
    one = in_state(State.CONFIRMED)
    one.goes(DOWN)
    one.pass_(OFFER_SECONDS)
    assert isinstance(one.claim(), Send)
    one = in_state(State.CONFIRMED)
    one.goes(DOWN)
    one.pass_(OFFER_SECONDS + 1)
    assert isinstance(one.claim(), Rest)
    assert (one.state, one.attempt_state("prompt1"), one.locked) == (State.DECLINED, AttemptState.NO, False)
    assert one.told[-1] == first(notices.too_old(one.payment))


def test_a_vend_that_was_never_sent_is_sent_however_old_it_is() -> None:
    one = in_state(State.PAID)
    one.goes(DOWN)
    one.pass_(30 * 86_400)
    assert isinstance(one.claim(), Send)


@pytest.mark.parametrize(("late", "does"), [(OFFER_SECONDS, Send), (OFFER_SECONDS + 1, Rest)])
def test_F017_an_order_that_waited_too_long_is_not_sent(late: int, does: type) -> None:
    one = Alone()
    one.pass_(late)
    assert type(one.claim()) is does
    assert one.due_in is None or does is Send


# --- hints


def test_a_hint_is_about_the_attempt_its_address_names() -> None:
    one = in_state(State.VENDED)
    one.hint(proof="SK00000002")
    plan = one.claim()
    assert isinstance(plan, Enquire)
    assert plan.attempt.id.endswith("prompt1")


def test_a_callback_replayed_after_the_token_wakes_nobody() -> None:
    one = in_state(State.VENDED)
    due = one.due_in
    one.hint()
    assert (one.due_in, one.attempt("prompt1").hinted) == (due, False)


def test_a_hint_about_an_earlier_prompt_asks_about_that_one() -> None:
    one = in_state(State.EXPIRED)
    one.wish(1)
    one.goes(PROMPTED)
    one.hint(theirs="ws_CO_1", number=1)
    plan = one.claim()
    assert isinstance(plan, Enquire)
    assert plan.attempt.id.endswith("prompt1")


@pytest.mark.parametrize("state", [state for state in WAYS if state is not State.CONFIRMED])
def test_F040_no_hint_ever_makes_anything_be_sent(state: State) -> None:
    one = in_state(state)
    one.hint(success=False)
    assert isinstance(one.claim(), Enquire)


# --- wishes


@pytest.mark.parametrize("state", [State.DECLINED, State.EXPIRED])
def test_I04_a_wish_begins_the_next_attempt_after_the_one_that_ended(state: State) -> None:
    one = in_state(state)
    one.wish(1)
    plan = one.claim()
    assert isinstance(plan, Send)
    assert (one.state, plan.attempt.number, one.locked) == (State.PROMPTING, 2, True)


def test_I04_a_wish_written_twice_is_one_prompt() -> None:
    one = in_state(State.DECLINED)
    one.wish(1)
    one.wish(1)
    one.goes(PROMPTED)
    one.wish(1)
    assert isinstance(one.claim(), Enquire)
    assert len(one.attempts) == 2


@pytest.mark.parametrize("state", [state for state in WAYS if state not in RESTING | {State.CONFIRMED}])
def test_I04_a_wish_begins_nothing_while_an_attempt_is_open_or_money_came(state: State) -> None:
    one = in_state(state)
    one.wish(1)
    plan = one.claim()
    assert not isinstance(plan, Send) or plan.attempt.kind is Kind.VEND


def test_a_wish_bound_to_an_earlier_attempt_begins_nothing() -> None:
    one = in_state(State.DECLINED)
    one.wish(1)
    one.goes(PROMPTED, CANCELLED)
    one.wish(1)
    assert isinstance(one.claim(), Rest)
    assert len(one.attempts) == 2


def test_F017_a_wish_that_waited_until_the_price_was_old_is_told_and_not_sent() -> None:
    one = in_state(State.DECLINED)
    one.wish(1)
    one.pass_(OFFER_SECONDS + 1)
    assert isinstance(one.claim(), Rest)
    assert one.told[-1] == first(notices.not_again(one.payment, None))
    assert (one.payment.wish, one.state) == (0, State.DECLINED)


def test_a_wish_that_our_limits_refuse_does_not_end_the_watch_for_late_money() -> None:
    one = in_state(State.EXPIRED)
    due = one.due_in
    one.counts = dataclasses.replace(NOTHING_SENT, hour=10)
    one.wish(1)
    assert isinstance(one.claim(), Rest)
    assert one.told[-1] == first(notices.not_again(one.payment, Held.HOUR))
    assert one.due_in == due == RESTING_FIRST_MS / 1000


# --- our own limits, in the transaction that commits the attempt (I-20)

LIMITED = [
    (Held.HOUR, dataclasses.replace(NOTHING_SENT, hour=2)),
    (Held.DAY, dataclasses.replace(NOTHING_SENT, day=4)),
    (Held.TARGETS, dataclasses.replace(NOTHING_SENT, targets=3)),
    (Held.BLOCKED, dataclasses.replace(NOTHING_SENT, blocked=True)),
]


@pytest.mark.parametrize(("why", "counts"), LIMITED, ids=[why.value for why, _ in LIMITED])
def test_I20_S43_limits_are_judged_again_when_the_attempt_is_committed(why: Held, counts: Counts) -> None:
    one = Alone(payer=OTHER, counts=counts)
    assert isinstance(one.claim(), Rest)
    assert (one.state, one.attempts, one.due_in, one.locked) == (State.DECLINED, [], None, False)
    assert one.told[-1] == first(notices.held(one.payment, why))


def test_I01_an_order_waits_while_its_payers_phone_has_another_prompt() -> None:
    one = Alone(counts=dataclasses.replace(NOTHING_SENT, live=1))
    assert isinstance(one.claim(), Rest)
    assert (one.state, one.attempts, one.due_in) == (State.CONFIRMED, [], 5)
    one.counts = NOTHING_SENT
    one.pass_(5)
    assert isinstance(one.claim(), Send)


def test_I01_the_phone_counts_as_taken_from_before_the_prompt_is_sent_until_it_is_answered() -> None:
    one = Alone()
    locked = [one.locked]
    plan = one.claim()
    locked.append(one.locked)
    one.answer(plan, PROMPTED)
    locked.append(one.locked)
    one.goes(CANCELLED)
    locked.append(one.locked)
    assert locked == [False, True, True, False]


# --- the callback address


def test_S07_each_prompt_has_an_address_of_its_own_that_is_stored_hashed() -> None:
    one = Alone()
    urls = []
    for after in (0, 1, 2):
        one.wish(after)
        plan = one.claim()
        assert isinstance(plan, Send)
        urls.append(plan.callback_url)
        one.answer(plan, Refused(Reason.BUSY, "500.001.1001"))
    secrets = [url.removeprefix("http://127.0.0.1:8080/c/") for url in urls]
    assert len(set(secrets)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", secret) for secret in secrets), (
        "128 bits, and no word can stand in it (S-08)"
    )
    assert [row["callback_hash"] for row in one.tables["attempt"]] == [callback_hash(secret) for secret in secrets]
    stored = str([one.tables[table] for table in ("payment", "attempt", "payment_event")])
    assert not any(secret in stored for secret in secrets)


def test_an_attempt_that_goes_out_again_has_a_new_address() -> None:
    one = Alone()
    plan = one.claim()
    assert isinstance(plan, Send)
    one.answer(plan, DOWN)
    again = one.claim()
    assert isinstance(again, Send)
    assert again.callback_url != plan.callback_url
    secret = again.callback_url.rpartition("/")[2]
    assert one.tables["attempt"][0]["callback_hash"] == callback_hash(secret)


def test_a_vend_has_no_callback_address() -> None:
    one = in_state(State.PAID)
    plan = one.claim()
    assert isinstance(plan, Send)
    assert plan.callback_url == ""
    assert [row["callback_hash"] is None for row in one.tables["attempt"]] == [False, True]


def test_where_operators_cannot_reach_us_a_prompt_is_sent_without_an_address() -> None:
    one = Alone()
    one.parties = dataclasses.replace(one.parties, callback_base="")
    plan = one.claim()
    assert isinstance(plan, Send)
    assert plan.callback_url == ""


def test_planning_twice_proposes_the_same_rows_but_for_what_is_drawn_by_chance() -> None:
    """A batch may run again; the worker gets the plan of the run that was committed."""
    one = in_state(State.PAID)
    (first_plan, first_change), (second_plan, second_change) = (
        make_plan(one.payment, one.attempts, NOTHING_SENT, one.parties) for _ in range(2)
    )
    assert isinstance(first_plan, Send)
    assert isinstance(second_plan, Send)
    assert first_plan.attempt.id == second_plan.attempt.id
    assert first_plan.attempt.reference != second_plan.attempt.reference
    assert [insert.table for insert in first_change.inserts] == [insert.table for insert in second_change.inserts]


@pytest.mark.parametrize("state", [State.PROMPTED, State.VENDING])
@pytest.mark.parametrize("kind", AfterNotFound)
def test_I04_a_pending_attempt_is_asked_about_whatever_the_operator_is_like(state: State, kind: AfterNotFound) -> None:
    one = in_state(state, after_not_found=kind)
    one.goes(PENDING)
    assert isinstance(one.claim(), Enquire)

"""What every answer of the utility makes of a payment whose money is there."""

from __future__ import annotations

import dataclasses

import pytest

from bot import notices
from bot.payments.machine import State
from bot.payments.plan import Enquire, Send
from bot.payments.rows import AttemptState, Kind
from bot.payments.schedule import BACKOFF_MOST_MS, VEND_TOLD_AFTER_MS
from bot.sales import STAFF_NOTE
from integrations.contract.money import Money
from integrations.contract.outcomes import CannotAsk, Collected, NotFound, Token, TokenKind, VendReason, VendRefused
from integrations.contract.parties import AfterNotFound
from integrations.contract.people import TokenNumber
from tests.payments.alone import BLOCKED, DOWN, LOST, PENDING, PROMPTED, SOLD, Alone, first, in_state, settled_seconds

NOT_FOUND = NotFound("LastResponseEx")


# --- yes


@pytest.mark.parametrize("state", [State.PAID, State.VENDING])
def test_F053_a_sale_is_booked_kept_and_told_once(state: State) -> None:
    one = in_state(state)
    one.goes(SOLD)
    assert (one.state, one.attempt_state("vend1"), one.due_in) == (State.VENDED, AttemptState.YES, None)
    assert one.accounts == {"operator_clearing:mpesa": 510, "utility_float:xmlvend": -500, "fees": -10}
    assert len(one.tables["receipt"]) == 1
    assert "electricity" in one.told[-1]
    assert [row["kind"] for row in one.tables["input"]] == ["fact"]
    assert one.cases == []


def test_the_meter_is_remembered_once_and_again_after_it_was_forgotten() -> None:
    one = in_state(State.VENDED)
    [meter] = one.tables["saved_meter"]
    assert (meter["customer_id"], meter["owner_masked"], meter["forgotten"]) == ("c1", "P••••", 0)
    one.tables.row("saved_meter", str(meter["id"]))["forgotten"] = 1
    again = Alone(tables=one.tables, name="again")
    again.goes(PROMPTED, Collected("SK00000002", None), dataclasses.replace(SOLD, proof="000000000000002"))
    [meter] = one.tables["saved_meter"]
    assert meter["forgotten"] == 0


def test_F061_every_token_of_a_sale_is_in_the_message_in_order() -> None:
    one = in_state(State.VENDING)
    numbers = ["74" + str(place) * 18 for place in range(1, 4)]
    kinds = (TokenKind.KEY_CHANGE, TokenKind.KEY_CHANGE, TokenKind.CREDIT)
    tokens = tuple(Token(kind, TokenNumber(number)) for kind, number in zip(kinds, numbers, strict=True))
    one.goes(dataclasses.replace(SOLD, tokens=tokens))
    places = [one.last_words.index(TokenNumber(number).grouped) for number in numbers]
    assert places == sorted(places)


def test_F065_what_the_utility_did_not_take_is_the_customers_and_waits_for_a_person() -> None:
    one = in_state(State.VENDING)
    note = f"{STAFF_NOTE}sold 430.00 of 500.00"
    one.goes(dataclasses.replace(SOLD, amount=Money.of(430, "KES"), notes=(note, "Arrears: 12.00")))
    assert one.accounts == {
        "operator_clearing:mpesa": 510, "utility_float:xmlvend": -430, "suspense:change": -70, "fees": -10,
    }  # fmt: skip
    assert one.cases == ["sale_to_check"]
    assert "Arrears" in one.last_words
    assert note not in one.last_words


def test_I08_a_sale_told_twice_is_one_sale() -> None:
    one = in_state(State.VENDING)
    plan = one.claim()
    one.answer(plan, SOLD)
    postings, told = len(one.tables["posting"]), len(one.told)
    one.tables.row("payment", one.id)["due_at"] = one.now
    one.answer(dataclasses.replace(plan, payment=one.payment), SOLD)
    assert (one.state, len(one.tables["posting"]), len(one.told)) == (State.VENDED, postings, told)


def test_F068_a_sale_told_after_its_refusal_is_kept_as_a_contradiction() -> None:
    one = in_state(State.VENDING)
    plan = one.claim()
    one.answer(plan, BLOCKED)
    one.answer(dataclasses.replace(plan, payment=one.payment), SOLD)
    assert (one.state, one.cases) == (State.REFUND_DUE, ["refund_due", "contradiction"])
    assert one.accounts == {"operator_clearing:mpesa": 510, "customer_held:it": -510}
    assert one.tables["receipt"] == []


# --- no


@pytest.mark.parametrize("reason", VendReason)
@pytest.mark.parametrize("state", [State.PAID, State.VENDING])
def test_F060_F064_a_refused_sale_is_owed_back_with_an_honest_reason(state: State, reason: VendReason) -> None:
    one = in_state(state)
    one.goes(VendRefused(reason, "SomeEx", "its words"))
    assert (one.state, one.attempt_state("vend1"), one.due_in) == (State.REFUND_DUE, AttemptState.NO, None)
    assert one.cases == ["no_float" if reason is VendReason.NO_FLOAT else "refund_due"]
    assert one.accounts == {"operator_clearing:mpesa": 510, "customer_held:it": -510}
    assert notices.vend_refused_text(reason).msgid in one.last_words
    assert one.parties.trade.support_contact in one.last_words
    assert not any(data.startswith("retry:") for data in one.offered)


# --- neither


def test_I36_F056_a_sale_that_is_never_sent_is_tried_ever_more_slowly_and_told_once() -> None:
    one = in_state(State.PAID)
    waits: list[float] = []
    told = len(one.told)
    for _ in range(40):
        plan = one.claim()
        assert isinstance(plan, Send)
        one.answer(plan, DOWN)
        waits.append(one.due_in or 0)
        one.pass_(one.due_in or 0)
    assert waits[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert set(waits[9:]) == {BACKOFF_MOST_MS / 1000}
    assert len([each for each in one.attempts if each.id.endswith("vend1")]) == len(one.attempts) - 1
    assert (one.cases, len(one.told)) == (["vend_slow"], told + 1)


def test_F055_a_sale_without_an_answer_is_asked_about_under_its_own_reference() -> None:
    one = in_state(State.VENDING)
    reference, waits = one.attempt("vend1").reference, [one.due_in or 0]
    for _ in range(9):
        plan = one.claim()
        assert isinstance(plan, Enquire)
        assert plan.attempt.reference == reference
        one.answer(plan, LOST)
        waits.append(one.due_in or 0)
        one.pass_(one.due_in or 0)
    assert waits == [5, 15, 30, 60, 120, 180, 600, 1800, 3600, 3600]


def test_F042_a_slow_utility_is_told_of_once_and_the_money_is_called_safe() -> None:
    one = in_state(State.VENDING)
    one.pass_(VEND_TOLD_AFTER_MS / 1000 - 0.001)
    told = len(one.told)
    one.goes(LOST)
    assert len(one.told) == told
    one.pass_(0.001)
    one.goes(PENDING)
    assert (one.cases, one.told[told:]) == ([], [first(notices.vend_slow(one.payment, one.parties.trade))])
    for _ in range(20):
        one.pass_(3600)
        one.goes(PENDING)
    assert (len(one.told), one.cases, one.state) == (told + 1, ["vend_slow"], State.VENDING)


@pytest.mark.parametrize(("seconds_short", "state"), [(0.001, AttemptState.SENDING), (0, AttemptState.ABSENT)])
def test_F054_not_found_right_after_the_sale_proves_nothing(seconds_short: float, state: AttemptState) -> None:
    one = in_state(State.VENDING)
    one.waits(settled_seconds(one, Kind.VEND) - seconds_short)
    one.goes(NOT_FOUND)
    assert one.attempt_state("vend1") is state
    assert isinstance(one.claim(), Enquire if seconds_short else Send)


def test_F054_where_not_found_may_mean_forgotten_a_person_decides_and_nothing_is_sold_again() -> None:
    one = in_state(State.VENDING)
    utility = one.parties.utilities["xmlvend"]
    utility.pace = dataclasses.replace(utility.pace, after_not_found=AfterNotFound.A_PERSON)
    one.waits(settled_seconds(one, Kind.VEND))
    one.goes(NOT_FOUND, NOT_FOUND)
    assert (one.attempt_state("vend1"), "not_found" in one.cases) == (AttemptState.SENDING, True)
    assert isinstance(one.claim(), Enquire)


def test_F054_settling_counts_from_the_last_sending_of_a_sale() -> None:
    """Hours of refused connections, then a sale whose answer is lost: its "not found" is as young as that sale."""
    one = in_state(State.PAID)
    one.goes(DOWN)
    one.pass_(7200)
    one.goes(LOST)
    one.waits(settled_seconds(one, Kind.VEND) - 0.001)
    one.goes(NOT_FOUND)
    assert one.attempt_state("vend1") is AttemptState.SENDING
    assert isinstance(one.claim(), Enquire)


def test_a_sale_that_cannot_be_asked_about_goes_to_a_person_and_is_not_sent_again() -> None:
    one = in_state(State.VENDING)
    one.waits(10 * settled_seconds(one, Kind.VEND))
    one.goes(CannotAsk(), CannotAsk())
    assert (one.state, one.attempt_state("vend1"), "vend_unknown" in one.cases) == (
        State.VENDING, AttemptState.SENDING, True,
    )  # fmt: skip
    assert isinstance(one.claim(), Enquire)


def test_I15_nothing_is_given_back_while_a_sale_may_have_happened() -> None:
    one = in_state(State.VENDING)
    for outcome in (LOST, PENDING, CannotAsk(), DOWN, NOT_FOUND):
        one.goes(outcome)
        assert one.state is State.VENDING
        assert one.accounts["customer_held:it"] == -510

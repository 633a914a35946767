"""Any order, any number, any answer: what is true of a payment whatever happens to it."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.payments.machine import BEFORE_MONEY, FINAL, PROMPT_OPEN, RESTING, State
from bot.payments.plan import Plan, Rest, Send
from bot.payments.rows import AttemptState, Kind
from bot.payments.worker import Outcome
from bot.store.change import Done
from integrations.contract.money import Money
from integrations.contract.outcomes import CannotAsk, Collected, NotFound, Prompted, Reason, Refused
from integrations.contract.parties import AfterNotFound
from tests.payments.alone import (
    BLOCKED,
    CANCELLED,
    DOWN,
    EXPIRED,
    LOST,
    PENDING,
    PROMPTED,
    SOLD,
    TOTAL,
    Alone,
    in_state,
)

HOLDING = {State.PAID, State.VENDING, State.REFUND_DUE, State.REFUNDING}
MONEY = Collected(None, None)

#: The operator's truth about one prompt, as it answers when it is asked.
TRUTHS: dict[str, Outcome] = {"paid": MONEY, "cancelled": CANCELLED, "expired": EXPIRED}
CALLBACKS = ("success", "failure")
POLLS: dict[str, Outcome] = {"silent": LOST, "pending": PENDING, "nobody": DOWN}


# --- I-22: one truth, told in any way


@st.composite
def tellings(draw: st.DrawFn) -> tuple[str, bool, list[str], list[str]]:
    """A truth, whether the answer to the request is lost, the callbacks there are, and all that happens in order."""
    truth, lost = draw(st.sampled_from(sorted(TRUTHS))), draw(st.booleans())
    callbacks = draw(st.lists(st.sampled_from(CALLBACKS), min_size=1, max_size=2, unique=True))
    again = draw(st.lists(st.sampled_from(callbacks), max_size=4))
    others = draw(st.lists(st.sampled_from([*POLLS, "truth"]), max_size=6))
    return truth, lost, callbacks, draw(st.permutations([*callbacks, *again, *others]))


@settings(deadline=None, max_examples=100)
@given(tellings())
def test_I22_callbacks_polls_and_late_answers_end_alike_in_any_order_and_number(
    told: tuple[str, bool, list[str], list[str]],
) -> None:
    truth, lost, callbacks, happenings = told
    plain = ends(truth, lost=False, happenings=[*sorted(callbacks), "truth"])
    assert ends(truth, lost=lost, happenings=happenings) == plain


def ends(truth: str, *, lost: bool, happenings: list[str]) -> dict[str, Any]:
    """The end of a payment to which this happens and then nothing more."""
    one = Alone()
    one.goes(LOST if lost else PROMPTED)
    for happening in happenings:
        one.pass_(4)
        if happening in CALLBACKS:
            one.hint(success=happening == "success")
        elif one.state not in RESTING or one.due_in == 0:
            act(one, POLLS.get(happening, TRUTHS[truth]))
    rest(one, TRUTHS[truth])
    [attempt] = [each for each in one.attempts if each.kind is Kind.PROMPT]
    return {
        "state": one.state, "accounts": one.accounts, "locked": one.locked, "cases": one.cases, "due": one.due_in,
        "proof": attempt.proof, "known_as": attempt.known_as, "hinted": attempt.hinted, "attempt": attempt.state,
    }  # fmt: skip


def act(one: Alone, about_the_prompt: Outcome) -> None:
    """What is due next happens: the utility sells, the operator answers so."""
    plan = one.claim()
    if not isinstance(plan, Rest):
        outcome = SOLD if plan.attempt.kind is Kind.VEND else about_the_prompt
        known = plan.attempt.known_as is not None or outcome is LOST or outcome is DOWN
        one.answer(plan, outcome if plan.attempt.kind is Kind.VEND or known else CannotAsk())


def rest(one: Alone, truth: Outcome) -> None:
    """Until nothing is due any more."""
    for _ in range(40):
        if one.due_in is None:
            return
        one.pass_(max(one.due_in, 0))
        act(one, truth)
    raise AssertionError(f"still looked at in {one.due_in} seconds, {one.state}")


# --- I-10 and its kin: any walk at all


def proof_of(plan: Send | Any) -> str:
    """One receipt number a prompt, as operators give them."""
    return f"SK{plan.attempt.number:08}"


def answers(plan: Plan) -> list[Outcome]:
    """Everything that the call of this plan may end in."""
    assert not isinstance(plan, Rest)
    either: list[Outcome] = [DOWN, LOST]
    asked: list[Outcome] = [PENDING, NotFound("gone"), CannotAsk()]
    match plan.attempt.kind, isinstance(plan, Send):
        case Kind.PROMPT, True:
            return [*either, Prompted(f"ws_CO_{plan.attempt.number}"), Refused(Reason.BUSY, "500.001.1001")]
        case Kind.PROMPT, False:
            amounts: list[Money | None] = [None, TOTAL, Money(1, "KES")]
            money: list[Outcome] = [Collected(proof_of(plan), amount) for amount in amounts]
            return [*either, *asked, CANCELLED, EXPIRED, MONEY, *money]
        case Kind.VEND, sent:
            sale = dataclasses.replace(SOLD, proof=f"{plan.attempt.number:015}")
            return [*either, *([] if sent else asked), sale, BLOCKED]
        case _:
            raise AssertionError("attempts are prompts or vends")


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from(AfterNotFound))
def test_I10_whatever_happens_no_shilling_is_lost_and_nothing_stands_still(
    data: st.DataObject, kind: AfterNotFound
) -> None:
    one = Alone(after_not_found=kind)
    for _ in range(data.draw(st.integers(1, 25), label="steps")):
        match data.draw(st.sampled_from(["answer", "answer", "answer", "callback", "wish", "time"])):
            case "answer":
                before = one.state
                plan = one.claim()
                if not isinstance(plan, Rest):
                    is_allowed(one, plan, before)
                    outcome = data.draw(st.sampled_from(answers(plan)))
                    assert isinstance(one.answer(plan, outcome), Done)
            case "callback" if prompts := [each for each in one.attempts if each.kind is Kind.PROMPT]:
                number = data.draw(st.sampled_from(prompts)).number
                success = data.draw(st.booleans())
                one.hint(success=success, proof=f"SK{number:08}", theirs=f"ws_CO_{number}", number=number)
            case "wish":
                one.wish(data.draw(st.integers(1, 3)))
            case _:
                one.pass_(data.draw(st.sampled_from([1, 5, 60, 400, 700, 3600])))
        is_sound(one)


def is_allowed(one: Alone, plan: Plan, before: State) -> None:
    """Nothing is sent that may act twice."""
    if not isinstance(plan, Send):
        return
    others = [each for each in one.attempts if each.id != plan.attempt.id]
    if plan.attempt.kind is Kind.PROMPT:
        assert before in BEFORE_MONEY
        assert not any(each.out for each in others)
    else:
        assert any(each.success for each in others if each.kind is Kind.PROMPT)
        assert not any(each.kind is Kind.VEND and (each.out or each.state is AttemptState.YES) for each in others)


def is_sound(one: Alone) -> None:
    """What must be so after every step."""
    prompts = [each for each in one.attempts if each.kind is Kind.PROMPT]
    paid = [each for each in prompts if each.state is AttemptState.YES]
    sold = [each for each in one.attempts if each.kind is Kind.VEND and each.state is AttemptState.YES]
    accounts = one.accounts
    assert sum(accounts.values()) == 0
    assert accounts.get("operator_clearing:mpesa", 0) == 510 * len(paid)
    assert accounts.get("customer_held:it", 0) == (-510 if one.state in HOLDING else 0)
    assert accounts.get("suspense:surplus", 0) == -510 * max(len(paid) - 1, 0)
    assert sum(each.success for each in prompts) == (0 if one.state in BEFORE_MONEY else 1)
    assert (len(sold) == 1) == (one.state is State.VENDED)
    if one.state not in RESTING | FINAL | {State.REFUND_DUE}:
        assert one.due_in is not None, f"nobody looks at a payment that is {one.state.value}"
    if any(each.out for each in prompts):
        assert one.due_in is not None, "a prompt is out and nobody looks"
    elif one.state not in PROMPT_OPEN:
        assert not one.locked


def test_the_walks_begin_with_every_state_that_can_be_reached_without_a_person() -> None:
    for state in set(State) - {State.REFUNDING, State.REFUNDED}:
        is_sound(in_state(state))

"""What goes wrong between us and Daraja: nothing is pushed twice, and asking settles what callbacks do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    CallbackSeen,
    Collected,
    Declined,
    Expired,
    Pending,
    Prompted,
    Reason,
    Refused,
)
from integrations.sandbox.daraja import FAULTS
from tests.money.mpesa.world import MSISDN, Bench, json_of, wire_bytes

PUSH = "/stkpush/"
QUERY = "/stkpushquery/"


# --- nothing that could act twice is repeated (F-001…F-004)

LOST: list[Sent] = [
    Unknown("timed out"),
    Response(200, {}, b""),
    Response(200, {"content-type": "text/html"}, b"<html></html>"),
    Response(500, {}, wire_bytes("push.500.003.1001.json")),
    Response(502, {}, b"<html>Bad Gateway</html>"),
    Response(504, {}, b""),
    json_of({"ResponseCode": "1", "ResponseDescription": "?"}),
    json_of({"errorCode": "500.001.1001", "errorMessage": "Something new"}, 500),
]


@pytest.mark.parametrize("answer", LOST, ids=range(len(LOST)))
async def test_F001_F002_F004_a_push_without_a_readable_answer_is_unknown_and_never_repeated(answer: Sent) -> None:
    bench = Bench()
    bench.before_daraja = lambda request: answer if PUSH in request.url else None
    assert isinstance(await bench.prompt(), Unknown)
    assert len(bench.sent_to(PUSH)) == 1


async def test_F003_a_push_proved_not_sent_is_said_to_be_so() -> None:
    bench = Bench()
    bench.before_daraja = lambda request: NotSent("refused") if PUSH in request.url else None
    assert await bench.prompt() == NotSent("refused")


@pytest.mark.parametrize("status", [429, 500])
async def test_F017_a_push_refused_for_want_of_room_was_not_shown(status: int) -> None:
    bench = Bench()
    answer = Response(status, {}, wire_bytes("push.500.003.02.json"))
    bench.before_daraja = lambda request: answer if PUSH in request.url else None
    refused = await bench.prompt()
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.UNAVAILABLE
    assert len(bench.sent_to(PUSH)) == 1


async def test_an_enquiry_that_fails_is_unknown_and_asked_once() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    bench.before_daraja = lambda request: Unknown("reset") if QUERY in request.url else None
    assert await bench.enquire(prompt.id) == Unknown("reset")
    assert len(bench.sent_to(QUERY)) == 1


# --- every fault the far side knows


async def test_F026_a_lost_callback_is_made_up_for_by_asking() -> None:
    bench = Bench()
    bench.faults.arm("lose_callback")
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(3600)
    assert bench.callbacks == []
    assert await bench.enquire(prompt.id) == Collected(None, None)


async def test_F026_a_late_callback_comes_late() -> None:
    bench = Bench()
    bench.faults.arm("late_callback")
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(89)
    assert bench.callbacks == []
    await bench.pass_time(2)
    assert len(bench.callbacks) == 1


async def test_F028_a_double_callback_says_the_same_twice() -> None:
    bench = Bench()
    bench.faults.arm("double_callback")
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(2)
    assert len(bench.callbacks) == 2
    assert len(set(bench.callbacks)) == 1
    assert len(bench.side.transactions) == 1


async def test_F033_a_bare_callback_claims_nothing() -> None:
    bench = Bench()
    bench.faults.arm("bare_callback")
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(2)
    assert bench.callbacks == [CallbackSeen(prompt.id, claims_success=False)]


async def test_F031_a_callback_with_another_amount_shows_that_amount() -> None:
    bench = Bench()
    bench.faults.arm("wrong_amount_callback")
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(2)
    assert bench.callbacks == [CallbackSeen(prompt.id, True, prompt.receipt, Money.of(499, "KES"), MSISDN)]
    assert bench.side.transactions[0].amount == Money.of(500, "KES")


@pytest.mark.parametrize("pays", [True, False])
async def test_F029_contradicting_callbacks_are_settled_by_asking(pays: bool) -> None:
    bench = Bench()
    bench.faults.arm("contradicting_callback")
    prompt = await bench.prompted()
    await (bench.side.enter_pin(prompt.id, "1234") if pays else bench.side.cancel(prompt.id))
    await bench.pass_time(5)
    claims = [seen.claims_success for seen in bench.callbacks if isinstance(seen, CallbackSeen)]
    assert claims == [pays, not pays]
    outcome = await bench.enquire(prompt.id)
    assert outcome == (Collected(None, None) if pays else Declined(Reason.CANCELLED, "1032"))
    assert len(bench.side.transactions) == pays


async def test_F039_a_forged_callback_claims_a_success_that_asking_denies() -> None:
    bench = Bench()
    bench.faults.arm("forged_callback")
    prompt = await bench.prompted()
    await bench.pass_time(2)
    assert bench.callbacks == [CallbackSeen(prompt.id, True, "SKF0RGED99", Money.of(500, "KES"), MSISDN)]
    assert await bench.enquire(prompt.id) == Pending()
    assert bench.side.transactions == []


async def test_F027_a_callback_can_overtake_the_answer_to_the_push() -> None:
    bench = Bench()
    bench.faults.arm("callback_before_answer")
    outcome = await bench.prompt()
    assert isinstance(outcome, Prompted)
    assert bench.callbacks_at_answers == [0, 1]
    await bench.pass_time(120)
    assert len(bench.callbacks) == 1
    assert await bench.enquire(outcome.theirs) == Collected(None, None)


@pytest.mark.parametrize("fault", ["push_answer_lost", "push_garbled"])
async def test_F001_F002_an_answer_that_is_lost_leaves_a_prompt_that_can_be_paid(fault: str) -> None:
    bench = Bench()
    bench.faults.arm(fault)
    assert isinstance(await bench.prompt(), Unknown)
    prompt = bench.side.prompts()[0]
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(2)
    assert isinstance(bench.callbacks[0], CallbackSeen)
    assert await bench.enquire(bench.callbacks[0].theirs) == Collected(None, None)


async def test_F018_a_firewalls_page_is_unknown() -> None:
    bench = Bench()
    bench.faults.arm("push_blocked")
    assert isinstance(await bench.prompt(), Unknown)
    assert bench.side.prompts() == []


async def test_F017_a_busy_daraja_refuses_before_it_acts() -> None:
    bench = Bench()
    bench.faults.arm("push_busy")
    refused = await bench.prompt()
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.code) == (Reason.UNAVAILABLE, "500.003.02")
    assert bench.side.prompts() == []


async def test_an_enquiry_answered_by_a_server_error_is_unknown() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    bench.faults.arm("query_down")
    assert isinstance(await bench.enquire(prompt.id), Unknown)
    assert await bench.enquire(prompt.id) == Pending()


async def test_F042_an_enquiry_can_say_pending_for_a_prompt_that_is_paid() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    bench.faults.arm("query_pending_long", 2)
    outcomes = [await bench.enquire(prompt.id) for _ in range(3)]
    assert outcomes == [Pending(), Pending(), Collected(None, None)]


async def test_F030_late_money_after_an_expiry_is_reported() -> None:
    bench = Bench()
    bench.faults.arm("success_after_expiry")
    prompt = await bench.prompted()
    await bench.pass_time(62)
    assert await bench.enquire(prompt.id) == Expired("1037")
    await bench.pass_time(60)
    assert await bench.enquire(prompt.id) == Collected(None, None)
    claims = [seen.claims_success for seen in bench.callbacks if isinstance(seen, CallbackSeen)]
    assert claims == [False, True]


def test_every_fault_of_the_far_side_is_tried_here() -> None:
    source = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in FAULTS if f'"{name}"' not in source] == []
    assert all(sentence.endswith(".") for sentence in FAULTS.values())

"""A worker that wakes late neither calls nor writes (I-30): the fence, the lease, and what a zombie may still leave."""

from __future__ import annotations

import json

import pytest

from bot.payments.plan import Plan, Send
from bot.payments.worker import PaymentWorker
from bot.work import Deadline
from integrations.contract.exchange import Request, Response
from integrations.contract.outcomes import Collected, Declined, Prompted, Reason, Refused, Vended
from tests.payments.alone import SOLD
from tests.payments.scene import HOUR, MINUTE, Scene, scene
from tests.town import SANDBOX


class Frozen:
    """One replica that claims and then stands still."""

    def __init__(self, one: Scene) -> None:
        self.one = one
        self.worker = one.service.payments.worker
        assert isinstance(self.worker, PaymentWorker)

    async def claim(self) -> tuple[Plan, Deadline]:
        deadline = self.worker.lease.deadline(self.one.town.clock)
        plans = await self.one.store.claim(self.worker.claim(1))
        assert isinstance(plans, list)
        [plan] = plans
        return plan, deadline

    async def wake(self, plan: Plan, deadline: Deadline) -> None:
        await self.worker.work(plan, deadline)


def lease(one: Scene) -> float:
    return one.parties.lease.length_seconds


async def test_I30_a_worker_frozen_between_claim_and_call_does_not_call(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        frozen = Frozen(one)
        plan, deadline = await frozen.claim()
        one.town.clock.pass_(lease(one) - one.parties.money["mpesa"].pace.timeout + 0.001)
        await frozen.wake(plan, deadline)
        assert (one.pushes, await one.state(payment)) == (0, "prompting")
        [attempt] = await one.attempts(payment)
        assert attempt["state"] == "unsent", "nobody has taken the payment since, so it may say what it knows"
        await one.pass_(10)
        assert (await one.state(payment), one.pushes) == ("prompted", 1)


async def test_I30_with_enough_of_the_lease_left_it_does_call(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        frozen = Frozen(one)
        plan, deadline = await frozen.claim()
        one.town.clock.pass_(lease(one) - one.parties.money["mpesa"].pace.timeout)
        await frozen.wake(plan, deadline)
        assert (one.pushes, await one.state(payment)) == (1, "prompted")


async def test_I30_a_worker_that_wakes_after_another_took_over_neither_calls_nor_writes(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        frozen = Frozen(one)
        plan, deadline = await frozen.claim()
        await one.pass_(HOUR)
        before = await one.one("SELECT * FROM payment"), await one.attempts(payment)
        await frozen.wake(plan, deadline)
        assert (await one.one("SELECT * FROM payment"), await one.attempts(payment)) == before
        assert one.pushes == 0
        assert await one.cases(payment) == ["prompt_slow", "prompt_unknown"]


@pytest.mark.parametrize(
    "outcome",
    [
        Prompted("ws_CO_late"),
        Refused(Reason.BUSY, "x"),
        Collected("SKZ", None),
        Declined(Reason.CANCELLED, "1032"),
        SOLD,
    ],
)
async def test_I30_a_zombies_answer_moves_nothing_whatever_it_is(
    outcome: Prompted | Refused | Collected | Declined | Vended, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        frozen = Frozen(one)
        plan, _ = await frozen.claim()
        assert isinstance(plan, Send)
        one.town.clock.pass_(lease(one) + 1)
        await one.town.settle()
        events = await one.all("SELECT * FROM payment_event")
        row = await one.one("SELECT * FROM payment")
        assert isinstance(frozen.worker, PaymentWorker)
        await frozen.worker._store(plan.payment, plan.attempt, outcome, sent=True)
        assert (await one.all("SELECT * FROM payment_event"), await one.one("SELECT * FROM payment")) == (events, row)
        assert await one.all("SELECT id FROM posting") == []
        [attempt] = await one.attempts(payment)
        kept = "ws_CO_late" if isinstance(outcome, Prompted) else None
        assert (attempt["theirs"], attempt["state"]) == (kept, "sending")


async def test_a_zombies_prompt_is_found_by_the_name_that_it_left(sqlite_url: str) -> None:
    """The call was made, its answer came after the lease: the prompt is on the phone, and must be asked about."""
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        frozen = Frozen(one)
        plan, deadline = await frozen.claim()
        assert isinstance(plan, Send)
        assert isinstance(frozen.worker, PaymentWorker)
        outcome = await frozen.worker._send(plan.payment, plan.attempt, plan.callback_url, deadline)
        one.faults.arm("lose_callback")
        one.town.clock.pass_(30)
        await one.town.sandbox.daraja.enter_pin(one.prompts[0].id, "1234")
        one.town.clock.pass_(lease(one))
        await one.town.settle()
        await frozen.worker._store(plan.payment, plan.attempt, outcome, sent=True)
        await one.pass_(20 * MINUTE)
        assert (await one.state(payment), one.sales, one.pushes) == ("vended", 1, 1)
        await one.sound()


async def test_I08_a_sale_of_a_zombie_is_found_by_its_reference_and_not_made_again(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.town.sandbox.daraja.enter_pin(one.prompts[0].id, "1234")
        one.town.clock.pass_(2)
        await one.town.sandbox.daraja.due.drain()
        one.town.clock.pass_(0.001)
        frozen = Frozen(one)
        await frozen.wake(*await frozen.claim())
        plan, deadline = await frozen.claim()
        assert isinstance(plan, Send)
        assert isinstance(frozen.worker, PaymentWorker)
        outcome = await frozen.worker._send(plan.payment, plan.attempt, "", deadline)
        assert (isinstance(outcome, Vended), one.sales) == (True, 1)
        await one.pass_(lease(one) + MINUTE)
        assert (await one.state(payment), one.sales) == ("vended", 1)
        await frozen.worker._store(plan.payment, plan.attempt, outcome, sent=True)
        await one.pass_(HOUR)
        assert (len(await one.all("SELECT * FROM receipt")), one.sales) == (1, 1)
        await one.sound()


async def test_what_a_claim_plans_stands_in_the_store_before_anything_is_sent(sqlite_url: str) -> None:
    """I-02: at the moment of the call the operator's reference is found in the rows."""
    async with scene(sqlite_url) as one:
        found: list[int] = []
        serve = one.town.sandbox.serve

        async def looks(request: Request) -> Response:
            if "processrequest" in request.url:
                reference = json.loads(request.body)["TransactionDesc"]
                rows = await one.all("SELECT id FROM attempt WHERE reference = :reference", reference=reference)
                found.append(len(rows))
            return await serve(request)

        one.town.network.hosts[SANDBOX] = looks
        await one.order()
        assert found == [1]

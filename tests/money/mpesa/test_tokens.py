"""One access token for everybody, fetched once, and one push for every payment whatever becomes of it (F-015)."""

from __future__ import annotations

import asyncio

from integrations.contract.exchange import NotSent, Request, Sent, Unknown
from integrations.contract.outcomes import Pending, Reason, Refused
from integrations.contract.people import Phone
from tests.money.mpesa.world import Bench

PUSH = "/stkpush/"
QUERY = "/stkpushquery/"
TOKEN = "/oauth/"


async def test_F015_a_token_serves_until_a_minute_before_its_end() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.pass_time(3599 - 60 - 1)
    await bench.enquire(prompt.id)
    assert len(bench.sent_to(TOKEN)) == 1
    await bench.pass_time(2)
    await bench.enquire(prompt.id)
    assert len(bench.sent_to(TOKEN)) == 2


async def test_F015_fifty_payments_at_once_ask_for_one_token_and_show_fifty_prompts() -> None:
    bench = Bench()
    await asyncio.gather(*(bench.prompted(payer=Phone(f"+2547123456{n:02}")) for n in range(50)))
    assert len(bench.sent_to(TOKEN)) == 1
    assert len(bench.side.prompts()) == len(bench.sent_to(PUSH)) == 50


async def test_F015_a_token_that_dies_in_mid_burst_is_renewed_once_and_prompts_equal_payments() -> None:
    bench = Bench()
    await bench.prompted()
    bench.side._tokens.clear()
    await asyncio.gather(*(bench.prompted(payer=Phone(f"+2547223456{n:02}")) for n in range(50)))
    assert len(bench.sent_to(TOKEN)) == 2
    assert len(bench.side.prompts()) == 51


async def test_F015_a_refused_token_is_replaced_and_the_push_sent_once_more() -> None:
    bench = Bench()
    bench.faults.arm("token_expired")
    await bench.prompted()
    assert len(bench.sent_to(PUSH)) == 2
    assert len(bench.side.prompts()) == 1


async def test_F015_a_token_that_is_refused_again_is_our_fault() -> None:
    bench = Bench()
    bench.faults.arm("token_expired", -1)
    assert await bench.prompt() == Refused(Reason.OUR_FAULT, "404.001.03")
    assert len(bench.sent_to(PUSH)) == 2
    assert isinstance(await bench.enquire("ws_CO_1"), Unknown)
    assert len(bench.sent_to(QUERY)) == 2


async def test_F015_an_enquiry_gets_a_fresh_token_too() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    bench.faults.arm("token_expired")
    assert await bench.enquire(prompt.id) == Pending()


async def test_without_a_token_nothing_is_pushed_and_the_next_try_begins_anew() -> None:
    bench = Bench()
    bench.faults.arm("token_down")
    assert isinstance(await bench.prompt(), NotSent)
    assert bench.sent_to(PUSH) == []
    await bench.prompted()


async def test_F015_who_waits_for_a_fetch_that_fails_fails_with_it() -> None:
    bench = Bench()
    bench.faults.arm("token_down", -1)
    outcomes = await asyncio.gather(*(bench.prompt(payer=Phone(f"+2547123456{n:02}")) for n in range(20)))
    assert all(isinstance(outcome, NotSent) for outcome in outcomes)
    assert len(bench.sent_to(TOKEN)) == 1


async def test_a_fetch_may_take_only_its_share_of_the_time() -> None:
    bench = Bench()
    limits: list[float] = []

    async def send(request: Request, deadline: float) -> Sent:
        limits.append(deadline - bench.clock.monotonic())
        return await bench.to_daraja(request, deadline)

    bench.mpesa._tokens._send = send
    await bench.prompted()
    assert limits == [10.0]


async def test_a_cancelled_fetch_leaves_the_way_free_for_the_next() -> None:
    bench = Bench()
    first = asyncio.create_task(bench.prompt())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await bench.prompted()


async def test_F015_a_late_refusal_of_the_old_token_leaves_the_new_one_in_use() -> None:
    bench = Bench()
    await bench.prompted()
    bench.side._tokens.clear()
    held = asyncio.Event()
    arrived = asyncio.Event()

    async def slow_for_one(request: Request, deadline: float) -> Sent:
        answer = await bench.to_daraja(request, deadline)
        if b"254712345600" in request.body and not held.is_set():
            arrived.set()
            await held.wait()
        return answer

    bench.mpesa._send = slow_for_one
    slow = asyncio.create_task(bench.prompted(payer=Phone("+254712345600")))
    await arrived.wait()
    await bench.prompted(payer=Phone("+254712345601"))
    held.set()
    await slow
    assert len(bench.sent_to(TOKEN)) == 2
    assert len(bench.side.prompts()) == 3

"""The sandbox's M-PESA is true to its handsets, and silent before its time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from integrations.contract.exchange import Request, Response
from integrations.contract.money import Money
from integrations.sandbox.daraja import FAULTS, DarajaSideConfig
from tests.money.mpesa.caller import Caller
from tests.money.mpesa.world import MSISDN, Bench, side_config


async def test_money_moves_once_and_leaves_a_text_on_the_phone() -> None:
    caller = Caller()
    side = caller.bench.side
    prompt = await caller.shown()
    await side.enter_pin(prompt.id, "1234")
    await side.enter_pin(prompt.id, "1234")
    await side.cancel(prompt.id)
    handset = side.handsets[MSISDN]
    assert prompt.state == "paid"
    assert handset.balance == Money.of(4_500, "KES")
    assert [transaction.amount for transaction in side.transactions] == [Money.of(500, "KES")]
    assert re.fullmatch(r"SK[0-9A-Z]{8}", prompt.receipt)
    text = (
        f"{prompt.receipt} Confirmed. Ksh500.00 sent to BILI for account accountref on 5/1/26 at 9:00 AM "
        "New M-PESA balance is Ksh4,500.00. Transaction cost, Ksh0.00."
    )
    assert handset.sms == [text]


async def test_three_wrong_pins_lock_the_pin_and_a_right_one_forgives() -> None:
    caller = Caller()
    side = caller.bench.side
    states = []
    for pin in ("1", "2", "1234", "3", "4", "5", "1234"):
        prompt = await caller.shown()
        await side.enter_pin(prompt.id, pin)
        states.append(prompt.verdict.code if prompt.verdict else "")
    assert states == ["2001", "2001", "0", "2001", "2001", "2001", "8006"]


async def test_the_empty_account_is_told_on_the_phone() -> None:
    caller = Caller()
    prompt = await caller.shown(Amount=5_001)
    await caller.bench.side.enter_pin(prompt.id, "1234")
    assert prompt.state == "no_balance"
    assert caller.bench.side.handsets[MSISDN].sms == [
        "Failed. There is not enough money in your M-PESA account to pay Ksh5,001.00 to BILI."
    ]


async def test_a_pin_after_the_prompts_end_is_without_effect() -> None:
    caller = Caller()
    prompt = await caller.shown()
    caller.bench.clock.seconds += 60
    await caller.bench.side.enter_pin(prompt.id, "1234")
    assert prompt.state == "timed_out"
    assert caller.bench.side.transactions == []


async def test_a_phone_is_free_again_once_its_prompt_is_over() -> None:
    caller = Caller()
    prompt = await caller.shown()
    assert (await caller.push())[1]["errorMessage"].startswith("Unable to lock subscriber")
    await caller.bench.side.cancel(prompt.id)
    await caller.shown()


async def test_an_amount_over_the_limit_ends_without_a_prompt() -> None:
    caller = Caller()
    prompt = await caller.shown(Amount=250_001)
    assert prompt.state == "blocked"
    assert (await caller.query(prompt.id))[1]["ResultCode"] == "3"


async def test_a_payer_without_a_prompt_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        await Bench().side.enter_pin("ws_CO_1", "1234")


async def test_late_money_needs_a_balance_too() -> None:
    caller = Caller()
    caller.bench.faults.arm("success_after_expiry")
    prompt = await caller.shown()
    await caller.bench.pass_time(70)
    caller.bench.side.handsets[MSISDN].balance = Money.of(0, "KES")
    await caller.bench.pass_time(100)
    assert prompt.state == "timed_out"


async def test_the_revision_rises_with_every_change_a_page_could_show() -> None:
    caller = Caller()
    side = caller.bench.side
    seen = [side.revision]
    prompt = await caller.shown()
    seen.append(side.revision)
    await side.enter_pin(prompt.id, "1234")
    seen.append(side.revision)
    side.handset("254722345678")
    seen.append(side.revision)
    assert seen == sorted(set(seen))
    await caller.query(prompt.id)
    assert side.revision == seen[-1]


async def test_every_id_is_new() -> None:
    caller = Caller(Bench(side_settings=side_config(repeat_guard_seconds=9.0)))
    first = await caller.shown()
    await caller.bench.side.cancel(first.id)
    for _ in range(30):
        await caller.shown()
    prompts = caller.bench.side.prompts()
    assert len({prompt.id for prompt in prompts}) == len(prompts) == 31


# --- callbacks


async def test_a_callback_has_the_documented_bytes() -> None:
    caller = Caller()
    bodies: list[bytes] = []
    world_send = caller.bench.to_service

    async def watched(request: Request, deadline: float) -> Response:
        bodies.append(request.body)
        await world_send(request, deadline)
        return Response(200)

    object.__setattr__(caller.bench.side._world, "send", watched)
    prompt = await caller.shown()
    await caller.bench.side.enter_pin(prompt.id, "1234")
    await caller.bench.pass_time(1)
    told = json.loads(bodies[0])["Body"]["stkCallback"]
    assert b'"Value": 500.0}' in bodies[0]
    assert {"Name": "Balance"} in told["CallbackMetadata"]["Item"]
    assert {"Name": "PhoneNumber", "Value": 254712345678} in told["CallbackMetadata"]["Item"]
    assert {"Name": "TransactionDate", "Value": 20260105090000} in told["CallbackMetadata"]["Item"]
    assert told["ResultCode"] == 0

    prompt = await caller.shown()
    await caller.bench.side.cancel(prompt.id)
    await caller.bench.pass_time(1)
    assert "CallbackMetadata" not in json.loads(bodies[1])["Body"]["stkCallback"]


@pytest.mark.parametrize(("tries", "status", "delivered"), [(1, 500, 1), (3, 500, 3), (3, 200, 1)])
async def test_a_callback_is_tried_again_only_as_far_as_set(tries: int, status: int, delivered: int) -> None:
    bench = Bench(side_settings=side_config(callback_tries=tries, callback_code="str"))
    bench.service_status = status
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    await bench.pass_time(600)
    assert len(bench.callbacks) == delivered
    assert len(set(bench.callbacks)) == 1


async def test_nothing_is_done_before_its_time() -> None:
    bench = Bench()
    prompt = await bench.prompted()
    await bench.side.enter_pin(prompt.id, "1234")
    assert await bench.side.due.drain() == 0
    await bench.pass_time(0.5)
    assert bench.callbacks == []
    await bench.pass_time(0.5)
    assert len(bench.callbacks) == 1


# --- the guide


def test_the_guide_names_every_fault_credential_and_switch_as_it_is() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "sandbox-daraja.md").read_text()
    defaults = DarajaSideConfig()
    wanted = {f"| {name} | {sentence} |" for name, sentence in FAULTS.items()}
    wanted |= {f"`{value}`" for value in (defaults.consumer_key, defaults.consumer_secret, defaults.passkey)}
    wanted |= {f"(`{name}`)" for name in ("pending_style", "callback_tries", "callback_code", "nairobi_timestamps")}
    assert {words for words in wanted if words not in guide} == set()
    assert all(hasattr(defaults, name) for name in re.findall(r"\(`([a-z_]+)`\)", guide))

"""What cannot be answered is parked and told, others go on; and where a person has taken over, nothing is said."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bot.conversations import read_ready
from bot.store.change import Change, Done, Insert, Lost, Refused, Update, Value
from flows.catalogue import FLOWS
from flows.turn import Flows
from integrations.contract.message import SharedPhone, Tapped, Typed
from tests.flows.chat import METER, OTHER_METER, PHONE
from tests.turns.stage import FRAGILE, POISON, SEAL, Stage


async def parked(stage: Stage, name: str = "v1") -> list[str]:
    return [one for one in await stage.dispositions(name) if one.startswith("parked")]


# --- poison


async def test_I36_F073_a_flow_that_raises_is_parked_told_and_the_rest_flow(stage: Stage) -> None:
    others = [f"v{number}" for number in range(2, 8)]
    await stage.meet(*others)
    await asyncio.gather(*(stage.type("buy", to=name) for name in ("v1", *others)))
    await stage.settle()
    await asyncio.gather(stage.type(POISON), *(stage.type("21", to=name) for name in others))
    assert await stage.turns.step() == 7
    assert await parked(stage) == ["parked: failed"]
    assert [await stage.said(name) for name in others] == [[21]] * 6
    assert await stage.turns.step() == 0


async def test_I26_who_sent_poison_is_told_and_can_go_on(stage: Stage) -> None:
    await stage.type("buy", POISON)
    await stage.settle()
    [told] = await stage.rows("SELECT kind FROM outbox")
    assert told["kind"] == "say"
    assert await stage.state() is None
    await stage.type("buy", "21")
    await stage.settle()
    assert await stage.said() == [21]


async def test_I29_whoever_is_told_of_a_fault_is_not_told_that_nothing_was_charged(stage: Stage) -> None:
    await stage.type("buy", POISON)
    await stage.settle()
    assert not any("charged" in text.msgid for body in await stage.bodies() for text in body)


async def test_what_is_parked_takes_its_epoch_along(stage: Stage) -> None:
    await stage.type("buy", POISON)
    await stage.settle()
    [row] = await stage.rows("SELECT epoch, version FROM conversation")
    assert (row["epoch"], row["version"]) == (1, 1)


@pytest.mark.parametrize("body", ["", "1.00000000.AAAA", "garbage", "{}"])
async def test_an_input_nobody_can_open_is_parked_and_what_follows_is_answered(stage: Stage, body: str) -> None:
    row = {"conversation_id": "v1", "channel": "test", "external_id": "x", "kind": "message"}
    await stage.wrote(Insert("input", {**row, "body_sealed": body, "stored_at": stage.now}))
    await stage.settle(rounds=3)
    assert await parked(stage) == ["parked: failed"]
    await stage.type("buy", "21")
    await stage.settle()
    assert await stage.said() == [21]


@pytest.mark.parametrize("body", ['["fly"]', "[]", "null", '["typed",1]', '{"a":1}', "not json"])
async def test_an_input_of_a_kind_we_do_not_know_is_parked(stage: Stage, body: str) -> None:
    await stage.store_input(body, to="v1", kind="message")
    await stage.settle(rounds=3)
    assert await parked(stage) == ["parked: failed"]


@pytest.mark.parametrize("state", ["x", "1.00000000.AAAA"])
async def test_a_state_nobody_can_open_is_given_up_and_begun_anew(stage: Stage, state: str) -> None:
    await stage.store.write(Change(updates=(Update("conversation", "v1", {"state_sealed": state}),)))
    await stage.type("hello")
    await stage.settle(rounds=3)
    assert await parked(stage) == ["parked: failed"]
    await stage.type("buy", "21")
    await stage.settle()
    assert await stage.said() == [21]


async def test_poison_for_two_replicas_is_parked_once(stage: Stage, second: Stage) -> None:
    await stage.type("buy", POISON)
    readings = [(one, (await one.store.read(read_ready))[0]) for one in (stage, second)]
    outcomes = await asyncio.gather(*(one.turns._turn(reading) for one, reading in readings))
    assert sorted(outcomes) == [False, True]
    assert len(await stage.bodies()) == 1


async def test_O04_the_log_says_where_it_broke_and_nothing_of_what_was_typed(stage: Stage) -> None:
    await stage.type("buy", FRAGILE)
    with capture_logs() as logs:
        await stage.settle()
    [entry] = [one for one in logs if one["event"] == "turn.failed"]
    assert (entry["conversation"], entry["error"]) == ("v1", "ValueError")
    assert any("stage.py" in frame for frame in entry["trace"])
    assert FRAGILE not in str(logs)


# --- refused by a constraint


class TestARefusedTurn:
    @pytest.fixture
    def played(self) -> Flows:
        return FLOWS

    async def test_is_parked_by_the_name_of_the_constraint_and_the_chat_goes_on(self, stage: Stage) -> None:
        await self._own_meters(stage)
        await stage.type("meters")
        await stage.put(Tapped("0.0.m1", "m1"))
        await stage.type("2")
        await stage.settle()
        await stage.store.write(Change(updates=(Update("saved_meter", "s0", NAMED),)))
        await stage.type("Shop")
        assert await stage.turns.step() == 1
        assert await parked(stage) == ["parked: one_nickname"]
        assert any(isinstance(one, Refused) for one in stage.watched.written)
        assert await stage.turns.step() == 0
        await stage.type("meters")
        await stage.settle()
        assert await stage.state() is not None

    async def _own_meters(self, stage: Stage) -> None:
        for place, meter in enumerate((METER, OTHER_METER)):
            hashed = SEAL.hashed(meter.reveal(), "meter")
            row: dict[str, Value] = {
                "id": f"s{place}" if place == 0 else f"c1:{hashed[:24]}", "customer_id": "c1", "utility": "xmlvend",
                "meter_sealed": SEAL.seal(meter.reveal(), "meter"), "meter_hash": hashed, "owner_masked": "A",
                "used_at": stage.now - place,
            }  # fmt: skip
            await stage.wrote(Insert("saved_meter", row))


NAMED = {"nickname": "Shop", "nickname_folded": "shop"}


# --- a person has taken the conversation


async def test_I32_nothing_is_said_in_a_conversation_a_person_took(stage: Stage) -> None:
    await stage.own("agent-1")
    await stage.type("buy", "21")
    await stage.put(SharedPhone(PHONE, own=True))
    assert await stage.turns.step() == 0
    assert await stage.bodies() == []
    assert await stage.dispositions() == ["new"] * 3
    assert stage.watched.written == []


async def test_I32_a_turn_already_thought_loses_to_the_person(stage: Stage) -> None:
    await stage.type("buy", "21")
    [reading] = await stage.store.read(read_ready)
    await stage.own("agent-1")
    assert not await stage.turns._turn(reading)
    assert isinstance(stage.watched.written[-1], Lost)
    assert await stage.bodies() == []
    assert await stage.turns.step() == 0


async def test_I32_poison_in_a_taken_conversation_is_not_answered_either(stage: Stage) -> None:
    await stage.type("buy", POISON)
    [reading] = await stage.store.read(read_ready)
    await stage.own("agent-1")
    assert not await stage.turns._turn(reading)
    assert await stage.bodies() == []


async def test_a_conversation_given_back_is_answered_from_where_it_was(stage: Stage) -> None:
    await stage.type("buy")
    await stage.settle()
    await stage.own("agent-1")
    await stage.type("21")
    assert await stage.turns.step() == 0
    await stage.own("bot")
    await stage.settle()
    assert await stage.said() == [21]


async def test_others_are_answered_while_a_person_speaks_with_one(stage: Stage) -> None:
    await stage.meet("v2")
    await stage.own("agent-1")
    await stage.type("buy", to="v1")
    await stage.type("buy", "21", to="v2")
    assert await stage.turns.step() == 1
    assert await stage.said("v2") == [21]


async def test_a_write_that_is_done_is_told_as_done(stage: Stage) -> None:
    await stage.put(Typed("hello"))
    await stage.settle()
    assert stage.watched.written == [Done()]

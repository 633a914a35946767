"""One turn after another: what is stored is answered once and in order, and a call ends the turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bot.conversations import BATCH_MAX, INPUTS_A_TURN_MAX, read_ready
from bot.store.change import Change, CommitUnknown, Done, Sql, StoreUnavailable, Written
from bot.store.store import Store
from flows.driver import HELD_MAX
from flows.turn import Flows
from integrations.contract.message import Reachable, SharedPhone, Tapped, Typed
from tests.flows.chat import OTHER_PHONE, PHONE
from tests.turns.stage import SEAL, Stage, Way, flows, looks, numbers, plainly


async def test_messages_in_one_burst_are_one_turn_in_their_order(stage: Stage) -> None:
    await stage.type("buy", *numbers(20, 10))
    assert await stage.turns.step() == 1
    assert await stage.said() == list(range(20, 30))
    assert await stage.version() == 1
    assert await stage.turns.step() == 0


async def test_two_messages_and_a_button_at_once_are_all_answered(stage: Stage) -> None:
    await stage.type("buy")
    await stage.settle()
    await asyncio.gather(stage.type("21"), stage.type("22"), stage.put(Tapped("go:help", "m1")))
    await stage.settle()
    assert sorted(await stage.dispositions()) == ["answer", "answer", "buy", "help"]
    assert sorted(await stage.said()) == [21, 22]


async def test_I27_channel_order_decides_and_not_the_order_of_arrival(stage: Stage) -> None:
    await stage.put(Typed("22"), sort=3)
    await stage.put(Typed("buy"), sort=1)
    await stage.put(Typed("21"), sort=2)
    await stage.settle()
    assert await stage.said() == [21, 22]


async def test_more_than_one_turn_can_take_is_taken_in_the_next(stage: Stage) -> None:
    await stage.type("buy", *numbers(1000, INPUTS_A_TURN_MAX + 20))
    assert await stage.settle() == 2
    assert await stage.said() == list(range(1000, 1000 + INPUTS_A_TURN_MAX + 20))


async def test_more_conversations_than_a_batch_are_all_reached(stage: Stage) -> None:
    names = [f"v{name}" for name in range(100, 100 + BATCH_MAX + 10)]
    await asyncio.gather(*(stage.meet(name) for name in names))
    await asyncio.gather(*(stage.type("menu", to=name) for name in names))
    assert await stage.turns.step() == BATCH_MAX
    assert await stage.turns.step() == 10
    assert await stage.turns.step() == 0


async def test_a_message_that_comes_between_read_and_write_has_the_next_turn(stage: Stage) -> None:
    await stage.type("buy")
    [reading] = await stage.store.read(read_ready)
    await stage.type("21")
    assert await stage.turns._turn(reading)
    assert await stage.dispositions() == ["buy", "new"]
    assert await stage.settle() == 1
    assert await stage.said() == [21]


async def test_a_turn_that_lost_is_thought_again_and_says_what_it_would_have_said(stage: Stage) -> None:
    await stage.type("buy", "21")
    [reading] = await stage.store.read(read_ready)
    assert await stage.turns._turn(reading)
    await stage.type("22")
    assert not await stage.turns._turn(reading)
    assert await stage.said() == [21]
    await stage.settle()
    assert await stage.said() == [21, 22]


async def stored_unknown(store: Store, change: Change) -> Written:
    await store.write(change)
    return CommitUnknown()


async def not_stored_unknown(_store: Store, _change: Change) -> Written:
    return CommitUnknown()


@pytest.mark.parametrize("way", [stored_unknown, not_stored_unknown])
async def test_F128_a_commit_nobody_knows_about_is_neither_repeated_nor_lost(stage: Stage, way: Way) -> None:
    await stage.type("buy", "21")
    stage.watched.way = way
    assert await stage.turns.step() == 0
    stage.watched.way = plainly
    await stage.settle()
    assert await stage.said() == [21]
    assert await stage.version() == 1


async def test_thinking_twice_from_one_reading_proposes_the_same(stage: Stage) -> None:
    await stage.type("buy", "21", "back", "status")
    [reading] = await stage.store.read(read_ready)
    one, other = stage.turns.thinker.think(reading), stage.turns.thinker.think(reading)
    for table in ("work", "payment", "input"):
        assert [_plain(i.row) for i in one.inserts if i.table == table] == [
            _plain(i.row) for i in other.inserts if i.table == table
        ]
    assert one.updates == other.updates
    assert [guard.key for guard in one.guards] == [guard.key for guard in other.guards]


def _plain(row: object) -> dict[str, object]:
    assert isinstance(row, dict)
    return {name: value for name, value in row.items() if not name.endswith("_sealed")}


# --- calls


class TestACall:
    @pytest.fixture
    def played(self) -> Flows:
        return flows(looks)

    async def test_ends_the_turn_with_a_work_row_and_holds_what_comes(self, stage: Stage) -> None:
        await stage.type("buy", "21", "22")
        assert await stage.turns.step() == 1
        assert await stage.pending() == "v1:0:1"
        assert await stage.dispositions() == ["buy", "answer", "held"]
        assert await stage.said() == []

    async def test_held_messages_wake_nobody_until_the_answer_is_there(self, stage: Stage) -> None:
        await stage.type("buy", "21", "22")
        await stage.settle()
        assert await stage.store.read(read_ready) == []
        assert await stage.turns.step() == 0
        assert await stage.finish("v1:0:1", 210) == Done()
        assert await stage.settle() == 1
        assert await stage.said() == [210]
        assert await stage.dispositions() == ["buy", "answer", "answer", "taken"]
        assert await stage.pending() == "v1:0:3"

    async def test_asks_the_world_once_whatever_is_typed_meanwhile(self, stage: Stage) -> None:
        await stage.type("buy", "21")
        await stage.settle()
        for text in ("22", "help", "agent"):
            await stage.type(text)
            await stage.settle()
        assert len(await stage.rows("SELECT 1 AS one FROM work")) == 1

    async def test_is_abandoned_by_cancel_and_its_answer_is_stale(self, stage: Stage) -> None:
        await stage.type("buy", "21", "22")
        await stage.settle()
        await stage.type("cancel")
        await stage.settle()
        assert await stage.dispositions() == ["buy", "answer", "discarded", "cancel"]
        await stage.finish("v1:0:1", 210)
        await stage.settle()
        assert (await stage.dispositions())[-1] == "stale"
        assert await stage.said() == []
        assert await stage.state() is None

    async def test_that_is_answered_twice_is_stored_once(self, stage: Stage) -> None:
        await stage.type("buy", "21")
        await stage.settle()
        answers = [210, 211]
        written = await asyncio.gather(*(stage.finish("v1:0:1", answer) for answer in answers))
        assert written.count(Done()) == 1
        await stage.settle()
        assert await stage.said() == [answers[written.index(Done())]]

    async def test_answered_between_the_reading_of_inputs_and_of_work_is_not_asked_again(self, stage: Stage) -> None:
        await stage.type("buy", "21")
        await stage.settle()
        await stage.type("22")
        [reading] = await stage.store.read(read_ready)
        await stage.finish("v1:0:1", 210)
        reading.pending.clear()
        assert await stage.turns._turn(reading)
        assert len(await stage.rows("SELECT 1 AS one FROM work")) == 1
        await stage.settle()
        assert await stage.said() == [210]

    async def test_with_a_flood_behind_it_still_hears_cancel_and_its_answer(self, stage: Stage) -> None:
        await stage.type("buy", *numbers(100, INPUTS_A_TURN_MAX + 20))
        await stage.settle(rounds=5)
        assert (await stage.dispositions()).count("held") == HELD_MAX
        await stage.finish("v1:0:1", 210)
        await stage.settle(rounds=5)
        assert await stage.said() == [210]
        await stage.type("cancel")
        await stage.settle(rounds=5)
        assert await stage.state() is None


# --- what a turn writes beside


async def test_two_shared_phones_in_one_turn_are_written_and_the_last_one_stays(stage: Stage) -> None:
    await stage.put(SharedPhone(PHONE, own=True))
    await stage.put(SharedPhone(OTHER_PHONE, own=True))
    await stage.type("language")
    assert await stage.settle(rounds=3) == 1
    [customer] = await stage.rows("SELECT * FROM customer")
    assert SEAL.open(customer["phone_sealed"], "phone") == OTHER_PHONE.reveal()
    assert customer["version"] == 2


async def test_two_languages_in_one_turn_end_with_the_last(stage: Stage) -> None:
    await stage.put(Tapped("lang:sw", "m1"))
    await stage.put(Tapped("lang:en", "m1"))
    await stage.put(Tapped("lang:sw", "m1"))
    await stage.settle()
    assert await stage.rows("SELECT language FROM customer") == [{"language": "sw"}]


async def test_S45_a_pin_is_gone_from_the_store_with_the_turn_that_answers_it(stage: Stage) -> None:
    await stage.type("4821", "hello")
    await stage.settle()
    assert await stage.contents() == [Typed(""), Typed("hello")]


async def test_who_blocks_us_cannot_be_reached_until_they_do_something(stage: Stage) -> None:
    async def reachable() -> int:
        [row] = await stage.rows("SELECT reachable FROM conversation")
        return int(row["reachable"])

    await stage.put(Reachable(False))
    await stage.settle()
    assert await reachable() == 0
    await stage.store_input("vended", to="v1", kind="fact")
    await stage.settle()
    assert await reachable() == 0
    await stage.type("hello")
    await stage.settle()
    assert await reachable() == 1


# --- the loop


async def test_the_loop_survives_a_store_that_is_away_and_loses_nothing(stage: Stage) -> None:
    await stage.type("buy", "21")
    refusals, answered = iter([True, True]), asyncio.Event()

    async def away(query: Callable[[Sql], Any]) -> Any:
        if next(refusals, False):
            raise StoreUnavailable
        return await stage.store.read(query)

    async def seen(store: Store, change: Change) -> Written:
        written = await store.write(change)
        answered.set()
        return written

    stage.watched.reads, stage.watched.way = away, seen
    loop = asyncio.create_task(stage.turns.run())
    await answered.wait()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    assert await stage.said() == [21]

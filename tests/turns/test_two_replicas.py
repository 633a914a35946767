"""Two replicas on one database: exactly one wins a turn, nothing is answered twice, nothing is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from bot import conversations
from bot.conversations import Reading, read_ready
from bot.store.change import Change, Done, Sql, Written
from bot.store.store import Store
from flows.catalogue import FLOWS
from flows.questions import OFFER_SECONDS
from flows.turn import Flows
from integrations.contract.message import SharedPhone, Tapped, Typed
from tests.flows.chat import METER, PHONE, found, priced
from tests.turns.stage import SEAL, Stage, numbers, plainly

ROUNDS = 12


async def test_one_wins_and_the_other_throws_its_turn_away(stage: Stage, second: Stage) -> None:
    await stage.type("buy", "21")
    [first], [other] = await stage.store.read(read_ready), await second.store.read(read_ready)
    outcomes = await asyncio.gather(stage.turns._turn(first), second.turns._turn(other))
    assert sorted(outcomes) == [False, True]
    written = stage.watched.written + second.watched.written
    assert sorted(type(one).__name__ for one in written) == ["Done", "Lost"]
    assert await stage.said() == [21]
    assert await stage.version() == 1


async def _turn(one: Stage, name: str = "v1") -> bool:
    [reading] = [reading for reading in await one.store.read(read_ready) if reading.row["id"] == name]
    return await one.turns._turn(reading)


async def test_the_loser_reads_again_and_answers_what_came_since(stage: Stage, second: Stage) -> None:
    await stage.type("buy", "21")
    [old] = await second.store.read(read_ready)
    await stage.settle()
    await stage.type("22")
    assert not await second.turns._turn(old)
    assert await second.turns.step() == 1
    assert await stage.said() == [21, 22]


async def test_bursts_to_both_are_all_answered_once_and_in_order(stage: Stage, second: Stage) -> None:
    names = [f"v{number}" for number in range(10, 16)]
    await stage.meet(*names)
    chance = random.Random(7)
    sent: dict[str, list[int]] = {name: [] for name in names}
    await asyncio.gather(*(stage.type("buy", to=name) for name in names))
    for _ in range(ROUNDS):
        await asyncio.gather(
            *(_some(chance.choice([stage, second]), name, sent[name], chance) for name in names),
            stage.turns.step(),
            second.turns.step(),
        )
    await asyncio.gather(stage.settle(), second.settle())
    for name in names:
        assert await stage.said(name) == sent[name]
        assert set(await stage.dispositions(name)) == {"buy", "answer"}
    turns = sum([await stage.version(name) for name in names])
    written = stage.watched.written + second.watched.written
    assert written.count(Done()) == turns
    assert turns <= len(names) * (ROUNDS + 3)


async def _some(replica: Stage, name: str, sent: list[int], chance: random.Random) -> None:
    texts = numbers(20 + len(sent), chance.randrange(3))
    sent += [int(text) for text in texts]
    await replica.type(*texts, to=name)


# --- what was read may only be newer


#: Words of the statements of a read, in their order: which are ready, conversations, inputs, work, meters.
STATEMENTS = ["DISTINCT", "customer_version", "state < 2", "done = 0", "saved_meter"]


class Torn:
    """A connection between two of whose statements something happens."""

    def __init__(self, sql: Sql, after: str, happens: Callable[[], object]) -> None:
        self._sql = sql
        self._after = after
        self._happens = happens

    @property
    def dialect(self) -> Any:
        return self._sql.dialect

    @property
    def skip_locked(self) -> str:
        return self._sql.skip_locked

    def now(self) -> int:
        return self._sql.now()

    def rows(self, statement: str, **params: Any) -> list[dict[str, Any]]:
        found = self._sql.rows(statement, **params)
        self._look(statement)
        return found

    def rows_in(self, statement: str, ids: Sequence[Any], **params: Any) -> list[dict[str, Any]]:
        found = self._sql.rows_in(statement, ids, **params)
        self._look(statement)
        return found

    def _look(self, statement: str) -> None:
        if self._after in statement:
            self._after = "\0"
            self._happens()


def torn(after: str, happens: Callable[[], object]) -> Callable[[Sql, frozenset[str]], list[Reading]]:
    return lambda sql, numbering: read_ready(Torn(sql, after, happens), numbering)


@pytest.mark.parametrize("after", STATEMENTS)
async def test_hole6_a_turn_of_the_other_between_two_statements_of_a_read_answers_nothing_twice(
    stage: Stage, second: Stage, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.type("buy", "21")
    loop = asyncio.get_running_loop()

    def other_takes_it() -> None:
        assert asyncio.run_coroutine_threadsafe(_turn(second), loop).result(10)

    monkeypatch.setattr(conversations, "read_ready", torn(after, other_takes_it))
    assert await stage.turns.step() == 0
    monkeypatch.undo()
    assert await stage.said() == [21]
    assert await stage.version() == 1
    assert await stage.settle() == 0


@pytest.mark.parametrize("after", STATEMENTS)
async def test_hole6_what_comes_in_between_two_statements_is_answered_now_or_next(
    stage: Stage, second: Stage, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.type("buy")
    loop = asyncio.get_running_loop()

    def one_more() -> None:
        asyncio.run_coroutine_threadsafe(second.type("21"), loop).result(10)

    monkeypatch.setattr(conversations, "read_ready", torn(after, one_more))
    assert await stage.turns.step() == 1
    monkeypatch.undo()
    assert await stage.settle() == (0 if after in STATEMENTS[:2] else 1)
    assert await stage.said() == [21]


# --- two chats of one customer


class TestOneCustomerInTwoChats:
    """Whoever opens a payment guards the customer, so that two chats do it one after the other (hole 17)."""

    @pytest.fixture
    def played(self) -> Flows:
        return FLOWS

    async def test_hole17_both_confirm_at_once_and_each_opens_its_own(self, stage: Stage, second: Stage) -> None:
        await stage.add_chat("c1", "v2")
        for name in ("v1", "v2"):
            await _to_confirm(stage, name)
        pays = [await _pay(stage, name) for name in ("v1", "v2")]
        await asyncio.gather(*(stage.put(pay, to=name) for pay, name in zip(pays, ("v1", "v2"), strict=True)))
        await asyncio.gather(stage.turns.step(), second.turns.step())
        await stage.settle()
        payments = await stage.rows("SELECT * FROM payment ORDER BY conversation_id")
        assert [row["conversation_id"] for row in payments] == ["v1", "v2"]
        assert len({row["id"] for row in payments}) == len({row["code"] for row in payments}) == 2
        [customer] = await stage.rows("SELECT version FROM customer")
        assert customer["version"] == 4  # two proven phones, two payments

    async def test_a_payment_is_the_row_that_was_shown_with_its_event_and_its_notice(self, stage: Stage) -> None:
        await _to_confirm(stage, "v1")
        await stage.put(await _pay(stage, "v1"))
        await stage.settle()
        [row] = await stage.rows("SELECT * FROM payment")
        assert (row["state"], row["amount_minor"], row["fee_minor"], row["currency"]) == (
            "confirmed", 50_000, 1_000, "KES",
        )  # fmt: skip
        assert SEAL.open(row["meter_sealed"], "meter") == METER.reveal()
        assert SEAL.open(row["payer_sealed"], "phone") == PHONE.reveal()
        assert row["payer_own"] == 1
        [event] = await stage.rows("SELECT * FROM payment_event")
        assert (event["after"], event["payment_id"]) == ("confirmed", row["id"])
        [notice] = await stage.rows("SELECT * FROM outbox WHERE payment_id IS NOT NULL")
        assert notice["kind"] == "fact"
        assert await stage.state() is None

    async def test_a_payment_thought_again_is_the_same_row(self, stage: Stage, second: Stage) -> None:
        await _to_confirm(stage, "v1")
        await stage.put(await _pay(stage, "v1"))
        [reading] = await stage.store.read(read_ready)
        thought = [one.turns.thinker.think(reading) for one in (stage, second)]
        rows = [insert.row for change in thought for insert in change.inserts if insert.table == "payment"]
        assert len(rows) == 2
        assert (rows[0]["id"], rows[0]["code"]) == (rows[1]["id"], rows[1]["code"])

    async def test_F075_taps_that_reach_both_replicas_open_one_payment(self, stage: Stage, second: Stage) -> None:
        await _to_confirm(stage, "v1")
        pay = await _pay(stage, "v1")
        await asyncio.gather(*(one.put(pay) for one in (stage, second) * 3))
        await asyncio.gather(stage.turns.step(), second.turns.step())
        await asyncio.gather(stage.settle(), second.settle())
        assert len(await stage.rows("SELECT id FROM payment")) == 1
        assert (await stage.dispositions())[-6:] == ["answer", *["repeat"] * 5]

    async def test_hole9_a_yes_stored_before_the_question_was_out_pays_nothing(self, stage: Stage) -> None:
        await _to_confirm(stage, "v1", and_then="yes")
        await stage.settle()
        assert await stage.rows("SELECT id FROM payment") == []
        await stage.type("yes")
        await stage.settle()
        assert len(await stage.rows("SELECT id FROM payment")) == 1

    async def test_an_offer_that_waited_too_long_in_the_store_is_priced_again(self, stage: Stage) -> None:
        await _to_confirm(stage, "v1")
        await stage.put(await _pay(stage, "v1"))
        stage.clock.pass_by(OFFER_SECONDS + 60)
        await stage.settle()
        assert await stage.rows("SELECT id FROM payment") == []
        [work] = await stage.rows("SELECT name FROM work WHERE done = 0")
        assert work["name"] == "price"

    async def test_a_turn_that_loses_its_customer_writes_nothing_of_itself(self, stage: Stage, second: Stage) -> None:
        await _to_confirm(stage, "v1")
        await stage.put(await _pay(stage, "v1"))

        async def after_another_chat(store: Store, change: Change) -> Written:
            if change.inserts:
                stage.watched.way = plainly
                await second.put(SharedPhone(PHONE, own=True), to="v2")
                assert await _turn(second, "v2")
            return await store.write(change)

        await stage.add_chat("c1", "v2")
        stage.watched.way = after_another_chat
        assert await stage.turns.step() == 0
        assert await stage.rows("SELECT id FROM payment") == []
        assert (await stage.dispositions())[-1] == "new"
        await stage.settle()
        assert len(await stage.rows("SELECT id FROM payment")) == 1


async def _to_confirm(stage: Stage, name: str, and_then: str = "") -> None:
    """A purchase of 500 shillings, up to the question that commits."""
    answers: Mapping[str, object] = {"find_meter": found(), "price": priced()}
    for content in (Typed(f"500 {METER.reveal()}"), Typed("yes"), SharedPhone(PHONE, own=True)):
        await stage.put(content, to=name)
        if and_then and isinstance(content, SharedPhone):
            await stage.type(and_then, to=name)
        await stage.settle()
        for row in await stage.rows("SELECT id, name FROM work WHERE done = 0"):
            await stage.finish(row["id"], answers[row["name"]])
        await stage.settle()


async def _pay(stage: Stage, name: str) -> Tapped:
    state = await stage.state(name)
    assert state is not None
    assert state.asked == len(state.journal)
    [row] = await stage.rows("SELECT epoch FROM conversation WHERE id = :id", id=name)
    return Tapped(f"{row['epoch']}.{state.asked}.pay", "m1")

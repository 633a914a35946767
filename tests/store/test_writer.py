"""The writer: batches, bells, order of service, and its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from bot.store import writer as module
from bot.store.change import Change, CommitUnknown, Done, Guard, Insert, Lost, StoreUnavailable
from bot.store.executor import Executor
from bot.store.store import Store
from bot.store.writer import Writer
from tests.databases import SetClock, Tasks
from tests.store.rows import PaymentClaim, column, message_out, payment, people, turn

T = TypeVar("T")


@dataclass
class Inline:
    """An executor as a simulator has one: no threads, and others run between the steps."""

    steps: list[object] = field(default_factory=list)
    pauses: int = 0
    stopped: bool = False

    async def call(self, work: Callable[[], T]) -> T:
        return work()

    async def drain(self, steps: Generator[object, None, T]) -> T:
        self.steps.append("begin")
        try:
            while True:
                await asyncio.sleep(0)
                self.steps.append(next(steps))
        except StopIteration as end:
            value: T = end.value
            return value

    def pause(self) -> None:
        self.pauses += 1

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def inline() -> Inline:
    return Inline()


@pytest.fixture
async def stepped(database_url: str, set_clock: SetClock, tasks: Tasks, inline: Inline) -> AsyncIterator[Store]:
    """A store without threads."""

    def executor(_name: str, _count: int) -> Executor:
        return inline

    store = await Store.open(database_url, set_clock, tasks, executor=executor)
    yield store
    await store.close()


async def test_a_simulator_can_step_the_transaction(stepped: Store, inline: Inline) -> None:
    assert await stepped.write(people("ann")) == Done()
    assert inline.steps == ["begin", "executed", "committed"]
    assert await column(stepped, "SELECT id FROM customer") == ["ann"]
    assert inline.pauses == 1


async def test_what_was_executed_is_not_there_before_the_commit(stepped: Store, inline: Inline) -> None:
    seen = []

    class Looking(list[object]):
        def append(self, step: object) -> None:
            [count] = [
                row["count"] for row in stepped._read(lambda sql: sql.rows("SELECT count(*) AS count FROM house"))
            ]
            seen.append((step, count))

    await column(stepped, "SELECT 1")
    inline.steps = Looking()
    change = Change(inserts=(Insert("house", {"name": "a", "value": ""}),))
    assert await stepped.write(change) == Done()
    assert seen == [("begin", 0), ("executed", 0), ("committed", 1)]


async def test_what_queues_up_is_one_batch(stepped: Store, inline: Inline) -> None:
    await stepped.write(people("ann"))
    inline.steps.clear()
    await asyncio.gather(*(stepped.write(Change(inserts=(message_out("ann", str(n)),))) for n in range(100)))
    assert inline.steps == ["begin", "executed", "committed"]


async def test_a_batch_has_at_most_so_many(stepped: Store, inline: Inline) -> None:
    await stepped.write(people("ann"))
    inline.steps.clear()
    many = module.BATCH_MAX * 2 + 1
    await asyncio.gather(*(stepped.write(Change(inserts=(message_out("ann", str(n)),))) for n in range(many)))
    assert inline.steps.count("committed") == 3
    assert await column(stepped, "SELECT body_sealed FROM outbox ORDER BY id") == [str(n) for n in range(many)]


async def test_claims_go_first_in_a_batch(store: Store) -> None:
    await store.write(people("ann") + Change(inserts=(payment("p", "ann"),)))
    late = Change((Guard("payment", "p", {"fence": 0}, {"tries": 1}),))
    wrote, plans = await asyncio.gather(store.write(late), store.claim(PaymentClaim()))
    assert (wrote, plans) == (Lost("payment", "p"), ["p"])


async def test_bells_ring_after_those_who_wrote_were_answered(store: Store) -> None:
    heard: list[object] = []
    store.writer.after_commit(heard.append)
    written = await store.write(people("ann") + Change(inserts=(message_out("ann", "x"),)))
    heard.append(written)
    await asyncio.sleep(0)
    assert heard == [Done(), frozenset({"customer", "conversation", "outbox"})]


async def test_no_bell_rings_when_nothing_was_written(store: Store) -> None:
    heard: list[object] = []
    await store.write(people("ann"))
    await asyncio.sleep(0)
    store.writer.after_commit(heard.append)
    assert await store.write(turn("ann", 9)) == Lost("conversation", "ann")
    await store.claim(PaymentClaim())
    await asyncio.sleep(0)
    assert heard == []


async def test_the_bells_know_what_a_claims_plans_wrote(store: Store) -> None:
    heard: list[object] = []
    await store.write(people("ann") + Change(inserts=(payment("p", "ann"),)))
    await asyncio.sleep(0)
    store.writer.after_commit(heard.append)
    await store.claim(PaymentClaim())
    await asyncio.sleep(0)
    assert heard == [frozenset({"payment", "payment_event"})]


async def test_who_stops_waiting_does_not_stop_the_write(store: Store) -> None:
    await store.write(people("ann"))
    writing = asyncio.create_task(store.write(turn("ann", 0)))
    await asyncio.sleep(0)
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    assert await store.write(turn("ann", 1)) == Done()


async def test_what_is_queued_when_the_store_closes_is_committed(
    database_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    store = await Store.open(database_url, set_clock, tasks)
    await store.write(people("ann"))
    writing = [asyncio.create_task(store.write(turn("ann", version))) for version in range(3)]
    await asyncio.sleep(0)
    await store.close()
    assert [await one for one in writing] == [Done()] * 3
    with pytest.raises(StoreUnavailable, match="closing"):
        await store.write(turn("ann", 3))


async def test_F124_a_queue_that_is_full_refuses_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 2)
    answers = await asyncio.gather(*(store.write(people(str(n))) for n in range(3)), return_exceptions=True)
    assert answers[:2] == [Done(), Done()]
    assert isinstance(answers[2], StoreUnavailable)


async def test_a_fault_of_ours_reaches_who_waits_and_the_writer_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug in the batch")

    with monkeypatch.context() as patch:
        patch.setattr(module, "batch", broken)
        with pytest.raises(RuntimeError, match="a bug in the batch"):
            await store.write(people("ann"))
    assert await store.write(people("ann")) == Done()


async def test_hole_4_a_writer_that_is_cut_off_leaves_nobody_waiting(store: Store, tasks: Tasks) -> None:
    class Stuck(Inline):
        async def drain(self, steps: Generator[object, None, T]) -> T:
            steps.close()
            answer: T = await asyncio.get_running_loop().create_future()
            return answer

    writer = Writer(store._database, Stuck())
    writer.start(tasks)
    waiting = [asyncio.create_task(writer.write(Change()))]
    await asyncio.sleep(0.001)
    waiting.append(asyncio.create_task(writer.write(Change())))
    await asyncio.sleep(0.001)
    tasks.tasks[-1].cancel()
    in_the_batch, in_the_queue = await asyncio.gather(*waiting, return_exceptions=True)
    assert in_the_batch == CommitUnknown()
    assert isinstance(in_the_queue, StoreUnavailable)
    with pytest.raises(StoreUnavailable):
        await writer.write(Change())

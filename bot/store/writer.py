"""The one writer: whatever queued up while a batch was being committed is the next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.store.batch import Answer, Database, Item, Report, batch
from bot.store.change import Change, Claim, CommitUnknown, StoreUnavailable, Written
from bot.store.executor import Executor
from integrations.contract.seams import Spawn

#: The most one transaction takes; more than this only makes the first wait for the last.
BATCH_MAX = 128

#: Beyond this the database is far behind, and intake answers that it is not available.
QUEUE_MAX = 10_000

P = TypeVar("P")


@dataclass(frozen=True)
class _Waiting:
    item: Item
    answer: asyncio.Future[Any]


class Writer:
    """Every write goes through here. `write` and `claim` return when their batch is durably committed."""

    def __init__(self, database: Database, executor: Executor) -> None:
        self._database = database
        self._executor = executor
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopping = False
        self._bells: list[Callable[[frozenset[str]], None]] = []

    def start(self, spawn: Spawn) -> None:
        """Begin to take writes."""
        spawn("store.writer", self._run())

    async def stop(self) -> None:
        """Commit what is queued and take no more."""
        self._stopping = True
        self._wake.set()
        await self._stopped.wait()

    def after_commit(self, bell: Callable[[frozenset[str]], None]) -> None:
        """Call `bell` with the names of the tables written, after those who wrote were answered."""
        self._bells.append(bell)

    async def write(self, change: Change) -> Written:
        """Store the Change or nothing of it. Raises StoreUnavailable when the database cannot be written at all."""
        written: Written = await self._queued(change)
        return written

    async def claim(self, claim: Claim[P]) -> list[P] | CommitUnknown:
        """Take due rows; the plans that were committed. After CommitUnknown nothing may be acted upon.

        Raises StoreUnavailable as `write` does, and what `take` itself raises.
        """
        plans: list[P] | CommitUnknown = await self._queued(claim)
        return plans

    async def _queued(self, item: Item) -> Any:
        if self._stopping or len(self._queue) >= QUEUE_MAX:
            raise StoreUnavailable("the store is closing" if self._stopping else "too many writes are waiting")
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.answer

    async def _run(self) -> None:
        try:
            while not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._commit(self._next_batch())
        finally:
            self._stopping = True
            for waiting in self._queue:
                _answer(waiting.answer, StoreUnavailable("the writer has stopped"))
            self._stopped.set()

    def _next_batch(self) -> list[_Waiting]:
        """Claims first: they never wait for locks, and a finish with an older fence then loses in the same batch."""
        taken = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
        return sorted(taken, key=lambda waiting: isinstance(waiting.item, Change))

    async def _commit(self, taken: list[_Waiting]) -> None:
        try:
            report = await self._executor.drain(batch(self._database, [waiting.item for waiting in taken]))
        except Exception as error:  # noqa: BLE001  a fault of ours must reach those who wait, and not stop the writer
            report = Report([error for _ in taken])
        except asyncio.CancelledError:
            for waiting in taken:
                _answer(waiting.answer, CommitUnknown())
            raise
        for waiting, answer in zip(taken, report.answers, strict=True):
            _answer(waiting.answer, answer)
        if report.tables:
            for bell in self._bells:
                asyncio.get_running_loop().call_soon(bell, frozenset(report.tables))


def _answer(waiting: asyncio.Future[Any], answer: Answer) -> None:
    if waiting.done():
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)

"""Where blocking database work runs: threads here, inline and stepped in a simulator."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any, Protocol, TypeAlias, TypeVar

#: The most calls that cross over together; with more the first would only wait for the last.
TOGETHER_MAX = 64

T = TypeVar("T")


class Executor(Protocol):
    """Runs synchronous work for the event loop."""

    async def call(self, work: Callable[[], T]) -> T:
        """Run a function to its end."""
        ...

    async def drain(self, steps: Generator[object, None, T]) -> T:
        """Run a generator to its end; its return value. A simulator lets other things happen between its steps."""
        ...

    def pause(self) -> None:
        """Called before each statement of a read; a simulator lets other things happen here."""
        ...

    def stop(self) -> None:
        """Nothing is running and nothing more will come."""
        ...


@dataclass(frozen=True, slots=True)
class _Call:
    work: Callable[[], Any]
    answer: asyncio.Future[Any]


#: What a call returned, or raised.
_Made: TypeAlias = "tuple[Any, BaseException | None]"


class Threads:
    """So many threads of its own. One thread means: one after the other.

    Calls that come at about the same time cross over together, shared out evenly, as the writer's changes do. With a
    crossing for each read a payment cost a fifth more: the interpreter's lock changes hands at every row of SQLite's.
    """

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._idle = count
        self._waiting: deque[_Call] = deque()
        self._stopped = False

    async def call(self, work: Callable[[], T]) -> T:
        if self._stopped:
            raise RuntimeError("the threads have been stopped")
        loop = asyncio.get_running_loop()
        if not self._waiting:
            # In the loop's next round, so that whoever asks in this one comes along.
            loop.call_soon(self._hand_over)
        waiting = _Call(work, loop.create_future())
        self._waiting.append(waiting)
        answer: T = await waiting.answer
        return answer

    async def drain(self, steps: Generator[object, None, T]) -> T:
        return await self.call(lambda: run_to_end(steps))

    def pause(self) -> None:
        """Threads need no pauses."""

    def stop(self) -> None:
        self._stopped = True
        self._pool.shutdown()

    def _hand_over(self) -> None:
        while self._idle and self._waiting:
            share = min(ceil(len(self._waiting) / self._idle), TOGETHER_MAX)
            calls = [self._waiting.popleft() for _ in range(share)]
            self._idle -= 1
            crossing = asyncio.get_running_loop().run_in_executor(self._pool, _made, calls)
            crossing.add_done_callback(partial(self._came_back, calls))

    def _came_back(self, calls: Sequence[_Call], crossing: asyncio.Future[list[_Made]]) -> None:
        self._idle += 1
        for call, (value, error) in zip(calls, crossing.result(), strict=True):
            if call.answer.done():
                continue  # whoever asked has gone
            if error is None:
                call.answer.set_result(value)
            else:
                call.answer.set_exception(error)
        self._hand_over()


def _made(calls: Sequence[_Call]) -> list[_Made]:
    return [_one(call.work) for call in calls]


def _one(work: Callable[[], Any]) -> _Made:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001  it is raised again where the call is awaited
        return None, error


def run_to_end(steps: Generator[object, None, T]) -> T:
    """The return value of a generator whose steps nobody watches."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value

"""Where blocking database work runs: threads here, inline and stepped in a simulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

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


class Threads:
    """So many threads of its own. One thread means: one after the other."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def call(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def drain(self, steps: Generator[object, None, T]) -> T:
        return await self.call(lambda: run_to_end(steps))

    def pause(self) -> None:
        """Threads need no pauses."""

    def stop(self) -> None:
        self._pool.shutdown()


def run_to_end(steps: Generator[object, None, T]) -> T:
    """The return value of a generator whose steps nobody watches."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            value: T = end.value
            return value

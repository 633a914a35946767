"""Threads: what crosses over together, what each caller hears, and what a caller who has gone changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any

import pytest

from bot.store.executor import TOGETHER_MAX, Threads


@pytest.fixture
def one_thread() -> Iterator[Threads]:
    threads = Threads("test", 1)
    yield threads
    threads.stop()


def boom() -> int:
    raise ValueError("boom")


async def test_what_is_asked_at_once_crosses_over_together(
    one_thread: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    cross = loop.run_in_executor
    crossings: list[object] = []

    def counted(pool: Executor | None, work: Callable[..., Any], *rest: Any) -> asyncio.Future[Any]:
        crossings.append(work)
        return cross(pool, work, *rest)

    monkeypatch.setattr(loop, "run_in_executor", counted)
    answers = await asyncio.gather(*(one_thread.call(partial(int, number)) for number in range(10)))
    assert answers == list(range(10))
    assert len(crossings) == 1


async def test_more_than_the_most_take_further_crossings_and_lose_nothing(one_thread: Threads) -> None:
    count = 2 * TOGETHER_MAX + 1
    answers = await asyncio.gather(*(one_thread.call(partial(int, number)) for number in range(count)))
    assert answers == list(range(count))


async def test_one_that_fails_fails_alone(one_thread: Threads) -> None:
    before, failed, after = await asyncio.gather(
        one_thread.call(lambda: 1), one_thread.call(boom), one_thread.call(lambda: 2), return_exceptions=True
    )
    assert (before, after) == (1, 2)
    assert isinstance(failed, ValueError)


async def test_a_caller_who_has_gone_holds_up_nobody(one_thread: Threads) -> None:
    release = threading.Event()
    leaving = asyncio.create_task(one_thread.call(release.wait))
    await asyncio.sleep(0.005)
    leaving.cancel()
    staying = asyncio.create_task(one_thread.call(lambda: "answered"))
    release.set()
    assert await staying == "answered"
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_one_thread_does_one_thing_after_the_other_in_the_order_asked(one_thread: Threads) -> None:
    done: list[int] = []
    await asyncio.gather(*(one_thread.call(partial(done.append, number)) for number in range(100)))
    assert done == list(range(100))


async def test_several_threads_work_at_the_same_time() -> None:
    threads, both = Threads("test", 2), threading.Barrier(2, timeout=5)
    first = asyncio.create_task(threads.call(both.wait))
    await asyncio.sleep(0.005)
    second = asyncio.create_task(threads.call(both.wait))
    assert {await first, await second} == {0, 1}
    threads.stop()


async def test_what_is_asked_after_the_end_is_refused_and_does_not_wait() -> None:
    threads = Threads("test", 1)
    threads.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        await threads.call(int)

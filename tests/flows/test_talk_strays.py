"""What a flow may not do is refused with a sentence, and its coroutine is closed whatever happened."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from flows.talk import Answer, Ask, Commit, Diverged, Entry, Flow, Invalid, Journal, Say, StrayAwait, Waiting, replay
from flows.text import Text

BYE = Say((Text("bye"),))
ASKED = Entry("ask", "count", {"text": "3"})


def number(answer: Answer) -> int:
    if not answer.text.isdecimal():
        raise Invalid(Text("not a number"))
    return int(answer.text)


async def order() -> None:
    await Ask("count", (), number)
    await Commit("open")


async def letters() -> AsyncIterator[str]:
    for letter in "ab":
        await asyncio.sleep(0)
        yield letter


async def sleeps() -> None:
    await asyncio.sleep(0.001)


async def yields_to_the_loop() -> None:
    await asyncio.sleep(0)


async def waits_for_a_future() -> None:
    await asyncio.get_running_loop().create_future()


async def iterates() -> None:
    async for _ in letters():
        pass


async def gathers() -> None:
    await asyncio.gather(yields_to_the_loop())


async def asks_and_then_sleeps() -> None:
    await Ask("count", (), number)
    await asyncio.sleep(0)


@pytest.mark.parametrize("flow", [sleeps, yields_to_the_loop, waits_for_a_future, iterates, gathers])
async def test_whatever_else_is_awaited_is_refused_with_a_sentence_that_explains(
    flow: Callable[[], Coroutine[Any, Any, None]],
) -> None:
    with pytest.raises(StrayAwait, match=r"not run by an event loop.*only Ask, Say, Call and Commit"):
        replay(flow(), (), -1)
    await asyncio.sleep(0.002)  # a timer or task that was left behind would speak up now


def test_a_stray_await_behind_an_answer_is_found_when_it_is_reached() -> None:
    assert isinstance(replay(asks_and_then_sleeps(), (), -1), Waiting)
    with pytest.raises(StrayAwait):
        replay(asks_and_then_sleeps(), (ASKED,), -1)


def test_awaiting_what_cannot_be_awaited_is_pythons_own_refusal() -> None:
    async def flow() -> None:
        await letters()  # type: ignore[misc]  # what is shown to be refused

    with pytest.raises(TypeError, match="async_generator"):
        replay(flow(), (), -1)


def test_a_flow_that_awaits_while_it_is_closed_is_not_taken_for_a_good_one() -> None:
    async def flow() -> None:
        try:
            await Ask("count", (), number)
        finally:
            await BYE

    with pytest.raises(RuntimeError, match="GeneratorExit"):
        replay(flow(), (), -1)


async def raises() -> None:
    await BYE
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("flow", "journal"),
    [
        (order, ()),
        (order, (ASKED, Entry("commit", "open"))),
        (order, (Entry("call", "price", 7),)),
        (order, (Entry("ask", "count", {"text": "x"}),)),
        (yields_to_the_loop, ()),
        (raises, ()),
    ],
)
def test_the_coroutine_is_closed_however_a_replay_ends(flow: Callable[[], Flow], journal: Journal) -> None:
    coroutine = flow()
    with suppress(Diverged, StrayAwait, ZeroDivisionError):
        replay(coroutine, journal, -1)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED

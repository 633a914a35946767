"""Many writers at once, each with a conversation of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from benchmarks.cpu import seconds_here
from benchmarks.scale import Scale

#: Writes to a conversation for the so-manieth time, counted from 0.
Write: TypeAlias = Callable[[str, int], Awaitable[None]]


async def per_write(write: Write, chats: Sequence[str], count: int, scale: Scale) -> tuple[float, ...]:
    """Processor seconds of this process for each write, once a repeat, after a round that warms everything up."""
    each = count // len(chats)

    async def one(chat: str, first: int) -> None:
        for nth in range(first, first + each):
            await write(chat, nth)

    runs = []
    for repeat in range(scale.repeats + 1):
        before = seconds_here()
        await asyncio.gather(*(one(chat, repeat * each) for chat in chats))
        runs.append((seconds_here() - before) / (each * len(chats)))
    return tuple(runs[1:])

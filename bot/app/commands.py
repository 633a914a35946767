"""What the program's commands run."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.app.running import running
from bot.app.sandbox import complete, sandbox_config, say
from bot.clock import RealClock, RealRandom
from bot.lifetime import at_end
from bot.settings import Settings
from integrations.http import HttpSender


async def serve(settings: Settings, *, practising: bool, with_parent: bool = False) -> None:
    """Run until SIGINT or SIGTERM; `practising` with a sandbox in the place of every unset party."""
    stop = asyncio.Event()
    at_end(stop.set, with_parent=with_parent)
    async with (
        complete(settings, practising=practising) as whole,
        running(whole, practising=practising) as address,
    ):
        say(f"Bili serves at {address}")
        await stop.wait()


async def run_sandbox(*, with_parent: bool = False) -> None:
    """`bili sandbox`: the far sides alone, until SIGINT or SIGTERM."""
    from integrations.sandbox.host import run_sandbox as run

    loop = asyncio.get_running_loop()
    with suppress(TimeoutError):
        async with asyncio.timeout(None) as limit:
            at_end(lambda: limit.reschedule(loop.time()), with_parent=with_parent)
            await run(sandbox_config(), RealClock(), RealRandom())


async def chat(url: str) -> None:
    """`bili chat`: the sandbox's phone in a terminal."""
    from integrations.sandbox.terminal import chat as talk

    clock = RealClock()
    async with HttpSender(clock) as sender:
        await talk(url, sender.send, clock)

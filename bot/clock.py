"""The real clock, randomness and tasks: the only place that touches them."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime

import structlog

log = structlog.get_logger()

#: Crockford's base 32: no I, L, O, U, so that what is read aloud is typed right.
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

#: A loop that died begins again after so long, doubling up to the most.
RESTART_FIRST_SECONDS = 0.5
RESTART_MOST_SECONDS = 30.0
#: One that ran so long before it died begins again as promptly as the first time.
RESTART_FORGIVEN_SECONDS = 60.0


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RealRandom:
    """Unguessable randomness from the operating system."""

    def digits(self, count: int) -> str:
        return f"{secrets.randbelow(10**count):0{count}}"

    def letters(self, count: int) -> str:
        return "".join(CROCKFORD[byte % len(CROCKFORD)] for byte in secrets.token_bytes(count))

    def secret(self, size_bytes: int) -> str:
        return secrets.token_urlsafe(size_bytes)

    def hexadecimal(self, size_bytes: int) -> str:
        return secrets.token_hex(size_bytes)

    def fraction(self) -> float:
        return secrets.randbelow(1_000_000) / 1_000_000


class Tasks:
    """Every task of the service: referenced until it ends, its failure logged, its loops begun again (F-141)."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self.restarts: dict[str, int] = {}

    def spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run `work` once beside everything else."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def keep(self, name: str, loop: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run a loop for ever: when it fails it is logged and begun again, ever more slowly."""
        self.spawn(name, self._kept(name, loop))

    async def stop(self) -> None:
        """Cancel what runs and wait for it. Leases are given back by running out."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _kept(self, name: str, loop: Callable[[], Coroutine[object, object, None]]) -> None:
        wait = RESTART_FIRST_SECONDS
        while True:
            began = time.monotonic()
            try:
                await loop()
            except Exception:
                log.exception("loop.failed", loop=name)
            self.restarts[name] = self.restarts.get(name, 0) + 1
            if time.monotonic() - began > RESTART_FORGIVEN_SECONDS:
                wait = RESTART_FIRST_SECONDS
            await asyncio.sleep(wait)
            wait = min(wait * 2, RESTART_MOST_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.failed", task=task.get_name(), exc_info=error)

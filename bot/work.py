"""One loop for everything that is due: claim, act, finish. Calls, payments and the outbox all run on it.

A claim commits a lease and what must stand before the act (an attempt); the act is one call outside with no transaction
open; the finish writes its outcome under the fence. A worker that wakes late finds its deadline over and its fence old:
it neither calls nor writes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

import structlog

from bot.store.change import Claim, CommitUnknown, Sql, StoreUnavailable
from bot.store.store import Store
from integrations.contract.seams import Clock, Spawn

log = structlog.get_logger()

P = TypeVar("P")

#: Added to twice the longest call, for one batch of the writer and its wait.
LEASE_MARGIN_SECONDS = 5.0

#: With nothing due, how long until somebody looks again unasked. Nudges make it prompt; this makes it sure.
SCAN_SECONDS = 1.0

#: After a failed claim (the database is away), the wait before the next.
TROUBLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a claimed row may be acted upon: the earlier of monotonic and wall time, taken before the claim.

    CLOCK_MONOTONIC stands still while a virtual machine is suspended, and wall clocks jump; either alone would be late.
    """

    clock: Clock
    monotonic: float
    wall: datetime

    def at(self, timeout_seconds: float) -> float | None:
        """The monotonic deadline for a call of this timeout; None when less than that is left of the lease."""
        now = self.clock.monotonic()
        left = min(self.monotonic - now, (self.wall - self.clock.now()).total_seconds())
        return now + timeout_seconds if left >= timeout_seconds else None


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a claim holds: twice the longest call, and a batch."""

    length_seconds: float

    @classmethod
    def for_calls_of(cls, timeout_seconds: float) -> Lease:
        """The lease for calls that take at most so long."""
        return cls(2 * timeout_seconds + LEASE_MARGIN_SECONDS)

    @property
    def length_ms(self) -> int:
        """For the store."""
        return int(self.length_seconds * 1000)

    def deadline(self, clock: Clock) -> Deadline:
        """Counted from now, which must be before the claim is queued: a slow writer shortens it, never lengthens it."""
        until = clock.now() + timedelta(seconds=self.length_seconds)
        return Deadline(clock, clock.monotonic() + self.length_seconds, until)


class Bell:
    """Wakes a loop. Ringing it only saves waiting: the scan finds the same work a moment later."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """There may be something to do."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Until it rings, or so long; whether it rang."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Worker(Protocol[P]):
    """One kind of due work."""

    name: str
    lease: Lease

    def claim(self, slots: int) -> Claim[P]:
        """How at most so many rows are taken."""
        ...

    def due(self, sql: Sql) -> bool:
        """Whether anything may be due: one cheap read, so that an idle second costs no write."""
        ...

    async def work(self, plan: P, deadline: Deadline) -> None:
        """Act on one plan and store what came of it. Nothing it raises may lose more than this one plan's lease."""
        ...


class WorkLoop(Generic[P]):
    """Claims for one worker and acts on up to `slots` plans at a time."""

    def __init__(self, worker: Worker[P], store: Store, clock: Clock, spawn: Spawn, slots: int) -> None:
        self.worker = worker
        self.store = store
        self.clock = clock
        self.spawn = spawn
        self.slots = slots
        self.busy = 0
        self.bell = Bell()

    async def run(self) -> None:
        """For ever. A slow call keeps its slot and nobody else's."""
        while True:
            taken = await self.step()
            if taken == 0 or self.busy >= self.slots:
                await self._wait()

    async def _wait(self) -> None:
        """Until there may be something to take."""
        while not await self.bell.wait(SCAN_SECONDS):
            if self.busy < self.slots and await self.store.read(self.worker.due):
                return

    async def step(self) -> int:
        """One claim; the number of plans taken. Acting on them goes on beside."""
        free = self.slots - self.busy
        if free <= 0:
            return 0
        deadline = self.worker.lease.deadline(self.clock)
        try:
            plans = await self.store.claim(self.worker.claim(free))
        except StoreUnavailable:
            log.warning("claim.store_unavailable", loop=self.worker.name)
            await self.clock.sleep(TROUBLE_SECONDS)
            return 0
        if isinstance(plans, CommitUnknown):
            # Perhaps we hold leases nobody will use; they run out. No call is made on a plan that may not stand.
            log.warning("claim.commit_unknown", loop=self.worker.name)
            return 0
        for plan in plans:
            self.busy += 1
            self.spawn(f"{self.worker.name}.act", self._act(plan, deadline))
        return len(plans)

    async def _act(self, plan: P, deadline: Deadline) -> None:
        try:
            await self.worker.work(plan, deadline)
        except StoreUnavailable:
            # The lease runs out and somebody asks again; the attempt stands.
            log.warning("act.store_unavailable", loop=self.worker.name)
        finally:
            self.busy -= 1
            self.bell.ring()

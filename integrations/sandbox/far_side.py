"""The shape every far side has: it serves, keeps its own truth, and does later things from a due list its host drains.

No sockets and no sleeping here. The same object stands behind `bili sandbox` over real HTTP, behind tests in
process, and on a simulator's virtual clock.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from integrations.contract.exchange import Request, Response, Send
from integrations.contract.seams import Clock, Random

#: How long a far side waits for our answer to a callback or webhook, in seconds.
DELIVERY_TIMEOUT_SECONDS = 10.0

Later = Callable[[], Awaitable[None]]


class FarSide(Protocol):
    """The other end of one adapter, as strict as the real one."""

    name: str
    due: DueList

    async def serve(self, request: Request) -> Response:
        """Answer one request as the real party would."""
        ...


@dataclass
class DueList:
    """What a far side will do later, ordered by monotonic time. Only the host runs it."""

    clock: Clock
    _heap: list[tuple[float, int, Later]] = field(default_factory=list)
    _count: itertools.count[int] = field(default_factory=itertools.count)

    def after(self, seconds: float, what: Later) -> None:
        """Do `what` once the clock has moved on so many seconds."""
        heapq.heappush(self._heap, (self.clock.monotonic() + seconds, next(self._count), what))

    @property
    def next_at(self) -> float | None:
        """The monotonic time of the earliest thing to do."""
        return self._heap[0][0] if self._heap else None

    async def drain(self) -> int:
        """Do what is due by now, oldest first; the number of things done."""
        done = 0
        while self._heap and self._heap[0][0] <= self.clock.monotonic():
            _, _, what = heapq.heappop(self._heap)
            await what()
            done += 1
        return done


@dataclass
class FaultPlan:
    """What goes wrong next, by name ("lose_callback", "answer_late", "sell_then_timeout" …).

    Each name holds a count of how many times it still happens; -1 means always. A far side asks `takes(name)` at
    the point where the fault acts, after its own truth has changed where the fault is "applied, then failed".
    """

    counts: dict[str, int] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)

    def arm(self, name: str, times: int = 1) -> None:
        """Let `name` happen the next so many times; 0 disarms, -1 is always."""
        if times:
            self.counts[name] = times
        else:
            self.counts.pop(name, None)

    def takes(self, name: str) -> bool:
        """Whether the fault strikes now; one use is spent."""
        left = self.counts.get(name, 0)
        if not left:
            return False
        if left > 0:
            self.arm(name, left - 1)
        self.fired[name] = self.fired.get(name, 0) + 1
        return True


@dataclass(frozen=True)
class World:
    """What every far side is given."""

    send: Send
    clock: Clock
    random: Random
    faults: FaultPlan

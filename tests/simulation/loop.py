"""An event loop of our own: virtual time, an order of steps drawn from a seed, hosts that can lose power or freeze.

Every callback belongs to the host named in its context. When a host loses power its callbacks are dropped, and kept
referenced to the end of the process: a coroutine that is never closed runs no `finally`. A frozen host's callbacks
are set aside and put back when it thaws.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Final

#: Several things of one moment are run in any order, but this far ahead nobody is starved: the oldest goes first.
PICK_AMONG_MAX = 64

#: Reads that let others run may be nested so deep.
NESTED_MAX = 3


class Deadlock(Exception):
    """Nothing is ready and nothing will ever be: a wake-up was lost."""


class Escape(Exception):
    """Something tried to leave the simulation: a thread, a socket, a subprocess."""


@dataclass(eq=False)
class Power:
    """One run of one machine, from its boot until it is cut. What it runs stands in its context."""

    name: str
    on: bool = True
    frozen: bool = False
    #: What would have run while it was frozen, in order.
    aside: list[asyncio.Handle] = field(default_factory=list)


#: The machine a callback runs on; the outside world is a machine that never fails.
WORLD: Final = Power("world")
MACHINE: ContextVar[Power] = ContextVar("machine", default=WORLD)


def context_of(power: Power) -> Context:
    """A fresh context on that machine."""
    context = copy_context()
    context.run(MACHINE.set, power)
    return context


class _NoSelector:
    """What BaseEventLoop wants to close."""

    def close(self) -> None:
        """Nothing is open."""


class SimLoop(asyncio.BaseEventLoop):
    """Runs one callback at a time. `alarms` are looked at before each step: (when, ring), for lists of due things."""

    def __init__(self, luck: random.Random) -> None:
        super().__init__()
        self.luck = luck
        self.steps = 0
        #: Whatever was dropped, so that it is never collected.
        self.graveyard: list[object] = []
        self.alarms: list[tuple[Callable[[], float | None], Callable[[], None]]] = []
        self._now = 0.0
        self._nested = 0
        self._selector = _NoSelector()
        self._clock_resolution = 1e-9
        self._queue: list[asyncio.Handle] = []

    # --- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def _process_events(self, _events: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody waits."""

    def call_soon_threadsafe(self, *_: Any, **__: Any) -> Any:
        raise Escape("a second thread")

    def run_in_executor(self, *_: Any, **__: Any) -> Any:
        raise Escape("a thread")

    def _run_once(self) -> None:
        self._ring()
        self._take_ready()
        if not self._queue:
            self._pass_time()
            return
        self._step(self._pick())

    # --- one step

    def _take_ready(self) -> None:
        ready: Any = self._ready  # type: ignore[attr-defined]
        self._queue.extend(ready)
        ready.clear()

    def _pick(self) -> asyncio.Handle:
        among = min(len(self._queue), PICK_AMONG_MAX)
        return self._queue.pop(int(self.luck.random() * among) if among > 1 else 0)

    def _step(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        power = machine_of(handle)
        if not power.on:
            self.graveyard.append(handle)
        elif power.frozen:
            power.aside.append(handle)
        else:
            self.steps += 1
            handle._run()

    def _ring(self) -> None:
        for when, ring in self.alarms:
            at = when()
            if at is not None and at <= self._now:
                ring()

    def _pass_time(self) -> None:
        """On to the next moment at which something happens."""
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        while timers and timers[0].cancelled():
            self._unschedule(timers)
        moments = [at for when, _ in self.alarms if (at := when()) is not None]
        if timers:
            moments.append(timers[0].when())
        if not moments:
            raise Deadlock(f"at {self._now:.3f} nothing is ready and no timer runs")
        self._now = max(self._now, min(moments))
        while timers and timers[0].when() <= self._now:
            timer = self._unschedule(timers)
            if not timer.cancelled():
                self._queue.append(timer)

    def _unschedule(self, timers: list[asyncio.TimerHandle]) -> asyncio.TimerHandle:
        timer = heapq.heappop(timers)
        timer._scheduled = False  # type: ignore[attr-defined]
        return timer

    # --- machines

    def spawn_on(self, power: Power, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """A task on that machine."""
        return self.create_task(work, name=name or None, context=context_of(power))

    def cut(self, power: Power) -> None:
        """The power goes. What runs there stops at its next await; nothing of it is ever closed."""
        power.on = False
        self.graveyard.append((power, [task for task in asyncio.all_tasks(self) if task_machine(task) is power]))

    def freeze(self, power: Power, seconds: float) -> None:
        """Nothing runs there for so long; time goes on."""
        power.frozen = True
        self.call_later(seconds, self._thaw, power, context=context_of(WORLD))

    def _thaw(self, power: Power) -> None:
        power.frozen = False
        self._queue.extend(power.aside)
        power.aside = []

    def let_others_run(self, most: int) -> None:
        """Run a few other steps now, from within one that is no task's: how a read is interrupted."""
        if self._nested >= NESTED_MAX:
            return
        self._nested += 1
        try:
            for _ in range(most):
                self._take_ready()
                if not self._queue:
                    return
                self._step(self._pick())
        finally:
            self._nested -= 1


def machine_of(handle: asyncio.Handle) -> Power:
    """The machine a callback belongs to."""
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(MACHINE, WORLD)


def task_machine(task: asyncio.Task[Any]) -> Power:
    """The machine a task runs on; tasks of the loop all have a context that was given to them."""
    context: Context | None = getattr(task, "get_context", lambda: None)()
    return context.get(MACHINE, WORLD) if context is not None else MACHINES_OF_TASKS.get(task, WORLD)


#: Before Python 3.12 a task does not tell its context, so who made it notes it here.
MACHINES_OF_TASKS: dict[asyncio.Task[Any], Power] = {}

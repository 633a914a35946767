"""kill −9 at named exchanges of a purchase, and a restart on the same database: every payment goes on by itself."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from bot.clock import Tasks
from bot.demo import free_port
from bot.store.store import Store
from tests.invariants import violations
from tests.processes.gate import Gated, Moment, gated_sandbox
from tests.processes.programs import AMINA, CLOCK, OTIENO, PATIENCE_SECONDS, Person, Program, Stage, parties, until

#: A restart takes a second or more, and a busy machine its time.
pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Point:
    """Where the service dies during a purchase. With `again` it dies once more after its restart."""

    exchange: str
    moment: Moment
    again: Point | None = None

    def __str__(self) -> str:
        return f"{self.moment} {self.exchange}" + (f", {self.again}" if self.again else "")


#: In the order in which they come.
ORDERING = (Point("quote", "after"),)
BEFORE_THE_PIN = (Point("tap", "before"), Point("push", "after"), Point("edit", "after"))
AFTER_THE_PIN = (
    Point("callback", "before"),
    Point("callback", "after"),
    Point("query", "before"),
    Point("query", "after", Point("message", "after")),
)
AT_THE_UTILITY = (
    Point("vend", "before"),
    Point("vend", "after", Point("advice", "after")),
    Point("message", "before"),
    Point("message", "after"),
)


_OPEN = "SELECT (SELECT count(*) FROM outbox WHERE done = 0) + (SELECT count(*) FROM input WHERE state < 2)"


class Immortal:
    """A service that is started again on its database whenever it was killed."""

    def __init__(self, here: Stage, sandbox: Gated) -> None:
        self.here = here
        self.sandbox = sandbox
        self.port = str(free_port())
        self.program: Program | None = None
        self.kills = 0

    async def rises(self) -> None:
        self.program, _ = await self.here.serve(
            BILI_PORT=self.port,
            BILI_PUBLIC_URL=f"http://127.0.0.1:{self.port}",
            BILI_DATABASE_URL="sqlite:///bili.db",
            BILI_MPESA_TIMEOUT_SECONDS="2",
            BILI_MPESA_SETTLE_SECONDS="2",
            BILI_XMLVEND_TIMEOUT_SECONDS="2",
            BILI_XMLVEND_SETTLE_SECONDS="2",
            **parties(self.sandbox.url),
        )

    def dies(self) -> None:
        assert self.program is not None
        self.program.kill()
        self.kills += 1

    def cases(self) -> list[str]:
        """Why people have been given payments."""
        return self._column("SELECT reason FROM trouble_case")

    def _column(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.here.folder}/bili.db?mode=ro", uri=True)) as database:
            return [value for (value,) in database.execute(statement)]

    async def stops(self) -> int:
        """SIGTERM once all is said and answered; its exit status."""
        assert self.program is not None
        await until(lambda: self._column(_OPEN) == [0], "everything is said and answered")
        self.program.process.send_signal(signal.SIGTERM)
        return await self.program.ended()

    async def dies_at(self, point: Point) -> None:
        """Wait until it has died there, and raise it again, as often as the point says."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.sandbox.gate.struck.wait()
        if point.again:
            self.watch_for(point.again)
        await self.rises()
        if point.again:
            await self.dies_at(point.again)

    def watch_for(self, point: Point) -> None:
        self.sandbox.gate.arm(point.exchange, point.moment, self.dies)


async def buys_through(person: Person, service: Immortal, point: Point) -> None:
    """One purchase during which the service dies; the person does what a person does, and nothing to help it."""
    if point in ORDERING:
        service.watch_for(point)
        await asyncio.gather(person.orders(), service.dies_at(point))
    else:
        await person.orders()
    if point in BEFORE_THE_PIN:
        service.watch_for(point)
        await person.tap("Pay")
        await service.dies_at(point)
        await person.type_pin()
    else:
        await person.tap("Pay")
        await person.prompt()
        if point not in ORDERING:
            service.watch_for(point)
        await person.type_pin()
        if point not in ORDERING:
            await service.dies_at(point)
    await person.sees("Here is your electricity")


@pytest.mark.parametrize(
    "points", [ORDERING + BEFORE_THE_PIN, AFTER_THE_PIN, AT_THE_UTILITY], ids=["prompt", "money", "vend"]
)
async def test_F137_after_a_kill_at_any_point_every_payment_goes_on_by_itself(
    here: Stage, points: tuple[Point, ...]
) -> None:
    async with gated_sandbox(seed=len(points)) as sandbox:
        service = Immortal(here, sandbox)
        await service.rises()
        people = [Person(here.web, sandbox.url, user) for user in (AMINA, OTIENO)]
        for person in people:
            await person.enters()
        for number, point in enumerate(points):
            await buys_through(people[number % 2], service, point)
        assert await service.stops() == 0
        assert service.kills == sum(2 if point.again else 1 for point in points)
        assert len(sandbox.host.daraja.transactions) == len(sandbox.host.xmlvend.sales) == len(points)
        assert await wrongs(here, sandbox) == []


#: Nothing was shown on the phone, but only M-Pesa knows that, and cannot be asked by a reference of ours.
UNKNOWABLE = (Point("token", "before"), Point("push", "before"))


async def test_F014_a_prompt_that_cannot_be_asked_about_gets_a_person_and_frees_the_phone(here: Stage) -> None:
    async with gated_sandbox(seed=14) as sandbox:
        service = Immortal(here, sandbox)
        await service.rises()
        people = [Person(here.web, sandbox.url, user) for user in (AMINA, OTIENO)]
        for person, point in zip(people, UNKNOWABLE, strict=True):
            await person.enters()
            await person.orders()
            service.watch_for(point)
            await person.tap("Pay")
            await service.dies_at(point)
        await until(lambda: service.cases() == ["prompt_unknown"] * 2, "people are given the payments")
        for person in people:
            await person.buys()
        assert await service.stops() == 0
        assert len(sandbox.host.daraja.transactions) == len(sandbox.host.xmlvend.sales) == 2
        assert await wrongs(here, sandbox) == []


async def test_F137_after_a_kill_at_any_time_a_payment_is_vended_or_somebody_looks_after_it(here: Stage) -> None:
    """The service dies a little later each time, wherever it then is; seeded, but the machine has its say too."""
    rng = random.Random(7)
    async with gated_sandbox(seed=7) as sandbox:
        service = Immortal(here, sandbox)
        await service.rises()
        people = [Person(here.web, sandbox.url, user) for user in (AMINA, OTIENO)]
        for person in people:
            await person.enters()
        for person in people * 2:
            await person.orders()
            await person.tap("Pay")
            await asyncio.sleep(rng.random() * 0.05)
            service.dies()
            await service.rises()
            if await is_asked_for_the_pin(person, service):
                await person.type_pin()
                await person.sees("Here is your electricity")
        assert await service.stops() == 0
        assert len(sandbox.host.daraja.transactions) == len(sandbox.host.xmlvend.sales)
        assert len(sandbox.host.xmlvend.sales) + len(service.cases()) == 2 * len(people)
        assert await wrongs(here, sandbox) == []


async def is_asked_for_the_pin(person: Person, service: Immortal) -> bool:
    """Whether the phone asks; False once nobody can tell any more and a person was given the payment."""
    before = len(service.cases())
    asked = asyncio.ensure_future(person.prompt())
    try:
        await until(lambda: asked.done() or len(service.cases()) > before, "a prompt, or a person who looks after it")
        return asked.done()
    finally:
        asked.cancel()


async def wrongs(here: Stage, sandbox: Gated) -> list[str]:
    """What the database says that the sandbox's truth does not bear out."""
    store = await Store.open(f"sqlite:///{here.folder}/bili.db", CLOCK, Tasks().spawn)
    try:
        return await violations(store, sandbox.host)
    finally:
        await store.close()

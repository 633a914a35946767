"""A post office: messages that wait, channels that do as they are told, and reports of what became of them."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from bot.delivery import Parcel, Sender
from bot.i18n import Languages
from bot.outbox import OutboxWorker, message_row
from bot.reports import Reports
from bot.store.change import Change, CommitUnknown, Done, Insert, Update, Value
from bot.store.seal import Seal
from bot.store.store import Store
from bot.work import SCAN_SECONDS
from flows.text import T
from integrations.contract.channel import (
    NO_WAYBILL,
    Arrival,
    Arrived,
    Knock,
    Limits,
    Obstacle,
    Report,
    Undelivered,
    Waybill,
)
from integrations.contract.exchange import NotSent, Request, Response
from integrations.contract.message import Delivered, Ignored, Message, Received, Rejected, Sending, plain
from integrations.contract.people import Secret
from tests.databases import SetClock
from tests.store.rows import every

SEAL = Seal(Secret("a-test-key-that-opens-nothing"))
LANGUAGES = Languages()

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
WINDOW = Limits(1600, 3, 20, can_edit=False, can_share_phone=False, window_seconds=int(DAY))
OPEN = Limits(4096, 8, 40, can_edit=True, can_share_phone=True)
SMS_LIMITS = Limits(1600, 0, 0, can_edit=False, can_share_phone=False)

PHONE = "+254711000001"

Row: TypeAlias = dict[str, Any]
#: What a channel answers; a function acts on the world before it does.
Outcome: TypeAlias = "Sending | Exception | Callable[[], Awaitable[Sending]]"


@dataclass(frozen=True)
class Letter:
    """What was handed to a channel."""

    address: str
    text: str
    waybill: Waybill
    message: Message | None = None
    knock: Knock | None = None


@dataclass
class Line:
    """A channel without a window that takes everything, but for what is scripted. It reads nothing."""

    name: str = "telegram"
    limits: Limits = OPEN
    outcomes: list[Outcome] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    timeout_seconds: float = 10.0
    path: str = "nowhere"

    @property
    def texts(self) -> list[str]:
        """What was handed over as messages, in order."""
        return [letter.text for letter in self.letters if letter.message is not None]

    @property
    def knocks(self) -> list[Letter]:
        return [letter for letter in self.letters if letter.knock is not None]

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        raise AssertionError(f"nobody writes here: {request}")

    def acknowledge(self, received: list[Received | Ignored]) -> Response:
        raise AssertionError(f"nobody writes here: {received}")

    async def working(self, address: str, deadline: float) -> None:
        raise AssertionError(f"nobody waits here: {address}, {deadline}")

    async def send(self, address: str, message: Message, _deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        self.letters.append(Letter(address, plain(message), waybill, message))
        return await self._outcome()

    async def _outcome(self) -> Sending:
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is None:
            return Delivered(f"{self.name}-{len(self.letters)}")
        if isinstance(outcome, Exception):
            raise outcome
        return await outcome() if callable(outcome) else outcome


@dataclass
class Windowed(Line):
    """A channel with a window of a day that lets us knock."""

    name: str = "whatsapp"
    limits: Limits = WINDOW
    at_knocks: list[Outcome] = field(default_factory=list)

    async def knock(self, address: str, knock: Knock, _deadline: float, waybill: Waybill) -> Sending:
        self.letters.append(Letter(address, f"{knock.template} {' '.join(knock.values)}", waybill, knock=knock))
        self.outcomes, kept = self.at_knocks, self.outcomes
        try:
            return await self._outcome()
        finally:
            self.outcomes = kept


def phone_line() -> Line:
    """The SMS channel."""
    return Line("sms", SMS_LIMITS)


@dataclass
class Post:
    """One replica's outbox: its channels, each with a worker, and what is told of messages afterwards."""

    store: Store
    clock: SetClock
    whatsapp: Windowed = field(default_factory=Windowed)
    telegram: Line = field(default_factory=Line)
    sms: Line | None = None
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._workers: dict[str, OutboxWorker] = {}

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def with_sms(self) -> Line:
        """From now on there is a channel that can stand in."""
        self.sms = phone_line()
        self._workers.clear()
        return self.sms

    def worker(self, line: Line) -> OutboxWorker:
        if line.name not in self._workers:
            sender = Sender(LANGUAGES, SEAL, self.clock, "Africa/Nairobi")
            self._workers[line.name] = OutboxWorker(line, sender, self.store, self.clock, sms=self.sms is not None)
        return self._workers[line.name]

    # --- people and what is to be told them

    async def meet(
        self, name: str, *, channel: str = "whatsapp", address: str = PHONE, phone: str | None = None, heard: float = 60
    ) -> None:
        """A customer `cname` in the conversation `vname`, who wrote so many seconds ago."""
        person: Row = {"id": f"c{name}", "language": "en", "created_at": self.now}
        if phone:
            person["phone_sealed"] = SEAL.seal(phone, "phone")
        chat: Row = {
            "id": f"v{name}", "customer_id": f"c{name}", "channel": channel, "address": address,
            "heard_at": self.now - int(heard * 1000), "created_at": self.now,
        }  # fmt: skip
        await self.wrote(Insert("customer", person), Insert("conversation", chat))

    async def tell(self, kind: str, text: str, *, to: str = "amina", **columns: Any) -> int:
        """A message that waits to be sent; its id."""
        message = message_row(
            SEAL, customer_id=f"c{to}", conversation_id=f"v{to}", kind=kind, body=(T("{words}", words=text),),
            now=self.now,
        )  # fmt: skip
        await self.wrote(Insert("outbox", {**message.row, **columns}))
        [row] = await self.rows("SELECT max(id) AS id FROM outbox")
        return int(row["id"])

    async def wrote(self, *inserts: Insert) -> None:
        assert await self.store.write(Change(inserts=inserts)) == Done()

    async def hint(self, table: str, key: str | int, **columns: Value) -> None:
        assert await self.store.write(Change(updates=(Update(table, key, columns),))) == Done()

    async def hear(self, name: str = "amina") -> None:
        """The person writes, as a turn notes it; within a second somebody looks at what waits for them."""
        await self.hint("conversation", f"v{name}", heard_at=self.now)
        self.clock.pass_by(SCAN_SECONDS)

    # --- what the loops do

    async def claim(self, line: Line, slots: int = 64) -> list[Parcel]:
        plans = await self.store.claim(self.worker(line).claim(slots))
        assert not isinstance(plans, CommitUnknown)
        return plans

    async def work(self, line: Line, *parcels: Parcel) -> None:
        worker = self.worker(line)
        for parcel in parcels:
            await worker.work(parcel, worker.lease.deadline(self.clock))

    async def step(self, line: Line, slots: int = 64) -> int:
        """One claim, and everything it took is sent."""
        parcels = await self.claim(line, slots)
        await self.work(line, *parcels)
        return len(parcels)

    async def settle(self, most: int = 50) -> None:
        """Until nothing more can be sent now, on any channel."""
        for _ in range(most):
            lines = [self.whatsapp, self.telegram, *([self.sms] if self.sms else [])]
            if not sum([await self.step(line) for line in lines]):
                return
        raise AssertionError("the outbox never comes to rest")

    async def pass_(self, seconds: float, *, step: float = 1.0) -> None:
        """Let time pass in steps, with everything that falls due on the way."""
        while seconds > 0:
            self.clock.pass_by(min(step, seconds))
            seconds -= step
            await self.settle()

    async def due(self, line: Line) -> bool:
        return await self.store.read(self.worker(line).due)

    # --- what is reported

    async def report(self, report: Report) -> bool:
        return await Reports(self.store, self.clock, sms=self.sms is not None).keep(report)

    async def arrived(self, own: object, sid: str, how_far: Arrival = Arrival.DELIVERED) -> bool:
        return await self.report(Arrived(str(own), sid, how_far))

    async def came_back(self, own: object, sid: str, obstacle: Obstacle, code: str = "63000") -> bool:
        return await self.report(Undelivered(str(own), sid, obstacle, code))

    # --- what is there afterwards

    async def rows(self, statement: str, **params: Value) -> list[Row]:
        return await every(self.store, statement, **params)

    async def row(self, number: int) -> Row:
        [row] = await self.rows("SELECT * FROM outbox WHERE id = :id", id=number)
        return row

    async def chat(self, name: str = "amina") -> Row:
        [row] = await self.rows("SELECT * FROM conversation WHERE id = :id", id=f"v{name}")
        return row

    async def cases(self) -> list[str]:
        return [row["reason"] for row in await self.rows("SELECT reason FROM trouble_case ORDER BY id")]

    async def stand_ins(self) -> list[Row]:
        return await self.rows("SELECT * FROM outbox WHERE stands_for IS NOT NULL ORDER BY id")


async def never() -> Sending:
    """A send after which the process is gone: nothing more is written."""
    raise GoneForEver


class GoneForEver(BaseException):
    """The process ends here."""


def at(milliseconds: int) -> datetime:
    """A time as a Waybill has it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


NOT_NOW = NotSent("no network")

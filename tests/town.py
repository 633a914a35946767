"""A whole town in one process: the service, the sandbox behind a network of our own, and a clock that moves when told.

The service is the real one down to its SQLite file; only time, randomness and sockets are replaced. Loops are not run
but stepped: `settle` goes on until nothing more is due at this moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot import app, practice
from bot.clock import Tasks
from bot.house import enter
from bot.i18n import Languages
from bot.payments.fees import Band, Fees
from bot.service import Outfit, Service
from bot.settings import Settings
from bot.store.seal import Seal
from bot.store.store import Store
from integrations.contract.exchange import NoAnswer, NotSent, Request, Response, Sent, Serve, Unknown
from integrations.contract.money import Money
from integrations.sandbox.host import SandboxConfig, SandboxHost
from tests.seams import HandClock, SeededRandom

SERVICE, SANDBOX = "http://127.0.0.1:8080", "http://127.0.0.1:8090"
TOKEN = "700000007:sandbox-telegram-token"
AMINA, OTIENO = 711000001, 722000002

#: Ten in the morning in Nairobi.
MORNING = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)

#: A step that finds no end of work is a loop that feeds itself.
ROUNDS_MAX = 400


class TownClock(HandClock):
    """Time that moves only by `pass_`."""

    def __init__(self, start: datetime = MORNING) -> None:
        super().__init__(start)

    def pass_(self, seconds: float) -> None:
        """Let so much time pass."""
        self.seconds += seconds


@dataclass
class Network:
    """Routes requests by host. A host that is not there refuses connections."""

    hosts: dict[str, Serve] = field(default_factory=dict)
    clock: TownClock = field(default_factory=TownClock)
    #: Every request that went out to the sandbox, as (method, path).
    seen: list[tuple[str, str]] = field(default_factory=list)

    async def send(self, request: Request, deadline: float) -> Sent:
        if deadline <= self.clock.monotonic():
            return NotSent("the deadline has passed")
        parts = urlsplit(request.url)
        serve = self.hosts.get(f"{parts.scheme}://{parts.netloc}")
        if serve is None:
            return NotSent("nobody listens there")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self.seen.append((request.method, parts.path))
        try:
            return await serve(Request(request.method, path, request.headers, request.body, "127.0.0.1"))
        except NoAnswer:
            return Unknown("no answer")


class TownTasks(Tasks):
    """Tasks that `settle` can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    async def quiet(self) -> None:
        """Until every task that was spawned has ended; what they raised is raised here."""
        while self._running:
            results = await asyncio.gather(*self._running, return_exceptions=True)
            self.errors += [result for result in results if isinstance(result, BaseException)]
        if self.errors:
            raise self.errors.pop(0)


@dataclass
class Town:
    """Everything, and the ways to move it."""

    url: str
    clock: TownClock
    random: SeededRandom
    network: Network
    sandbox: SandboxHost
    settings: Settings
    fees: Fees
    store: Store | None = None
    service: Service | None = None
    tasks: TownTasks = field(default_factory=TownTasks)

    async def open(self) -> None:
        """Start the service on its database, as after a boot."""
        self.tasks = TownTasks()
        self.store = await Store.open(self.url, self.clock, Tasks().spawn)
        await enter(self.store, "sandbox")
        languages = Languages()
        send = self.network.send
        seal = Seal(self.settings.key())
        parties = app.parties(self.settings, send, self.clock, seal, languages, self.random)
        channels = app.channels(self.settings, send, self.clock)
        outfit = Outfit(parties, self.fees, channels, languages, self.store, self.tasks)
        self.service = Service(outfit)
        self.network.hosts[SERVICE] = self.service.serve

    async def close(self) -> None:
        """End the process."""
        self.network.hosts.pop(SERVICE, None)
        if self.store is not None:
            await self.store.close()

    async def reboot(self) -> None:
        """End the process and begin again on the same database."""
        await self.close()
        await self.open()

    async def settle(self) -> None:
        """Until nothing more is due now, in the service or at the far sides."""
        assert self.service is not None
        for _ in range(ROUNDS_MAX):
            moved = 0
            for side in (self.sandbox.telegram, self.sandbox.twilio, self.sandbox.daraja, self.sandbox.xmlvend):
                moved += await side.due.drain()
            moved += await self.service.turns.step()
            for loop in self.service.loops:
                moved += await loop.step()
            await self.tasks.quiet()
            if not moved:
                return
        raise AssertionError("the town never comes to rest")

    async def pass_(self, seconds: float) -> None:
        """Let time pass in small steps, with everything that falls due on the way."""
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.clock.pass_(min(left, max(1.0, seconds / 200)))
            await self.settle()


@asynccontextmanager
async def town(url: str, *, fee: int = 10) -> AsyncIterator[Town]:
    """A town with an empty database at `url`, its bot's webhook set."""
    clock, network = TownClock(), Network()
    network.clock = clock
    sandbox = SandboxHost(SandboxConfig(port=8090), clock, SeededRandom(2), network.send)
    network.hosts[SANDBOX] = sandbox.serve
    sandbox.twilio.webhook_url = f"{SERVICE}/webhooks/twilio/whatsapp"
    fees = Fees("KES", (Band(Money.of(100_000, "KES"), Money.of(fee, "KES")),))
    settings = town_settings()
    one = Town(url, clock, SeededRandom(1), network, sandbox, settings, fees)
    await one.open()
    body = f'{{"url":"{SERVICE}/webhooks/telegram","secret_token":"{settings.webhook_secret().reveal()}"}}'.encode()
    request = Request("POST", f"/bot{TOKEN}/setWebhook", {"content-type": "application/json"}, body)
    answer = await sandbox.serve(request)
    assert isinstance(answer, Response)
    assert answer.status == 200, answer.body
    try:
        yield one
    finally:
        await one.close()


def town_settings() -> Settings:
    """Settings that point every party at the town's sandbox."""
    given = {"public_url": SERVICE, "support_contact": "0800 000 000", "mpesa_merchant": "BILI"}
    plain = Settings.model_validate({"secret_key": SecretStr("a-test-key-that-opens-nothing-at-all"), **given})
    return plain.model_copy(update=practice.sandbox_settings(plain, SandboxConfig(), SANDBOX))

"""A small world for the adapter and the sandbox's Telegram: a clock set by hand and a network in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from integrations.channels.telegram.adapter import Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.contract.exchange import NoAnswer, NotSent, Request, Response, Sent, Unknown
from integrations.contract.message import Button, Message, Received, Rejected, Span
from integrations.contract.people import Secret
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.telegram import TelegramSide
from tests.seams import HandClock, SeededRandom

WIRE = Path(__file__).parent / "wire"
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
TOKEN = "700:test-token"
SECRET = "test-webhook-secret-0123456789abcdef"
OLD_SECRET = "test-previous-secret-0123456789abcde"
API_URL = "https://telegram.test"
WEBHOOK_URL = "https://bili.test/webhooks/telegram"
CONFIG = TelegramConfig(token=Secret(TOKEN), webhook_secret=Secret(SECRET), api_url=API_URL)

JANE = 5011
PHONE = "+254712345678"


def wire(name: str) -> bytes:
    """One file of the wire, as it arrived."""
    return (WIRE / name).read_bytes()


def hello(text: str = "Hello", *buttons: tuple[str, str], edits: str | None = None) -> Message:
    """A message with buttons given as (data, label)."""
    return Message((Span(text),), tuple(Button(data, label) for data, label in buttons), edits=edits)


class FakeClock(HandClock):
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        super().__init__(START, 1000.0)


class Script:
    """A Send that keeps what it is given and answers from a list."""

    def __init__(self, *answers: Sent) -> None:
        self.requests: list[Request] = []
        self._answers = list(answers)

    async def __call__(self, request: Request, _deadline: float) -> Sent:
        self.requests.append(request)
        return self._answers.pop(0)

    def body(self, number: int = 0) -> Any:
        return orjson.loads(self.requests[number].body)

    def methods(self) -> list[str]:
        return [request.url.rpartition("/")[2] for request in self.requests]


def answer(name: str) -> Response:
    """An answer of the Bot API from the wire files."""
    status = next((int(part) for part in name.removesuffix(".html").split("_") if part.isdecimal()), 200)
    return Response(
        status, {"content-type": "application/json"}, wire(f"answer_{name}" + ("" if "." in name else ".json"))
    )


@dataclass
class Bot:
    """Our end: stores what arrives, answers as the adapter says. `answers` overrides the next answers."""

    adapter: Telegram
    received: list[Received] = field(default_factory=list)
    arrivals: list[Request] = field(default_factory=list)
    answers: list[Sent] = field(default_factory=list)

    async def serve(self, request: Request) -> Sent:
        self.arrivals.append(request)
        if self.answers:
            return self.answers.pop(0)
        inputs = self.adapter.receive(request)
        if isinstance(inputs, Rejected):
            return Response(inputs.status)
        self.received += [one for one in inputs if isinstance(one, Received)]
        return self.adapter.acknowledge(inputs)

    def contents(self) -> list[object]:
        return [one.content for one in self.received]


class Stage:
    """The adapter, the sandbox and one person, Jane, on one network."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.faults = FaultPlan()
        self.side = TelegramSide(World(self.send, self.clock, SeededRandom(), self.faults), TOKEN)
        self.telegram = Telegram(CONFIG, self.send, self.clock)
        self.bot = Bot(self.telegram)
        #: When each webhook request reached us, and how long Telegram would have waited, in seconds.
        self.deliveries: list[tuple[float, float]] = []
        self.side.add_user(JANE, "Jane", PHONE, "sw")

    async def send(self, request: Request, deadline: float) -> Sent:
        if deadline <= self.clock.monotonic():
            return NotSent("the deadline had passed")
        parts = urlsplit(request.url)
        if parts.hostname == "bili.test":
            self.deliveries.append((self.clock.seconds, deadline - self.clock.monotonic()))
            return await self.bot.serve(request)
        arriving = Request(request.method, parts._replace(scheme="", netloc="").geturl(), request.headers, request.body)
        try:
            return await self.side.serve(arriving)
        except NoAnswer:
            return Unknown("no answer")

    async def call(self, method: str, **arguments: object) -> Any:
        """One method of the Bot API in JSON; the whole answer."""
        headers = {"content-type": "application/json"}
        response = await self.side.serve(Request("POST", f"/bot{TOKEN}/{method}", headers, orjson.dumps(arguments)))
        return orjson.loads(response.body)

    async def use_webhook(self) -> None:
        assert (await self.call("setWebhook", url=WEBHOOK_URL, secret_token=SECRET))["ok"]

    @property
    def soon(self) -> float:
        return self.clock.monotonic() + 20

    async def pass_time(self, seconds: float = 0.0) -> None:
        """Let time pass, doing everything that falls due on the way at its own time."""
        end = self.clock.seconds + seconds
        while self.side.due.next_at is not None and self.side.due.next_at - 1000.0 <= end:
            self.clock.seconds = max(self.clock.seconds, self.side.due.next_at - 1000.0)
            await self.side.due.drain()
        self.clock.seconds = end

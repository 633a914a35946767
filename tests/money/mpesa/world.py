"""A small world for the adapter and the sandbox's Daraja: a clock that is set by hand and a network in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.contract.exchange import NoAnswer, NotSent, Request, Response, Sent, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import CallbackRejected, CallbackSeen, CollectionOutcome, Prompted, PromptOutcome
from integrations.contract.parties import Collection
from integrations.contract.people import Phone, Secret
from integrations.money.mpesa.adapter import Mpesa
from integrations.money.mpesa.config import MpesaConfig
from integrations.sandbox.daraja import DarajaSide, DarajaSideConfig, PinPrompt
from integrations.sandbox.far_side import FaultPlan, World
from tests.seams import HandClock, SeededRandom

WIRE = Path(__file__).parent / "wire"
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
DARAJA_URL = "https://daraja.test"
CALLBACK_URL = "https://bili.test/c/00aa11bb22cc33dd44ee55ff66778899"
PAYER = Phone("+254712345678")
MSISDN = "254712345678"


class FakeClock(HandClock):
    """Time that passes only in `pass_time`."""

    def __init__(self) -> None:
        super().__init__(START, 1000.0)


def config(**changes: Any) -> MpesaConfig:
    """Settings that fit the sandbox's Daraja."""
    settings: dict[str, Any] = {
        "consumer_key": Secret("test-consumer-key"),
        "consumer_secret": Secret("test-consumer-secret"),
        "shortcode": "174379",
        "passkey": Secret("test-passkey"),
        "api_url": DARAJA_URL,
        **changes,
    }
    return MpesaConfig(**settings)


def side_config(**changes: Any) -> DarajaSideConfig:
    """The far side with the same credentials."""
    settings: dict[str, Any] = {
        "consumer_key": "test-consumer-key",
        "consumer_secret": "test-consumer-secret",
        "passkey": "test-passkey",
        **changes,
    }
    return DarajaSideConfig(**settings)


def collection(**changes: Any) -> Collection:
    """A charge of 500 shillings that Daraja takes."""
    values: dict[str, Any] = {
        "reference": "7Q2MX4T9KD3V",
        "amount": Money.of(500, "KES"),
        "payer": PAYER,
        "label": "BILI4412",
        "callback_url": CALLBACK_URL,
        **changes,
    }
    return Collection(**values)


def json_of(value: object, status: int = 200) -> Response:
    """An answer with this body."""
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


def wire_bytes(name: str) -> bytes:
    """A recorded body."""
    return (WIRE / name).read_bytes()


@dataclass
class Bench:
    """The adapter and the sandbox's Daraja, joined in memory; `callbacks` is what reached the service."""

    side_settings: DarajaSideConfig = field(default_factory=side_config)
    settings: MpesaConfig = field(default_factory=config)

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.random = SeededRandom()
        self.faults = FaultPlan()
        self.side = DarajaSide(World(self.to_service, self.clock, self.random, self.faults), self.side_settings)
        self.mpesa = Mpesa(self.settings, self.to_daraja, self.clock)
        self.requests: list[Request] = []
        self.callbacks: list[CallbackSeen | CallbackRejected] = []
        self.callbacks_at_answers: list[int] = []
        self.service_status = 200
        self.before_daraja: Callable[[Request], Sent | None] = lambda _: None

    async def to_daraja(self, request: Request, deadline: float) -> Sent:
        """The `Send` of the adapter."""
        await asyncio.sleep(0)
        if self.clock.monotonic() >= deadline:
            return NotSent("past the deadline")
        self.requests.append(request)
        stopped = self.before_daraja(request)
        if stopped is not None:
            return stopped
        path = request.url.removeprefix(DARAJA_URL)
        try:
            answer = await self.side.serve(Request(request.method, path, request.headers, request.body))
        except NoAnswer:
            return Unknown("the connection was closed")
        self.callbacks_at_answers.append(len(self.callbacks))
        return answer

    async def to_service(self, request: Request, deadline: float) -> Sent:
        """The `Send` of the far side."""
        assert request.url == CALLBACK_URL
        assert deadline > self.clock.monotonic()
        self.callbacks.append(self.mpesa.callback(request))
        return Response(self.service_status, {}, self.mpesa.callback_answer().body)

    @property
    def deadline(self) -> float:
        """Half a minute from now."""
        return self.clock.monotonic() + 30.0

    async def prompt(self, **changes: Any) -> PromptOutcome:
        """Ask for a PIN."""
        return await self.mpesa.prompt(collection(**changes), self.deadline)

    async def prompted(self, **changes: Any) -> PinPrompt:
        """Ask for a PIN; the prompt as it stands on the phone."""
        outcome = await self.prompt(**changes)
        assert isinstance(outcome, Prompted), outcome
        return next(prompt for prompt in self.side.prompts() if prompt.id == outcome.theirs)

    async def enquire(self, theirs: str | None) -> CollectionOutcome:
        """Ask what became of a prompt."""
        return await self.mpesa.enquire("7Q2MX4T9KD3V", theirs, self.deadline)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass; the far side does what falls due, when it falls due."""
        until = self.clock.monotonic() + seconds
        while (next_at := self.side.due.next_at) is not None and next_at <= until:
            self.clock.seconds += max(0.0, next_at - self.clock.monotonic())
            await self.side.due.drain()
        self.clock.seconds += until - self.clock.monotonic()

    def sent_to(self, path: str) -> list[Request]:
        """Requests that reached one endpoint."""
        return [request for request in self.requests if path in request.url]

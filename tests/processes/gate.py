"""The sandbox in this process, behind a gate at which the service is killed at the very exchange a test names."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Literal
from unittest.mock import patch

from bot.clock import RealRandom
from integrations.contract.exchange import NoAnswer, Request, Response, Sent, Unknown
from integrations.http import HttpSender, HttpServer
from integrations.sandbox import host
from integrations.sandbox.daraja import DarajaSideConfig
from integrations.sandbox.host import SandboxConfig, SandboxHost, daraja_config
from tests.processes.programs import CLOCK, SANDBOX

#: Before the other end hears of it, or after it has acted and before the answer comes.
Moment = Literal["before", "after"]

#: Exchanges by what stands in their path, then by what stands in their body.
PATHS = {
    "/oauth/": "token",
    "/stkpush/": "push",
    "/stkpushquery/": "query",
    "/sendMessage": "message",
    "/editMessageText": "edit",
    "/answerCallbackQuery": "spinner",
    "/c/": "callback",
}
BODIES = {b"callback_query": "tap", b"trialCreditVendReq": "quote", b"creditVendReq": "vend", b"adviceReq": "advice"}

#: How much later than at the exchange itself the service dies, at most.
DELAY_SECONDS_MAX = 0.02

#: How long an exchange that is not cut is held up.
HELD_SECONDS = 0.5


@dataclass
class Gate:
    """Lets everything through, and strikes once at the exchange it was armed for."""

    rng: random.Random
    strike: Callable[[], None] = lambda: None
    cuts: bool = True
    armed: tuple[str, Moment] | None = None
    struck: asyncio.Event = field(default_factory=asyncio.Event)

    def arm(self, name: str, moment: Moment, strike: Callable[[], None], *, cuts: bool = True) -> None:
        """Call `strike` at the next exchange of this name, which is then cut, or goes on after a while."""
        self.armed, self.strike, self.cuts = (name, moment), strike, cuts
        self.struck.clear()

    async def at(self, name: str, moment: Moment) -> bool:
        """Whether this exchange is to be cut."""
        if self.armed != (name, moment):
            return False
        self.armed = None
        await asyncio.sleep(self.rng.random() * DELAY_SECONDS_MAX)
        self.strike()
        self.struck.set()
        if not self.cuts:
            await asyncio.sleep(HELD_SECONDS)
        return self.cuts


@dataclass
class Gated:
    """A sandbox whose exchanges, in and out, pass the gate."""

    gate: Gate
    sender: HttpSender
    host: SandboxHost = field(init=False)
    url: str = ""

    def __post_init__(self) -> None:
        with patch.object(host, "daraja_config", hurried):
            self.host = SandboxHost(SandboxConfig.from_environment(SANDBOX), CLOCK, RealRandom(), self.send)

    async def serve(self, request: Request) -> Response:
        """What the service asks of the world."""
        name = name_of(request)
        if await self.gate.at(name, "before"):
            raise NoAnswer
        response = await self.host.serve(request)
        if await self.gate.at(name, "after"):
            raise NoAnswer
        return response

    async def send(self, request: Request, deadline: float) -> Sent:
        """What the world tells the service."""
        name = name_of(request)
        if await self.gate.at(name, "before"):
            return Unknown("killed before")
        sent = await self.sender.send(request, deadline)
        return Unknown("killed after") if await self.gate.at(name, "after") else sent


def hurried(config: SandboxConfig) -> DarajaSideConfig:
    """M-Pesa that makes up its mind at once, and prompts that outlive every restart."""
    return replace(daraja_config(config), thinking_seconds=0.05, prompt_seconds=600.0)


def name_of(request: Request) -> str:
    """What an exchange is about."""
    by_path = next((name for part, name in PATHS.items() if part in request.url), "")
    return by_path or next((name for part, name in BODIES.items() if part in request.body), "other")


@asynccontextmanager
async def gated_sandbox(seed: int) -> AsyncIterator[Gated]:
    """A sandbox that serves on a free port of its own."""
    async with HttpSender(CLOCK) as sender:
        gated = Gated(Gate(random.Random(seed)), sender)
        async with HttpServer(gated.serve, "127.0.0.1", 0) as server:
            gated.url = f"http://127.0.0.1:{server.port}"
            loop = asyncio.create_task(gated.host.run())
            try:
                yield gated
            finally:
                gated.host.changes.close()
                loop.cancel()
                with suppress(asyncio.CancelledError):
                    await loop

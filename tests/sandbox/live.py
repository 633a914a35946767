"""A sandbox on a real port, with its loops running and a scripted bot at work on each phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import orjson

from bot.clock import RealClock, RealRandom
from integrations.contract.exchange import Request, Response, Sent
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.host import SandboxConfig, SandboxHost
from tests.browser.scripted_bot import ScriptedBot
from tests.browser.scripted_whatsapp import ScriptedWhatsApp
from tests.sandbox.stages import AMINA, AMINAS_PHONE, CONFIG

Json: TypeAlias = Any

CLOCK = RealClock()
JSON = {"content-type": "application/json"}


async def soon(holds: Callable[[], bool]) -> None:
    """Wait until `holds` does; the test fails after some two seconds."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it did not come to pass")


@asynccontextmanager
async def running(host: SandboxHost) -> AsyncIterator[None]:
    """The host's loop, while the test looks on."""
    run = asyncio.create_task(host.run())
    try:
        yield
    finally:
        host.changes.close()
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run


@dataclass
class Town:
    """A sandbox on a real port and a client of it."""

    host: SandboxHost
    url: str
    config: SandboxConfig
    sender: HttpSender
    whatsapp: ScriptedWhatsApp

    async def ask(self, method: str, path: str, body: object = None) -> Sent:
        content = b"" if body is None else orjson.dumps(body)
        request = Request(method, self.url + path, JSON if content else {}, content)
        return await self.sender.send(request, CLOCK.monotonic() + 5)

    async def state(self) -> Json:
        answer = await self.ask("GET", "/control/state?since=-1")
        assert isinstance(answer, Response)
        return orjson.loads(answer.body)


@asynccontextmanager
async def town(prompt_seconds: float = 60.0) -> AsyncIterator[Town]:
    config = replace(CONFIG, port=0, daraja_prompt_seconds=prompt_seconds)
    async with HttpSender(CLOCK) as sender:
        host = SandboxHost(config, CLOCK, RealRandom(), sender.send)
        async with HttpServer(host.serve, config.host, 0) as server, running(host):
            url = f"http://127.0.0.1:{server.port}"
            whatsapp = ScriptedWhatsApp(url, config, sender.send, CLOCK)
            bot = asyncio.create_task(ScriptedBot(url, config, sender.send, CLOCK, poll_seconds=0.01).run())
            async with HttpServer(whatsapp.serve, config.host, 0) as hook:
                host.twilio.webhook_url = f"http://127.0.0.1:{hook.port}/webhooks/twilio/whatsapp"
                yield Town(host, url, config, sender, whatsapp)
            bot.cancel()
            with suppress(asyncio.CancelledError):
                await bot


async def bought(here: Town) -> str:
    """Amina buys, up to the prompt on her handset: its id."""
    await here.ask("POST", "/control/say", {"user": AMINA, "text": "500 14123456789"})
    chat = here.host.telegram
    await soon(lambda: any(message.buttons for message in chat.chat(AMINA)))
    message = chat.chat(AMINA)[-1]
    await here.ask("POST", "/control/tap", {"user": AMINA, "message": message.message_id, "data": "pay"})
    await soon(lambda: here.host.stage.live_prompt(AMINAS_PHONE) is not None)
    live = here.host.stage.live_prompt(AMINAS_PHONE)
    assert live is not None
    return live.id

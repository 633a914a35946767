"""`bili sandbox`: the four far sides, the demo page and its controls behind one port.

State lives in memory: when the process ends, its chats, prompts, money and sales are gone.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import orjson

from integrations.contract.exchange import Request, Response, Send
from integrations.contract.people import Secret
from integrations.contract.seams import Clock, Random
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.control import Changes, Control
from integrations.sandbox.daraja import DarajaSide, DarajaSideConfig
from integrations.sandbox.far_side import FarSide, FaultPlan, World
from integrations.sandbox.stage import Stage
from integrations.sandbox.telegram import TelegramSide
from integrations.sandbox.twilio import TwilioSide, TwilioSideConfig
from integrations.sandbox.xmlvend import XmlVendSide, XmlVendSideConfig

#: The longest a long poll may ask for, in seconds (Telegram's own limit is 50).
POLL_SECONDS_MAX = 50
#: How long the drain of an idle due list sleeps between looks; it is woken earlier.
IDLE_SECONDS = 60.0

PAGE_FOLDER = Path(__file__).parent / "page"
CONTENT_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: The page is a client of this sandbox and of nothing else, and the browser holds it to that.
PAGE_HEADERS: Final = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """Where the sandbox listens and which credentials its parties ask for. The defaults open nothing but a sandbox."""

    host: str = "127.0.0.1"
    port: int = 8090
    telegram_token: str = "700000007:sandbox-telegram-token"  # noqa: S105  invented; opens nothing but a sandbox
    daraja_consumer_key: str = "sandbox-consumer-key"
    daraja_consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105  invented
    daraja_shortcode: str = "174379"
    daraja_passkey: str = "sandbox-passkey"
    daraja_prompt_seconds: float = 60.0
    xmlvend_client_id: str = "0000000000001"
    xmlvend_operator: str = "sandbox-operator"
    xmlvend_password: str = "sandbox-password"  # noqa: S105  invented
    xmlvend_currency: str = "KES"
    twilio_account_sid: str = "AC" + "0" * 32
    twilio_auth_token: str = "sandbox-twilio-auth-token"  # noqa: S105  invented
    twilio_whatsapp_from: str = "+15550000001"
    twilio_sms_from: str = "+15550000002"
    twilio_webhook_url: str = ""
    twilio_fallback_url: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> SandboxConfig:
        """Read BILI_SANDBOX_<FIELD>, e.g. BILI_SANDBOX_PORT; what is absent or empty keeps its default.

        ValueError, naming the variable, where a number is not one.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = f"BILI_SANDBOX_{field.name.upper()}"
            if text := environment.get(name):
                given[field.name] = _read(name, text, type(field.default))
        return cls(**given)


def _read(name: str, text: str, kind: Callable[[str], object]) -> object:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{name} should be a number") from None


class SandboxHost:
    """One object per sandbox. `serve` answers every request, `run` does what falls due until it is cancelled."""

    def __init__(self, config: SandboxConfig, clock: Clock, random: Random, send: Send) -> None:
        world = World(send, clock, random, FaultPlan())
        self.telegram = TelegramSide(world, config.telegram_token)
        self.daraja = DarajaSide(world, daraja_config(config))
        self.xmlvend = XmlVendSide(world, xmlvend_config(config))
        self.twilio = TwilioSide(world, twilio_config(config))
        self.stage = Stage(self.telegram, self.twilio, self.daraja, self.xmlvend, world.faults, clock)
        self.changes = Changes(clock)
        self._control = Control(self.stage, self.changes)
        self._clock = clock
        self._page = page_files()

    async def serve(self, request: Request) -> Response:
        """Answer by path prefix. NoAnswer passes through: its host cuts the connection."""
        try:
            return await self._routed(request, urlsplit(request.url).path)
        finally:
            self.changes.notify()

    async def _routed(self, request: Request, path: str) -> Response:
        match path.split("/")[1]:
            case first if first.startswith("bot"):
                return await self._telegram(request, path)
            case "oauth" | "mpesa":
                return await self.daraja.serve(request)
            case "xmlvend":
                return await self.xmlvend.serve(request)
            case "2010-04-01" | "v1" | "media":
                return await self.twilio.serve(request)
            case "control":
                return await self._control.serve(request)
            case _ if request.method not in {"GET", "HEAD"}:
                return Response(405, {"allow": "GET, HEAD"})
            case _:
                return self._page.get(path, Response(404))

    async def _telegram(self, request: Request, path: str) -> Response:
        """Telegram's answer; a long poll without news is asked again when there is some, until its own timeout."""
        seconds = poll_seconds(request) if path.lower().endswith("/getupdates") else 0
        deadline = self._clock.monotonic() + seconds
        while True:
            revision = self.telegram.revision
            response = await self.telegram.serve(request)
            left = deadline - self._clock.monotonic()
            if not _brings_nothing(response) or not await self.changes.until(self._moved_on(revision), left):
                return response

    def _moved_on(self, revision: int) -> Callable[[], bool]:
        return lambda: self.telegram.revision != revision

    async def run(self) -> None:
        """Drain the due lists, each at its own pace so that a slow webhook does not hold up a callback."""
        sides: tuple[FarSide, ...] = (self.telegram, self.daraja, self.xmlvend, self.twilio)
        await asyncio.gather(*(self._drain(side) for side in sides))

    async def _drain(self, side: FarSide) -> None:
        while not self.changes.closed:
            if await side.due.drain():
                self.changes.notify()
            next_at = side.due.next_at
            await self.changes.once(IDLE_SECONDS if next_at is None else next_at - self._clock.monotonic())


async def run_sandbox(config: SandboxConfig, clock: Clock, random: Random) -> None:
    """Serve until cancelled. OSError when the port is taken."""
    async with HttpSender(clock) as sender:
        host = SandboxHost(config, clock, random, sender.send)
        async with HttpServer(host.serve, config.host, config.port) as server:
            host.twilio.reach_at(f"http://{config.host}:{server.port}")
            sys.stdout.write(f"Bili sandbox: http://{config.host}:{server.port}/\n")
            sys.stdout.flush()
            try:
                await host.run()
            finally:
                host.changes.close()


def daraja_config(config: SandboxConfig) -> DarajaSideConfig:
    """What Daraja is told of these settings."""
    return DarajaSideConfig(
        consumer_key=config.daraja_consumer_key,
        consumer_secret=config.daraja_consumer_secret,
        shortcode=config.daraja_shortcode,
        passkey=config.daraja_passkey,
        prompt_seconds=config.daraja_prompt_seconds,
    )


def xmlvend_config(config: SandboxConfig) -> XmlVendSideConfig:
    """What the electricity company is told of these settings."""
    return XmlVendSideConfig(
        client_id=config.xmlvend_client_id,
        operator_name=config.xmlvend_operator,
        password=Secret(config.xmlvend_password),
        currency=config.xmlvend_currency,
    )


def twilio_config(config: SandboxConfig) -> TwilioSideConfig:
    """What Twilio is told of these settings."""
    return TwilioSideConfig(
        account_sid=config.twilio_account_sid,
        auth_token=Secret(config.twilio_auth_token),
        whatsapp_from=config.twilio_whatsapp_from,
        sms_from=config.twilio_sms_from,
        webhook_url=config.twilio_webhook_url,
        fallback_url=config.twilio_fallback_url,
        base_url=f"http://{config.host}:{config.port}",
    )


def page_files() -> dict[str, Response]:
    """The page's files by path, read once."""
    files = {f"/page/{file.name}": file for file in PAGE_FOLDER.iterdir() if file.suffix in CONTENT_TYPES}
    return {path: _file(file) for path, file in {"/": PAGE_FOLDER / "index.html", **files}.items()}


def _file(file: Path) -> Response:
    return Response(200, {"content-type": CONTENT_TYPES[file.suffix], **PAGE_HEADERS}, file.read_bytes())


def poll_seconds(request: Request) -> float:
    """The `timeout` of a getUpdates, wherever Telegram takes parameters from: query, form or JSON."""
    query = urlsplit(request.url).query
    content_type = request.headers.get("content-type", "").partition(";")[0]
    if content_type == "application/json":
        return _bounded(_object(request.body).get("timeout"))
    form = request.body.decode(errors="replace") if content_type == "application/x-www-form-urlencoded" else ""
    values = parse_qs(form).get("timeout") or parse_qs(query).get("timeout") or ["0"]
    return _bounded(values[0])


def _bounded(value: object) -> float:
    text = str(value)
    return min(int(text), POLL_SECONDS_MAX) if text.isascii() and text.isdigit() else 0


def _brings_nothing(response: Response) -> bool:
    return response.status == 200 and _object(response.body).get("result") == []


def _object(body: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}

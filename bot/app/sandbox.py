"""The sandbox in the place of the parties that are not set."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot import practice, terms
from bot.clock import RealClock, RealRandom, Tasks
from bot.settings import Settings, SettingsError
from integrations.http import HttpSender, HttpServer

if TYPE_CHECKING:
    from integrations.sandbox.host import SandboxConfig


def say(line: str) -> None:
    """A line for whoever started the program, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def sandbox_config() -> SandboxConfig:
    """The sandbox's own settings, BILI_SANDBOX_…; SettingsError where one is wrong."""
    from integrations.sandbox.host import SandboxConfig

    try:
        return SandboxConfig.from_environment()
    except ValueError as problem:
        raise SettingsError(str(problem)) from None


@asynccontextmanager
async def complete(settings: Settings, *, practising: bool) -> AsyncIterator[Settings]:
    """The settings, in practice with every unset party replaced by a sandbox that runs beside the service."""
    missing = practice.unset(settings)
    if not practising or not missing:
        yield settings
        return
    from integrations.sandbox.host import SandboxHost

    clock, config, tasks = RealClock(), sandbox_config(), Tasks()
    async with HttpSender(clock) as sender:
        host = SandboxHost(config, clock, RealRandom(), sender.send)
        async with HttpServer(host.serve, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.port}"
            whole = practice.practised(settings, config, address)
            host.twilio.webhook_url = f"{terms.callback_base(whole, 'Twilio', address)}/webhooks/twilio/whatsapp"
            tasks.spawn("sandbox", host.run())
            say(f"A sandbox stands in for {' and '.join(missing)}. Its page, with the phone that asks for the PIN:")
            say(f"{address}/")
            try:
                yield whole
            finally:
                host.changes.close()
                await tasks.stop()

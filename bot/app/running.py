"""A whole service over real HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from bot import terms
from bot.app.checks import check
from bot.app.parties import channels, parties
from bot.clock import RealClock, Tasks
from bot.settings import Settings, SettingsError
from integrations.channels.telegram.adapter import Telegram
from integrations.contract.channel import Channel, Inbox
from integrations.contract.exchange import Send
from integrations.contract.seams import Clock
from integrations.http import HttpSender, HttpServer

# What only a running service needs is loaded when one runs: `bili sandbox` and `bili check` begin in half the time.
if TYPE_CHECKING:
    from bot.service import Service


@asynccontextmanager
async def running(settings: Settings, *, practising: bool) -> AsyncIterator[str]:
    """A whole service over real HTTP; yields its own address. Ends in order: intake, calls in flight, the store."""
    from bot.house import enter, open_store, take_over, unlock
    from bot.i18n import Languages
    from bot.service import Outfit, Service
    from bot.store.seal import Seal
    from bot.store.store import sqlite_path

    check(settings)
    clock, tasks, seal = RealClock(), Tasks(), Seal(settings.key(), settings.previous_keys())
    store = await open_store(settings, clock, tasks)
    try:
        await enter(store, "sandbox" if practising else "real")
        await unlock(store, seal)
        if sqlite_path(settings.database_url):
            await take_over(store)
        async with HttpSender(clock) as sender:
            languages, ways = Languages(), channels(settings, sender.send, clock)
            outside = parties(settings, sender.send, clock, seal, languages)
            fees = terms.fees_of(settings)
            service = Service(Outfit(outside, fees, ways, languages, store, tasks, practising))
            server = await _listening(service, settings)
            try:
                service.start()
                _hear(settings, ways, service, sender.send, clock, practising=practising)
                yield terms.own_address(settings)
            finally:
                await server.stop()
                await service.drain()
                await tasks.stop()
    finally:
        await tasks.stop()
        await store.close()


async def _listening(service: Service, settings: Settings) -> HttpServer:
    server = HttpServer(service.serve, settings.host, settings.port, trusted_hops=settings.proxy_hops)
    try:
        await server.start()
    except OSError as error:
        await server.stop()
        raise SettingsError(
            f"BILI_HOST, BILI_PORT: nobody can listen there ({os.strerror(error.errno or 0)})"
        ) from None
    return server


def _hear(
    settings: Settings, ways: Mapping[str, Channel], service: Service, send: Send, clock: Clock, *, practising: bool
) -> None:
    """What each channel needs besides its webhook and its outbox."""
    from bot.app.telegram import hear
    from bot.app.templates import practise
    from bot.catch_up import CatchUp

    tasks = service.outfit.tasks
    for name, channel in ways.items():
        if isinstance(channel, Telegram):
            tasks.keep(name, partial(hear, settings, channel, service, send, clock))
        if isinstance(channel, Inbox):
            catch_up = CatchUp(channel, service.ingress, service.outfit.store, clock, settings.business_time_zone)
            tasks.keep(f"{name}.catch_up", catch_up.run)
    if practising and settings.twilio_content_api_url:
        tasks.spawn("templates", practise(settings, send, clock))

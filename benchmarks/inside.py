"""The real service and the crowd in one process, with no HTTP between them: what our own code and the database cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from benchmarks import crowd
from benchmarks.cpu import Apart
from benchmarks.crowd import Acted, Crowd
from bot import app, terms
from bot.clock import RealClock, Tasks
from bot.i18n import Languages
from bot.service import Outfit, Service
from bot.settings import Settings
from bot.store.seal import Seal
from bot.store.store import Store
from integrations.contract.exchange import Request, Send, Sent
from integrations.contract.seams import Clock

#: Names only; nothing listens there.
SERVICE, CROWD = "http://127.0.0.1:8080", "http://127.0.0.1:8090"


@dataclass
class Inside:
    """A crowd, and what it and its far sides cost in the process they share with the service."""

    crowd: Crowd
    aside: Apart

    async def act(self, name: str, people: int) -> tuple[Acted, float]:
        """Let people act; also the processor seconds of everything that is not the crowd."""
        before = self.aside.seconds
        acted = await self.crowd.act(name, people)
        return acted, acted.process_cpu_seconds - (self.aside.seconds - before)


@asynccontextmanager
async def inside(database_url: str, *, strangers: int = 0) -> AsyncIterator[Inside]:
    """A service on this database, its loops running as in `bili serve`, and a crowd that has nobody in it yet.

    `strangers` is how many people the database knows from an earlier crowd; none of them comes again.
    """
    clock, tasks, aside = RealClock(), Tasks(), Apart()
    store = await Store.open(database_url, clock, tasks.spawn)

    async def to_service(request: Request, _deadline: float) -> Sent:
        return await service.serve(_within(request))

    async def to_crowd(request: Request, _deadline: float) -> Sent:
        return await aside.run(people.serve(_within(request)))

    people = Crowd(to_service, tasks, aside.run, strangers)
    service = Service(_outfit(to_crowd, clock, tasks, store))
    try:
        service.start()
        await people.serve(_set_webhook())
        yield Inside(people, aside)
        await service.drain()
    finally:
        await tasks.stop()
        await store.close()


def _settings() -> Settings:
    """Without a look at the environment or at `bili.toml`."""
    return Settings.model_construct(**crowd.settings(SERVICE, CROWD))


def _outfit(send: Send, clock: Clock, tasks: Tasks, store: Store) -> Outfit:
    settings, languages = _settings(), Languages()
    parties = app.parties(settings, send, clock, Seal(settings.key()), languages)
    return Outfit(parties, terms.fees_of(settings), app.channels(settings, send, clock), languages, store, tasks)


def _within(request: Request) -> Request:
    """A request as the other end receives it: by its path."""
    parts = urlsplit(request.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Request(request.method, path, request.headers, request.body, "127.0.0.1")


def _set_webhook() -> Request:
    arguments = {"url": f"{SERVICE}/webhooks/telegram", "secret_token": _settings().webhook_secret().reveal()}
    headers = {"content-type": "application/json"}
    return Request("POST", f"/bot{crowd.TELEGRAM_TOKEN}/setWebhook", headers, orjson.dumps(arguments))

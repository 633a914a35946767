"""The running service: the loops, and what is served over HTTP. It knows parties by protocol only."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from bot import metrics
from bot.clock import Tasks
from bot.conversations import Thinker, Turns
from bot.delivery import Sender
from bot.housekeeping import Housekeeping
from bot.i18n import Languages
from bot.lookups import LookupWorker
from bot.outbox import OutboxWorker
from bot.payments.fees import Fees
from bot.payments.parties import Parties
from bot.payments.worker import PaymentWorker
from bot.store.store import Store
from bot.undelivered import SMS
from bot.web.ingress import Ingress
from bot.work import WorkLoop
from flows.catalogue import FLOWS
from integrations.contract.channel import Channel
from integrations.contract.exchange import Request, Response, json_response

log = structlog.get_logger()

#: How many rows of each kind are acted upon at a time. A slow utility keeps its own slots, not the outbox's.
PAYMENT_SLOTS = 64
LOOKUP_SLOTS = 32
OUTBOX_SLOTS = 64

#: How long work begun may take to end when the service is stopped (F-140).
DRAIN_SECONDS = 20.0
DRAIN_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Outfit:
    """What a service is made of. `practice` marks every message as play."""

    parties: Parties
    fees: Fees
    channels: Mapping[str, Channel]
    languages: Languages
    store: Store
    tasks: Tasks
    practice: bool = False


class Service:
    """Ingress, turns, lookups, payments, outbox and housekeeping over one store."""

    def __init__(self, outfit: Outfit) -> None:
        self.outfit = outfit
        parties, store, clock, spawn = outfit.parties, outfit.store, outfit.parties.clock, outfit.tasks.spawn
        self.ingress = Ingress(outfit.channels, parties, outfit.languages, store)
        numbering = frozenset(name for name, channel in outfit.channels.items() if channel.limits.numbers_choices)
        self.turns = Turns(Thinker(FLOWS, parties, outfit.languages), store, numbering)
        sender = Sender(outfit.languages, parties.seal, clock, parties.trade.zone, practice=outfit.practice)
        self.payments = WorkLoop(PaymentWorker(parties, store), store, clock, spawn, PAYMENT_SLOTS)
        self.lookups = WorkLoop(
            LookupWorker(parties, outfit.fees, store, outfit.channels, spawn), store, clock, spawn, LOOKUP_SLOTS
        )
        # One loop a channel: what is slow, or paced, on one keeps nobody waiting on another.
        self.outboxes = {
            name: WorkLoop(
                OutboxWorker(channel, sender, store, clock, sms=SMS in outfit.channels),
                store,
                clock,
                spawn,
                OUTBOX_SLOTS,
            )
            for name, channel in outfit.channels.items()
        }
        self.housekeeping = Housekeeping(store, parties, outfit.tasks)
        self._bells = {
            "input": (self.turns.bell,), "work": (self.lookups.bell,), "payment": (self.payments.bell,),
            "outbox": tuple(loop.bell for loop in self.outboxes.values()),
        }  # fmt: skip

    @property
    def loops(self) -> tuple[WorkLoop[Any], ...]:
        """Everything that acts on what is due."""
        return (self.lookups, self.payments, *self.outboxes.values())

    def start(self) -> None:
        """Begin the loops. Whatever was open when the last run ended is due already, and goes on."""
        self.outfit.store.writer.after_commit(self._ring)
        loops: dict[str, Callable[[], Coroutine[object, object, None]]] = {
            "turns": self.turns.run, "lookups": self.lookups.run, "payments": self.payments.run,
            "housekeeping": self.housekeeping.run,
            **{f"outbox.{name}": loop.run for name, loop in self.outboxes.items()},
        }  # fmt: skip
        for name, loop in loops.items():
            self.outfit.tasks.keep(name, loop)

    async def drain(self) -> None:
        """Let calls in flight end, so that their answers are stored; the rest is asked about after a restart."""
        loops = self.loops
        for loop in loops:
            loop.slots = 0
        clock = self.outfit.parties.clock
        deadline = clock.monotonic() + DRAIN_SECONDS
        while any(loop.busy for loop in loops) and clock.monotonic() < deadline:
            await clock.sleep(DRAIN_LOOK_SECONDS)

    async def serve(self, request: Request) -> Response:
        """Answer one request: health and metrics here, everything else by the ingress."""
        match request.method, request.url.partition("?")[0]:
            case "GET", "/healthz":
                return json_response(b'{"alive":true}')
            case "GET", "/readyz":
                return await self._ready()
            case "GET", "/metrics":
                return Response(200, {"content-type": "text/plain; version=0.0.4"}, metrics.exposition())
            case _:
                return await self.ingress.serve(request)

    async def _ready(self) -> Response:
        """Whether the store answers. Restarts of loops are shown, not judged: they are supervised."""
        try:
            await self.outfit.store.read(lambda sql: sql.rows("SELECT 1 AS one"))
        except Exception:
            log.exception("ready.store")
            return json_response(b'{"ready":false}', 503)
        return json_response(orjson.dumps({"ready": True, "restarts": self.outfit.tasks.restarts}))

    def _ring(self, tables: frozenset[str]) -> None:
        for table in tables & self._bells.keys():
            for bell in self._bells[table]:
                bell.ring()

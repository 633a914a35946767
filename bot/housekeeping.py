"""What is looked at each minute: unanswered texts that may be PINs are blanked, gauges are set."""

from __future__ import annotations

from typing import Any

from bot import inputs, metrics
from bot.clock import Tasks
from bot.payments.parties import Parties
from bot.store.change import Change, Sql, Update
from bot.store.store import Store
from flows.understand import looks_like_pin
from integrations.contract.message import Typed

EVERY_SECONDS = 60.0

#: A text that looks like a PIN is not kept longer than this, answered or not (S-45).
UNANSWERED_PIN_MS = 900_000

_UNANSWERED = "SELECT id, body_sealed FROM input WHERE state < 2 AND kind = 'message' AND stored_at < :before LIMIT 500"
_STATES = "SELECT state, count(*) AS count, min(confirmed_at) AS oldest FROM payment GROUP BY state"
_CASES = "SELECT queue, count(*) AS count FROM trouble_case WHERE open_key IS NOT NULL GROUP BY queue"

SETTLED = frozenset({"vended", "refunded", "declined", "expired"})


class Housekeeping:
    """The minute's round."""

    def __init__(self, store: Store, parties: Parties, tasks: Tasks) -> None:
        self.store = store
        self.parties = parties
        self.tasks = tasks

    async def run(self) -> None:
        """For ever."""
        while True:
            await self.round()
            await self.parties.clock.sleep(EVERY_SECONDS)

    async def round(self) -> None:
        """Once."""
        now = int(self.parties.clock.now().timestamp() * 1000)
        await self._blank_pins(now)
        states, cases = await self.store.read(lambda sql: (sql.rows(_STATES), sql.rows(_CASES)))
        metrics.PAYMENTS.clear()  # a state that nobody is in any more has no row
        metrics.CASES.clear()
        for row in states:
            metrics.PAYMENTS.labels(row["state"]).set(row["count"])
        open_since = [row["oldest"] for row in states if row["state"] not in SETTLED]
        metrics.OLDEST.set((now - min(open_since)) / 1000 if open_since else 0)
        for row in cases:
            metrics.CASES.labels(row["queue"]).set(row["count"])
        for loop, count in self.tasks.restarts.items():
            metrics.RESTARTS.labels(loop).set(count)

    async def _blank_pins(self, now: int) -> None:
        def read(sql: Sql) -> list[dict[str, Any]]:
            return sql.rows(_UNANSWERED, before=now - UNANSWERED_PIN_MS)

        seal = self.parties.seal
        blank = {"body_sealed": inputs.sealed_content(seal, inputs.BLANKED)}
        suspects = [
            row["id"] for row in await self.store.read(read) if _may_be_pin(inputs.heard(seal, _as_input(row)).what)
        ]
        if suspects:
            await self.store.write(Change(updates=tuple(Update("input", row_id, blank) for row_id in suspects)))


def _as_input(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "kind": "message", "stored_at": 0}


def _may_be_pin(what: object) -> bool:
    return isinstance(what, Typed) and looks_like_pin(what.text, expects_number=False)

"""Asking a channel for what people wrote, where a webhook that was lost is not sent again.

Once when the service starts, because nothing that came while it was down is repeated, and then every night. What is
already here is passed over by its id; what is not is stored as of the time it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.metrics import INPUTS
from bot.store.change import Change, Insert, Sql, StoreUnavailable, Update
from bot.store.store import Store
from bot.web.ingress import Ingress
from integrations.contract.channel import Inbox
from integrations.contract.message import Received
from integrations.contract.seams import Clock

log = structlog.get_logger()

#: When it is done, by the clock of the business: an hour in which hardly anybody writes.
NIGHT_HOUR = 3
#: The first look goes back so far, and each further one so much before the last.
FIRST_LOOK = timedelta(days=1)
OVERLAP = timedelta(minutes=10)
#: How long one look may take, and the wait after one that failed.
LOOK_SECONDS = 600.0
TROUBLE_SECONDS = 600.0

_KNOWN = "SELECT external_id FROM input WHERE channel = :channel AND external_id IN {ids}"


class CatchUp:
    """The looks at one channel's inbox."""

    def __init__(self, channel: Inbox, ingress: Ingress, store: Store, clock: Clock, zone: str) -> None:
        self.channel = channel
        self.ingress = ingress
        self.store = store
        self.clock = clock
        self.zone = ZoneInfo(zone)
        self._mark = f"looked at {channel.name}"

    async def run(self) -> None:
        """For ever."""
        while True:
            done = await self._tried()
            await self.clock.sleep(self.until_night() if done else TROUBLE_SECONDS)

    async def _tried(self) -> bool:
        try:
            return await self.look()
        except StoreUnavailable:
            return False

    def until_night(self) -> float:
        """The seconds until the next look."""
        now = self.clock.now().astimezone(self.zone)
        night = now.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
        # By the calendar, so that a night is a night where clocks are put forward.
        night += timedelta(days=1) if night <= now else timedelta()
        return (night.astimezone(UTC) - self.clock.now()).total_seconds()

    async def look(self) -> bool:
        """Once. False when the channel did not answer or what it said could not be stored."""
        began = self.clock.now()
        found = await self.channel.written_since(await self._since(began), self.clock.monotonic() + LOOK_SECONDS)
        if not isinstance(found, list):
            log.warning("catch_up.no_answer", channel=self.channel.name, why=found.cause)
            return False
        missed = await self._missed(found)
        if missed and not await self.ingress.keep(self.channel, missed):
            return False
        if missed:
            log.warning("catch_up.missed", channel=self.channel.name, messages=len(missed))
            INPUTS.labels(self.channel.name, "missed").inc(len(missed))
        await self._looked(began)
        return True

    async def _missed(self, found: Sequence[Received]) -> list[Received]:
        """Those that no webhook brought."""
        if not found:
            return []

        def read(sql: Sql) -> set[str]:
            rows = sql.rows_in(_KNOWN, [one.external_id for one in found], channel=self.channel.name)
            return {row["external_id"] for row in rows}

        known = await self.store.read(read)
        return [one for one in found if one.external_id not in known]

    async def _since(self, now: datetime) -> datetime:
        def read(sql: Sql) -> list[str]:
            return [row["value"] for row in sql.rows("SELECT value FROM house WHERE name = :name", name=self._mark)]

        last = await self.store.read(read)
        return datetime.fromtimestamp(int(last[0]) / 1000, UTC) - OVERLAP if last else now - FIRST_LOOK

    async def _looked(self, at: datetime) -> None:
        value = str(int(at.timestamp() * 1000))
        begun = Insert("house", {"name": self._mark, "value": value}, or_ignore=True)
        await self.store.write(Change(inserts=(begun,), updates=(Update("house", self._mark, {"value": value}),)))

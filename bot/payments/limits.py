"""How often a phone may be prompted (S-43), evaluated when a price is asked and again when the attempt is committed.

The customer's own proven phone is theirs to ring; anybody else's is guarded by strict caps counted across all senders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Held(Enum):
    """Why a prompt is not sent now."""

    LIVE = "live"
    HOUR = "hour"
    DAY = "day"
    TARGETS = "targets"
    QUIET = "quiet"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Caps:
    """Prompts a phone may get from anybody, by whether it is the sender's own; quiet hours are local, from and to."""

    own_hour: int = 10
    own_day: int = 30
    other_hour: int = 2
    other_day: int = 4
    targets_day: int = 3
    quiet_from_hour: int = 21
    quiet_to_hour: int = 7


@dataclass(frozen=True, slots=True)
class Counts:
    """What was sent to a phone before, and by this sender to others."""

    live: int
    hour: int
    day: int
    targets: int
    blocked: bool

    @classmethod
    def of(cls, row: dict[str, Any]) -> Counts:
        """From a row of `COUNTS`."""
        return cls(row["live"], row["hour"], row["day"], row["targets"], bool(row["blocked"]))


#: Every committed attempt counts; `payment` is the one being judged, '' for none yet.
COUNTS = """
SELECT
  (SELECT count(*) FROM payment WHERE live_payer = :payer AND id <> :payment) AS live,
  (SELECT count(*) FROM attempt WHERE payer_hash = :payer AND created_at > :now - 3600000)
    AS hour,
  (SELECT count(*) FROM attempt WHERE payer_hash = :payer AND created_at > :now - 86400000)
    AS day,
  (SELECT count(DISTINCT p.payer_hash) FROM payment p
    WHERE p.customer_id = :customer AND p.payer_hash <> :payer AND p.payer_own = 0 AND p.confirmed_at > :now - 86400000
    AND (EXISTS (SELECT 1 FROM attempt a WHERE a.payment_id = p.id) OR (p.state = 'confirmed' AND p.id < :payment)))
    AS targets,
  (SELECT count(*) FROM customer WHERE phone_hash = :payer AND stopped = 1 AND id <> :customer) AS blocked
"""


def held(caps: Caps, counts: Counts, *, own: bool, at: datetime, zone: str) -> Held | None:
    """Why this phone may not be prompted now; None when it may. `at` is aware."""
    if counts.live:
        return Held.LIVE
    if counts.hour >= (caps.own_hour if own else caps.other_hour):
        return Held.HOUR
    if counts.day >= (caps.own_day if own else caps.other_day):
        return Held.DAY
    if own:
        return None
    if counts.blocked:
        return Held.BLOCKED
    if counts.targets >= caps.targets_day:
        return Held.TARGETS
    hour = at.astimezone(ZoneInfo(zone)).hour
    quiet = hour >= caps.quiet_from_hour or hour < caps.quiet_to_hour
    return Held.QUIET if quiet else None

"""What leaves, in order: rows are written with the change that caused them, and sent by one loop for each channel.

Order per customer is the row id: a row is claimed only when no lower unsent one of that customer exists. Questions and
money facts are at least once; only a `say` that something newer overtook, or a question after which another was asked,
may be dropped, and only when its first try ended without an answer. Where a channel's pace is the limit, receipts go
first. What is sent, and what follows when it does not arrive, are `delivery.py` and `undelivered.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from bot.delivery import CANNOT_RENDER, Dropped, Knocked, NoDoor, Parcel, Sender, Sent, Waits
from bot.metrics import SENDS
from bot.store.change import Change, Insert, Sql, Update
from bot.store.seal import Seal
from bot.store.store import Store
from bot.undelivered import again, case, done, stand_in, waits
from bot.work import SCAN_SECONDS, Deadline, Lease
from flows.text import Body, Text, body_to_json, to_json
from integrations.contract.channel import Channel, Limits
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import BAD_TOKEN, Delivered, Gone, Malformed, Throttled
from integrations.contract.seams import Clock

SEND_AGAIN_FIRST_MS = 2_000
SEND_AGAIN_MOST_MS = 300_000
#: After so many tries a person is told; the message keeps being tried.
TRIES_BEFORE_CASE = 12

#: Who goes first when there is more to send than may be sent.
RANKS: Final = {"receipt": 0, "fact": 1, "question": 1, "say": 2}
#: Receipts may run so much further ahead of the pace to one person than anything else.
RECEIPT_BURSTS = 2

#: Ids of other messages that a look-up passes over are those of at most so long before the try it is about.
KNOWN_MS = 86_400_000

Buttons = tuple[tuple[str, Text], ...]


def message_row(
    seal: Seal,
    *,
    customer_id: str,
    conversation_id: str,
    kind: str,
    body: Body,
    now: int,
    buttons: Buttons = (),
    share_phone: Text | None = None,
    thread: str | None = None,
    place: str | None = None,
    payment_id: str | None = None,
) -> Insert:
    """A message to be sent. It is rendered when it leaves, in the language its reader has then."""
    content = {
        "body": body_to_json(body),
        "buttons": [[data, to_json(label)] for data, label in buttons],
        "share": to_json(share_phone) if share_phone else None,
    }
    return Insert(
        "outbox",
        {
            "customer_id": customer_id,
            "conversation_id": conversation_id,
            "kind": kind,
            "rank": RANKS[kind],
            "body_sealed": seal.seal(orjson.dumps(content).decode(), "outbox.body"),
            "thread": thread,
            "place": place,
            "payment_id": payment_id,
            "offers": int(bool(buttons)),
            "created_at": now,
            "due_at": now,
        },
    )


# --- how messages are taken

#: Conditions on a conversation stand in a subquery, so that taking a message locks no conversation. Chat that waits
#: for the person does not keep a message about money from knocking; once they wrote, all of it goes in order.
_READY = """
FROM outbox o
WHERE o.done = 0 AND {state} AND o.due_at <= :now AND o.lease_until <= :now AND o.via IN ('', :channel)
  AND EXISTS (SELECT 1 FROM conversation c WHERE c.id = o.conversation_id AND (o.via <> '' OR c.channel = :channel)
    AND (o.knocked_at <= 0 OR c.heard_at > :open_since)
    AND (o.via <> '' OR c.paced_until <= :paced_until
      OR (c.paced_until <= :receipts_until AND EXISTS (SELECT 1 FROM outbox r
        WHERE r.customer_id = o.customer_id AND r.via = o.via AND r.done = 0 AND r.kind = 'receipt')))
    AND NOT EXISTS (SELECT 1 FROM outbox e
      WHERE e.customer_id = o.customer_id AND e.via = o.via AND e.done = 0 AND e.id < o.id
        AND NOT (e.knocked_at > 0 AND c.heard_at <= :open_since
          AND e.kind IN ('say', 'question') AND o.kind IN ('receipt', 'fact'))))
"""
_NEW = _READY.replace("{state}", "o.knocked_at <= 0")
_WAITING = _READY.replace("{state}", "o.knocked_at > 0")
_TAKE = """
WITH taken AS MATERIALIZED (SELECT o.id {ready} ORDER BY o.rank, o.due_at, o.id LIMIT :slots {skip_locked})
UPDATE outbox SET lease_until = :until, fence = fence + 1, tries = tries + 1,
  tried_at = CASE WHEN tried_at = 0 THEN :now ELSE tried_at END
WHERE id IN (SELECT id FROM taken) RETURNING *
""".replace("{ready}", _NEW)
_DUE = f"SELECT 1 AS one WHERE EXISTS (SELECT 1 {_NEW}) OR EXISTS (SELECT 1 {_WAITING})"

#: What waits for people may come to be very much, so it is in an index of its own and looked at once a second. What
#: they wrote since is marked in the same column.
_WAKE = """
WITH woken AS MATERIALIZED (SELECT o.id FROM outbox o
  WHERE o.done = 0 AND o.knocked_at > 0 AND o.lease_until <= :now
    AND EXISTS (SELECT 1 FROM conversation c
      WHERE c.id = o.conversation_id AND c.channel = :channel AND c.heard_at > :open_since) {skip_locked})
UPDATE outbox SET knocked_at = -knocked_at WHERE id IN (SELECT id FROM woken)
"""
#: What stands before a receipt of the same customer goes as early as the receipt.
_HURRY = """
WITH before AS MATERIALIZED (SELECT o.id FROM outbox o WHERE o.rank > 0 AND o.id IN
  (SELECT e.id FROM outbox r JOIN outbox e ON e.customer_id = r.customer_id AND e.done = 0 AND e.id < r.id
     AND e.via = r.via AND e.rank > 0
   WHERE r.done = 0 AND r.knocked_at <= 0 AND r.rank = 0 AND r.kind = 'receipt') {skip_locked})
UPDATE outbox SET rank = 0 WHERE id IN (SELECT id FROM before)
"""

_WHERE_TO = """
SELECT o.id, c.channel, c.address, c.heard_at, c.paced_until, p.language, p.phone_sealed,
  (SELECT e.external_id FROM outbox e WHERE e.conversation_id = o.conversation_id AND e.thread = o.thread
     AND e.id < o.id AND e.external_id IS NOT NULL ORDER BY e.id DESC LIMIT 1) AS edits,
  (SELECT count(*) FROM outbox n WHERE n.customer_id = o.customer_id AND n.done = 0 AND n.id > o.id
     AND (o.kind = 'say' OR n.kind = 'question')) AS newer,
  (SELECT y.code FROM payment y WHERE y.id = o.payment_id) AS code
FROM outbox o JOIN conversation c ON c.id = o.conversation_id JOIN customer p ON p.id = o.customer_id
WHERE o.id IN {ids}
"""
_KNOWN = """
SELECT conversation_id, external_id FROM outbox
WHERE conversation_id IN {ids} AND external_id IS NOT NULL AND created_at > :since
"""
#: What came back undelivered is not what an earlier try delivered, though it has the same words.
_CAME_BACK = """
SELECT o.conversation_id, r.external_id FROM message_report r JOIN outbox o ON o.id = r.outbox_id
WHERE r.outbox_id IN {ids} AND r.status = 'undelivered'
"""


@dataclass(frozen=True, slots=True)
class OutboxClaim:
    """Takes the head message of each customer on one channel."""

    lease: Lease
    slots: int
    channel: str
    limits: Limits
    #: Whether to look at what waits for people, and before receipts, too.
    waiting: bool = True

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        now = sql.now()
        moment = _moment(now, self.channel, self.limits)
        if self.waiting:
            woken = {name: moment[name] for name in ("now", "channel", "open_since")}
            sql.rows(_WAKE.format(skip_locked=sql.skip_locked), **woken)
            sql.rows(_HURRY.format(skip_locked=sql.skip_locked))
        statement = _TAKE.format(skip_locked=sql.skip_locked)
        rows = sql.rows(statement, until=now + self.lease.length_ms, slots=self.slots, **moment)
        if not rows:
            return []
        places = {row["id"]: row for row in sql.rows_in(_WHERE_TO, [row["id"] for row in rows])}
        known = self._known(sql, [row for row in rows if row["tried_at"] < now], now)
        return [
            {**row, **places[row["id"]], "known": known.get(row["conversation_id"], frozenset()), "now": now}
            for row in sorted(rows, key=lambda row: (row["rank"], row["due_at"], row["id"]))
        ]

    def _known(self, sql: Sql, rows: list[dict[str, Any]], now: int) -> dict[str, frozenset[str]]:
        """The channel's ids of other messages, for those whose earlier try may have been sent."""
        if not rows:
            return {}
        since = min([now, *(row["tried_at"] for row in rows)]) - KNOWN_MS
        found: dict[str, set[str]] = {}
        known = sql.rows_in(_KNOWN, [row["conversation_id"] for row in rows], since=since)
        for row in known + sql.rows_in(_CAME_BACK, [row["id"] for row in rows]):
            found.setdefault(row["conversation_id"], set()).add(row["external_id"])
        return {conversation: frozenset(ids) for conversation, ids in found.items()}

    def plan(self, row: dict[str, Any]) -> tuple[Parcel, Change]:
        return Parcel.of(row), Change()

    def push_back(self, row: dict[str, Any]) -> Change:
        later = row["now"] + SEND_AGAIN_MOST_MS
        return Change(updates=(Update("outbox", row["id"], {"due_at": later, "tries": row["tries"] + 1}),))


def _moment(now: int, channel: str, limits: Limits) -> dict[str, int | str]:
    """What `_READY` is asked with."""
    ahead = int(limits.recipient_seconds * 1000) * (limits.recipient_burst - 1)
    return {
        "now": now,
        "channel": channel,
        "open_since": now - (limits.window_seconds or 0) * 1000,
        "paced_until": now + ahead,
        "receipts_until": now + RECEIPT_BURSTS * ahead,
    }


# --- the loop of one channel


class Pace:
    """How many messages one sender may still send now: so many a second, and no more than that at once."""

    def __init__(self, per_second: int, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._left = float(per_second)
        self._at = clock.monotonic()

    def room(self, wanted: int) -> int:
        """As many of `wanted` as may go now."""
        if not self._per_second:
            return wanted
        now = self._clock.monotonic()
        self._left = min(float(self._per_second), self._left + (now - self._at) * self._per_second)
        self._at = now
        return max(0, min(wanted, int(self._left)))

    def spend(self) -> None:
        """One is being sent."""
        self._left -= 1

    def give_back(self) -> None:
        """Nothing was sent after all."""
        self._left += 1


class OutboxWorker:
    """The worker of one channel's messages. `sms` says whether there is a channel that can stand in."""

    def __init__(self, channel: Channel, sender: Sender, store: Store, clock: Clock, *, sms: bool = False) -> None:
        self.name = f"outbox.{channel.name}"
        self.channel = channel
        self.sender = sender
        self.store = store
        self.clock = clock
        self.sms = sms
        self.pace = Pace(channel.limits.per_second, clock)
        self.lease = Lease.for_calls_of(channel.timeout_seconds)
        self._looked = float("-inf")

    def claim(self, slots: int) -> OutboxClaim:
        slots, now = self.pace.room(slots), self.clock.monotonic()
        waiting = slots > 0 and now - self._looked >= SCAN_SECONDS
        if waiting:
            self._looked = now
        return OutboxClaim(self.lease, slots, self.channel.name, self.channel.limits, waiting)

    def due(self, sql: Sql) -> bool:
        return bool(sql.rows(_DUE, **_moment(sql.now(), self.channel.name, self.channel.limits)))

    async def work(self, plan: Parcel, deadline: Deadline) -> None:
        """Send one message and store what became of it. A fence that is old writes nothing."""
        self.pace.spend()
        outcome = await self.sender.send(self.channel, plan, deadline)
        if isinstance(outcome, Dropped | Waits):
            self.pace.give_back()
        SENDS.labels(self.channel.name, type(outcome).__name__.lower()).inc()
        now = int(self.clock.now().timestamp() * 1000)
        change = finish(plan, outcome, now, sms=self.sms)
        await self.store.write(change + _paced(plan, outcome, self.channel.limits, now))


def finish(parcel: Parcel, outcome: Sent, now: int, *, sms: bool) -> Change:
    """What a send's outcome writes."""
    match outcome:
        case Dropped(reason):
            return done(parcel, f"dropped: {reason}")
        case Delivered(external_id):
            return done(parcel, "delivered", external_id=external_id) + _shown(parcel, now)
        case Knocked() | Waits():
            return waits(parcel, type(outcome).__name__.lower(), now)
        case NoDoor(reason):
            return _around(parcel, reason, now, sms=sms)
        case Gone(reason):
            return done(parcel, f"gone: {reason}") + _gone(parcel, now, sms=sms)
        case Malformed(reason) if reason == BAD_TOKEN:
            # A receipt must outlive a token that was revoked by mistake.
            return _again(parcel, reason, SEND_AGAIN_MOST_MS, now, sent=False)
        case Malformed(reason):
            wrong = case(parcel, "message_malformed", now)
            wrong += _instead(parcel, now, sms=sms and reason != CANNOT_RENDER)
            return done(parcel, f"malformed: {reason}") + wrong
        case Throttled(seconds):
            return _again(parcel, f"throttled {seconds}", int(seconds * 1000), now, sent=False)
        case NotSent(cause):
            return _again(parcel, cause, _wait(parcel), now, sent=False)
        case Unknown(cause):
            return _again(parcel, cause, _wait(parcel), now, sent=True)


def _around(parcel: Parcel, why: str, now: int, *, sms: bool) -> Change:
    """The window is shut and there is no knocking: by SMS, else it waits and a person knows."""
    instead = stand_in(parcel, now) if sms else None
    if instead is not None:
        return done(parcel, f"by SMS: {why}") + instead
    return waits(parcel, why, now) + case(parcel, "message_waits", now)


def _gone(parcel: Parcel, now: int, *, sms: bool) -> Change:
    """This person is not reached here. What is about money goes by SMS, and a receipt that cannot is a person's."""
    if parcel.via:
        return case(parcel, "message_undelivered", now)
    away = Change(updates=(Update("conversation", parcel.conversation_id, {"reachable": 0}),))
    instead = stand_in(parcel, now) if sms else None
    if instead is None and parcel.kind == "receipt":
        instead = case(parcel, "message_undelivered", now)
    return away + (instead or Change())


def _instead(parcel: Parcel, now: int, *, sms: bool) -> Change:
    return (stand_in(parcel, now) if sms else None) or Change()


def _wait(parcel: Parcel) -> int:
    return int(min(SEND_AGAIN_FIRST_MS * 2 ** min(parcel.tries, 12), SEND_AGAIN_MOST_MS))


def _again(parcel: Parcel, why: str, wait_ms: int, now: int, *, sent: bool) -> Change:
    """Once more, later. `sent`: this try may have reached the channel, so the next one looks for it first."""
    tried = {} if sent or parcel.tried_before else {"tried_at": 0}
    stuck = case(parcel, "message_stuck", now) if parcel.tries == TRIES_BEFORE_CASE else Change()
    return again(parcel, why, now + wait_ms, **tried) + stuck


def _shown(parcel: Parcel, now: int) -> Change:
    """A question reached the person: what they type from now on can be its answer."""
    if parcel.place is None:
        return Change()
    stamp = Update(
        "conversation", parcel.conversation_id, {"shown_at": now}, only_if={"asked": parcel.place, "shown_at": 0}
    )
    return Change(updates=(stamp,))


def _paced(parcel: Parcel, outcome: Sent, limits: Limits, now: int) -> Change:
    """What was sent, or may have been, counts towards the pace to this person."""
    interval = int(limits.recipient_seconds * 1000)
    if not interval or parcel.via or not isinstance(outcome, Delivered | Unknown | Knocked):
        return Change()
    until = max(now, parcel.paced_until) + interval
    return Change(updates=(Update("conversation", parcel.conversation_id, {"paced_until": until}),))

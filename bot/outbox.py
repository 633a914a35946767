"""What leaves, in order: rows are written with the change that caused them, and sent by one loop.

Order per customer is the row id: a row is claimed only when no lower unsent one of that customer exists. Questions and
money facts are at least once; only a `say` that something newer overtook, or a question after which another was asked,
may be dropped, and only when its first try ended without an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
import structlog

from bot import faults
from bot.i18n import Languages
from bot.metrics import SENDS
from bot.store.change import Change, Guard, Insert, Sql, Update
from bot.store.seal import Seal
from bot.store.store import Store
from bot.work import Deadline, Lease
from flows.text import BLANK, Body, T, Text, body_from_json, body_to_json, from_json, to_json
from integrations.contract.channel import Channel
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import BAD_TOKEN, Button, Delivered, Gone, Malformed, Message, Sending, Throttled
from integrations.contract.seams import Clock

log = structlog.get_logger()

SEND_AGAIN_FIRST_MS = 2_000
SEND_AGAIN_MOST_MS = 300_000
#: After so many tries a person is told; the message keeps being tried.
TRIES_BEFORE_CASE = 12

#: Stands under every message where a sandbox takes the place of a real party.
PRACTICE: Body = (BLANK, T("(Practice: no real money moves.)"))

Buttons: TypeAlias = "tuple[tuple[str, Text], ...]"


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
            "body_sealed": seal.seal(orjson.dumps(content).decode(), "outbox.body"),
            "thread": thread,
            "place": place,
            "payment_id": payment_id,
            "done": 0,
            "outcome": "",
            "external_id": None,
            "created_at": now,
            "due_at": now,
            "lease_until": 0,
            "fence": 0,
            "tries": 0,
        },
    )


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed message, with where it goes and what it replaces."""

    id: int
    fence: int
    tries: int
    kind: str
    customer_id: str
    conversation_id: str
    payment_id: str | None
    thread: str | None
    place: str | None
    channel: str
    address: str
    language: str
    body_sealed: str
    edits: str | None
    overtaken: bool


_TAKE = """
WITH taken AS MATERIALIZED (
  SELECT o.id FROM outbox o
  WHERE o.done = 0 AND o.due_at <= :now AND o.lease_until <= :now
    AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.customer_id = o.customer_id AND e.done = 0 AND e.id < o.id)
  ORDER BY o.due_at, o.id LIMIT :slots {skip_locked}
)
UPDATE outbox SET lease_until = :until, fence = fence + 1, tries = tries + 1
WHERE id IN (SELECT id FROM taken) RETURNING *
"""

_DUE = "SELECT 1 AS one FROM outbox WHERE done = 0 AND due_at <= :now AND lease_until <= :now LIMIT 1"

_WHERE_TO = """
SELECT o.id, c.channel, c.address, p.language,
  (SELECT e.external_id FROM outbox e WHERE e.conversation_id = o.conversation_id AND e.thread = o.thread
     AND e.id < o.id AND e.external_id IS NOT NULL ORDER BY e.id DESC LIMIT 1) AS edits,
  (SELECT count(*) FROM outbox n WHERE n.customer_id = o.customer_id AND n.done = 0 AND n.id > o.id
     AND (o.kind = 'say' OR n.kind = 'question')) AS newer
FROM outbox o JOIN conversation c ON c.id = o.conversation_id JOIN customer p ON p.id = o.customer_id
WHERE o.id IN {ids}
"""


@dataclass(frozen=True, slots=True)
class OutboxClaim:
    """Takes the head message of each customer."""

    lease: Lease
    slots: int

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        now = sql.now()
        statement = _TAKE.format(skip_locked=sql.skip_locked)
        rows = sql.rows(statement, now=now, until=now + self.lease.length_ms, slots=self.slots)
        if not rows:
            return []
        places = {row["id"]: row for row in sql.rows_in(_WHERE_TO, [row["id"] for row in rows])}
        return [{**row, **places[row["id"]], "now": now} for row in sorted(rows, key=lambda row: int(row["id"]))]

    def plan(self, row: dict[str, Any]) -> tuple[Parcel, Change]:
        same = (
            "id", "fence", "tries", "kind", "customer_id", "conversation_id", "payment_id", "thread", "place",
            "channel", "address", "language", "body_sealed", "edits",
        )  # fmt: skip
        return Parcel(overtaken=row["newer"] > 0, **{name: row[name] for name in same}), Change()

    def push_back(self, row: dict[str, Any]) -> Change:
        later = row["now"] + SEND_AGAIN_MOST_MS
        return Change(updates=(Update("outbox", row["id"], {"due_at": later, "tries": row["tries"] + 1}),))


@dataclass(frozen=True)
class Sender:
    """Sends one claimed message and says what to write about it."""

    channels: Mapping[str, Channel]
    languages: Languages
    seal: Seal
    zone: str
    practice: bool = False

    @property
    def timeout_seconds(self) -> float:
        """The longest send of any channel."""
        return max(channel.timeout_seconds for channel in self.channels.values())

    async def send(self, parcel: Parcel, deadline: Deadline) -> Sending | None:
        """The channel's answer; None when the message was dropped as overtaken."""
        if parcel.tries > 1 and parcel.overtaken and parcel.kind in {"say", "question"}:
            return None
        channel = self.channels[parcel.channel]
        left = deadline.at(channel.timeout_seconds)
        if left is None:
            return NotSent("the lease was nearly over")
        try:
            message = self.render(parcel)
        except Exception as error:  # noqa: BLE001  whatever it is, the next message must be able to leave
            # One that can never be shown must not stand before all that this customer is to hear later (I-36).
            faults.note("outbox.cannot_render", error, outbox=parcel.id)
            return Malformed("it cannot be rendered")
        try:
            return await channel.send(parcel.address, message, left)
        except Exception as error:  # noqa: BLE001  tried again, and after TRIES_BEFORE_CASE a person's
            faults.note("outbox.channel_failed", error, outbox=parcel.id)
            return Unknown(f"our own fault: {type(error).__name__}")

    def render(self, parcel: Parcel) -> Message:
        """The message in the reader's language."""
        content = orjson.loads(self.seal.open(parcel.body_sealed, "outbox.body"))
        label = self.languages.label
        body = body_from_json(content["body"]) + (PRACTICE if self.practice else ())
        return Message(
            body=self.languages.render(body, parcel.language, self.zone),
            buttons=tuple(Button(data, label(from_json(text), parcel.language)) for data, text in content["buttons"]),
            share_phone=label(from_json(content["share"]), parcel.language) if content["share"] else None,
            edits=parcel.edits,
            progress=parcel.thread is not None,
        )


class OutboxWorker:
    """The worker of messages."""

    name = "outbox"

    def __init__(self, sender: Sender, store: Store, clock: Clock) -> None:
        self.sender = sender
        self.store = store
        self.clock = clock
        self.lease = Lease.for_calls_of(sender.timeout_seconds)

    def claim(self, slots: int) -> OutboxClaim:
        return OutboxClaim(self.lease, slots)

    def due(self, sql: Sql) -> bool:
        return bool(sql.rows(_DUE, now=sql.now()))

    async def work(self, plan: Parcel, deadline: Deadline) -> None:
        """Send one message and store what became of it. A fence that is old writes nothing."""
        outcome = await self.sender.send(plan, deadline)
        SENDS.labels(plan.channel, type(outcome).__name__.lower() if outcome else "dropped").inc()
        await self.store.write(finish(plan, outcome, int(self.clock.now().timestamp() * 1000)))


def finish(parcel: Parcel, outcome: Sending | None, now: int) -> Change:
    """What a send's outcome writes."""
    match outcome:
        case None:
            return _done(parcel, {"outcome": "dropped: overtaken"})
        case Delivered(external_id):
            return _done(parcel, {"outcome": "delivered", "external_id": external_id}) + _shown(parcel, now)
        case Gone(reason):
            gone = _done(parcel, {"outcome": f"gone: {reason}"[:200]})
            return gone + Change(updates=(Update("conversation", parcel.conversation_id, {"reachable": 0}),))
        case Malformed(reason) if reason == BAD_TOKEN:
            # A receipt must outlive a token that was revoked by mistake.
            return _again(parcel, reason, now + SEND_AGAIN_MOST_MS, now)
        case Malformed(reason):
            return _done(parcel, {"outcome": f"malformed: {reason}"[:200]}) + _case(parcel, "message_malformed", now)
        case Throttled(seconds):
            return _again(parcel, f"throttled {seconds}", now + int(seconds * 1000), now)
        case NotSent(cause) | Unknown(cause):
            wait = min(SEND_AGAIN_FIRST_MS * 2 ** min(parcel.tries, 12), SEND_AGAIN_MOST_MS)
            return _again(parcel, cause, now + wait, now)


def _done(parcel: Parcel, columns: dict[str, str]) -> Change:
    return Change((Guard("outbox", parcel.id, {"fence": parcel.fence}, {"done": 1, "lease_until": 0, **columns}),))


def _shown(parcel: Parcel, now: int) -> Change:
    """A question reached the person: what they type from now on can be its answer."""
    if parcel.place is None:
        return Change()
    stamp = Update(
        "conversation", parcel.conversation_id, {"shown_at": now}, only_if={"asked": parcel.place, "shown_at": 0}
    )
    return Change(updates=(stamp,))


def _again(parcel: Parcel, why: str, due_at: int, now: int) -> Change:
    guard = Guard(
        "outbox", parcel.id, {"fence": parcel.fence}, {"due_at": due_at, "lease_until": 0, "outcome": why[:200]}
    )
    stuck = _case(parcel, "message_stuck", now) if parcel.tries == TRIES_BEFORE_CASE else Change()
    return Change((guard,)) + stuck


def _case(parcel: Parcel, reason: str, now: int) -> Change:
    key = f"outbox:{parcel.id}:{reason}"
    row = {"id": key, "payment_id": parcel.payment_id, "conversation_id": parcel.conversation_id, "reason": reason}
    rest = {"queue": "operations", "owner": None, "detail": "", "open_key": key, "opened_at": now, "closed_at": None}
    return Change(inserts=(Insert("trouble_case", {**row, **rest}, or_ignore=True),))

"""Answers what flows ask of the world (`flows/lookups.py`), and does the errands whose answer is a message.

A lookup only reads. Its answer is stored as an input of the conversation, under the id of the question, so an answer
that nobody waits for any more is recognised as stale.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from bot import faults, notices, tellings
from bot.inputs import answer_input
from bot.outbox import message_row
from bot.payments.fees import Fees
from bot.payments.limits import COUNTS, Counts, held
from bot.payments.parties import Parties
from bot.store.change import Change, Guard, Insert, Sql, StoreUnavailable, Update
from bot.store.store import Store
from bot.work import Deadline, Lease
from flows.lookups import money_from_json, money_to_json
from flows.text import Body, Json, T, Text, body_to_json
from integrations.contract.channel import Channel
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import Account, CannotVend, NoSuchMeter, Quote, VendRefused
from integrations.contract.parties import Quotes
from integrations.contract.people import MeterNumber, masked_name
from integrations.contract.seams import Spawn

log = structlog.get_logger()

PUSH_BACK_MS = 10_000

#: Meter look-ups one customer may make (S-48): who types numbers to learn names is stopped.
LOOKUPS_IN_TEN_MINUTES_MAX = 5
LOOKUPS_A_DAY_MAX = 20

#: An order just like one of the last ten minutes is pointed out before it is confirmed (F-051).
SAME_ORDER_MINUTES = 10

_TAKE = """
WITH taken AS MATERIALIZED (
  SELECT id FROM work WHERE done = 0 AND due_at <= :now AND lease_until <= :now
  ORDER BY due_at, id LIMIT :slots {skip_locked}
)
UPDATE work SET lease_until = :until, fence = fence + 1, tries = tries + 1
WHERE id IN (SELECT id FROM taken) RETURNING *
"""


_DUE = "SELECT 1 AS one FROM work WHERE done = 0 AND due_at <= :now AND lease_until <= :now LIMIT 1"


@dataclass(frozen=True, slots=True)
class Question:
    """One claimed question. `errand` ones are answered with a message instead of an input."""

    id: str
    fence: int
    conversation_id: str
    customer_id: str
    channel: str
    address: str
    name: str
    args: Mapping[str, Json]


@dataclass(frozen=True)
class LookupClaim:
    """Takes due questions."""

    parties: Parties
    lease: Lease
    slots: int

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        now = sql.now()
        statement = _TAKE.format(skip_locked=sql.skip_locked)
        rows = sql.rows(statement, now=now, until=now + self.lease.length_ms, slots=self.slots)
        if not rows:
            return []
        ids = sorted({row["conversation_id"] for row in rows})
        chats = sql.rows_in("SELECT id AS chat, customer_id, channel, address FROM conversation WHERE id IN {ids}", ids)
        by_id = {chat["chat"]: chat for chat in chats}
        return [{**by_id[row["conversation_id"]], **row, "now": now} for row in rows]

    def plan(self, row: dict[str, Any]) -> tuple[Question, Change]:
        args = orjson.loads(self.parties.seal.open(row["args_sealed"], "work.args"))
        same = {name: row[name] for name in _SAME}
        return Question(args=args, **same), Change()

    def push_back(self, row: dict[str, Any]) -> Change:
        later = row["now"] + PUSH_BACK_MS * 2 ** min(row["tries"], 8)
        return Change(updates=(Update("work", row["id"], {"due_at": later, "tries": row["tries"] + 1}),))


_SAME = ("id", "fence", "conversation_id", "customer_id", "channel", "address", "name")

#: Lookups that ask somebody outside: the customer sees that we are busy meanwhile.
_SLOW = frozenset({"find_meter", "price"})

#: How long showing it may take, in seconds.
BUSY_SECONDS = 5.0


class LookupWorker:
    """The worker of lookups and errands."""

    name = "lookups"

    def __init__(
        self, parties: Parties, fees: Fees, store: Store, channels: Mapping[str, Channel], spawn: Spawn
    ) -> None:
        self.channels = channels
        self.spawn = spawn
        self.parties = parties
        self.fees = fees
        self.store = store
        self.utility = parties.utilities[parties.trade.utility]
        self.lease = Lease.for_calls_of(self.utility.pace.timeout)
        self.lookups: Mapping[str, Callable[[Question, Deadline], Awaitable[Json]]] = {
            "find_meter": self._find_meter,
            "price": self._price,
            "last_purchase": self._last_purchase,
            "may_retry": self._may_retry,
        }

    def claim(self, slots: int) -> LookupClaim:
        return LookupClaim(self.parties, self.lease, slots)

    def due(self, sql: Sql) -> bool:
        return bool(sql.rows(_DUE, now=sql.now()))

    async def work(self, plan: Question, deadline: Deadline) -> None:
        """Answer one question and store the answer. A guard that lost means another worker answered."""
        if plan.name in _SLOW:
            until = self.parties.clock.monotonic() + BUSY_SECONDS
            self.spawn("working", self.channels[plan.channel].working(plan.address, until))
        lookup = self.lookups.get(plan.name)
        if lookup is not None:
            answer = await self._answered(lookup(plan, deadline))
            outcome = answer_input(self.parties.seal, plan.conversation_id, plan.id, answer, self._now())
        else:
            outcome = await self._errand(plan)
        guard = Guard("work", plan.id, {"fence": plan.fence, "done": 0}, {"done": 1, "lease_until": 0})
        await self.store.write(Change((guard,), (outcome,)))

    async def _answered(self, lookup: Awaitable[Json]) -> Json:
        """A lookup that fails of itself is our fault, and is called that; nobody waits for ever."""
        try:
            return await lookup
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the conversation must go on
            faults.note("lookup.failed", error)
            return _sorry(T("Something went wrong on our side. Please try again later."), over=True)

    async def _errand(self, question: Question) -> Insert:
        def read(sql: Sql) -> tellings.Telling:
            if question.name == "tokens":
                return tellings.last_tokens(sql, question.customer_id, self.parties)
            return tellings.status(sql, question.customer_id, str(question.args.get("receipt", "")), self.parties)

        telling = await self.store.read(read)
        return message_row(
            self.parties.seal,
            customer_id=question.customer_id,
            conversation_id=question.conversation_id,
            kind="receipt" if telling.receipt else "fact",
            body=telling.body,
            buttons=telling.buttons,
            now=self._now(),
        )

    # --- the lookups

    async def _find_meter(self, question: Question, deadline: Deadline) -> Json:
        if await self._asked_too_often(question):
            return _sorry(T("Those were many meter numbers. Please wait ten minutes before trying another."), over=True)
        until = deadline.at(self.utility.pace.timeout)
        meter = MeterNumber(question.args["meter"])
        match await self.utility.find(meter, until) if until else NotSent("the lease was nearly over"):
            case Account() as found:
                return {
                    "meter": meter.reveal(),
                    "owner": masked_name(found.owner),
                    "minimum": money_to_json(found.minimum) if found.minimum else None,
                    "maximum": money_to_json(found.maximum) if found.maximum else None,
                }
            case NoSuchMeter():
                return _sorry(T("{utility} knows no meter *{number}*. Check the number on the meter and try again.",
                                utility=self.parties.trade.utility_title, number=meter.reveal()))  # fmt: skip
            case CannotVend(reason):
                log.info("meter.cannot_vend", reason=reason)
                return _sorry(
                    T(
                        "{utility} does not sell to this meter now. Please ask them why.",
                        utility=self.parties.trade.utility_title,
                    ),
                    over=True,
                )
            case NotSent() | Unknown():
                return self._utility_silent()

    async def _price(self, question: Question, deadline: Deadline) -> Json:
        meter, amount = MeterNumber(question.args["meter"]), money_from_json(question.args["amount"])
        payer_hash = self.parties.seal.hashed(question.args["payer"], "phone")
        refused = await self._held(question, payer_hash)
        if refused:
            return _sorry(*refused, over=True)
        units = ""
        if isinstance(self.utility, Quotes):
            until = deadline.at(self.utility.pace.timeout)
            match await self.utility.quote(meter, amount, until) if until else NotSent("the lease was nearly over"):
                case Quote(units_text, unit):
                    units = f"{units_text} {unit}".strip()
                case VendRefused(reason):
                    return _sorry(
                        T("No electricity can be bought: {reason}.", reason=notices.vend_refused_text(reason)),
                        over=True,
                    )
                case NotSent() | Unknown():
                    return self._utility_silent()
        notes = await self._same_order(question, meter, amount)
        return {"fee": money_to_json(self.fees.of(amount)), "units": units, "notes": body_to_json(notes)}

    async def _last_purchase(self, question: Question, _deadline: Deadline) -> Json:
        last = await self.store.read(lambda sql: tellings.last_payment(sql, question.customer_id, bought=True))
        if last is None:
            return _sorry(T("You have not bought anything here yet."), over=True)
        meter = self.parties.seal.open(last.meter_sealed, "meter")
        return {"meter": meter, "owner": last.owner_masked, "amount": money_to_json(last.amount)}

    async def _may_retry(self, question: Question, _deadline: Deadline) -> Json:
        args = question.args

        def read(sql: Sql) -> Body:
            return tellings.why_no_retry(sql, question.customer_id, args["payment"], args["after"], self._now())

        why = await self.store.read(read)
        return {"sorry": body_to_json(why), "over": True} if why else None

    # --- what they ask

    async def _asked_too_often(self, question: Question) -> bool:
        now = self._now()

        def read(sql: Sql) -> list[dict[str, Any]]:
            return sql.rows(
                "SELECT count(*) AS day, coalesce(sum(CASE WHEN created_at > :soon THEN 1 ELSE 0 END), 0) AS soon"
                " FROM work WHERE conversation_id = :conversation AND name = 'find_meter' AND created_at > :day",
                conversation=question.conversation_id, soon=now - 600_000, day=now - 86_400_000,
            )  # fmt: skip

        (counts,) = await self.store.read(read)
        return bool(counts["soon"] > LOOKUPS_IN_TEN_MINUTES_MAX or counts["day"] > LOOKUPS_A_DAY_MAX)

    async def _held(self, question: Question, payer_hash: str) -> Body:
        def read(sql: Sql) -> tuple[dict[str, Any], str | None]:
            counts = sql.rows(COUNTS, payer=payer_hash, payment="", customer=question.customer_id, now=self._now())
            own = sql.rows("SELECT phone_hash FROM customer WHERE id = :id", id=question.customer_id)
            return counts[0], own[0]["phone_hash"]

        counts, own_hash = await self.store.read(read)
        caps, clock, zone = self.parties.caps, self.parties.clock, self.parties.trade.zone
        why = held(caps, Counts.of(counts), own=own_hash == payer_hash, at=clock.now(), zone=zone)
        return (notices.held_text(why), T("No new request was sent.")) if why else ()

    async def _same_order(self, question: Question, meter: MeterNumber, amount: Money) -> Body:
        meter_hash = self.parties.seal.hashed(meter.reveal(), "meter")
        since = self._now() - SAME_ORDER_MINUTES * 60_000

        def read(sql: Sql) -> Body:
            return tellings.same_order(sql, question.customer_id, meter_hash, amount, since)

        return await self.store.read(read)

    def _utility_silent(self) -> Json:
        return _sorry(
            T("{utility} does not answer at the moment. Nothing was charged. Please try again later.",
              utility=self.parties.trade.utility_title),
            over=True,
        )  # fmt: skip

    def _now(self) -> int:
        return int(self.parties.clock.now().timestamp() * 1000)


def _sorry(*why: Text, over: bool = False) -> Json:
    return {"sorry": body_to_json(why), "over": over}

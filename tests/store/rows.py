"""Rows for tests of the store, with everything a test does not care about filled in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bot.store.change import Change, DueAgain, Guard, Insert, Sql, Update, Value, Written
from bot.store.store import Store

#: The tests' present, in milliseconds: what `SetClock` begins with.
NOW = 1_772_355_600_000


def customer(name: str) -> Insert:
    return Insert("customer", {"id": name, "language": "en", "created_at": NOW})


def conversation(name: str) -> Insert:
    row: dict[str, Value] = {"id": name, "customer_id": name, "channel": "telegram", "address": name, "created_at": NOW}
    return Insert("conversation", row)


def message_in(conversation: str, external_id: str, *, or_ignore: bool = False) -> Insert:
    row = {"conversation_id": conversation, "channel": "telegram", "external_id": external_id, "kind": "text"}
    return Insert("input", {**row, "body_sealed": "", "stored_at": NOW}, or_ignore)


def message_out(conversation: str, body: str) -> Insert:
    row = {"customer_id": conversation, "conversation_id": conversation, "kind": "say", "body_sealed": body}
    return Insert("outbox", {**row, "created_at": NOW, "due_at": NOW})


def payment(name: str, owner: str, **columns: Value) -> Insert:
    texts = ("utility", "money", "meter_sealed", "meter_hash", "owner_masked", "payer_sealed", "payer_hash")
    row: dict[str, Value] = {
        **dict.fromkeys(texts, "-"), "id": name, "code": name.upper(), "customer_id": owner, "conversation_id": owner,
        "state": "confirmed", "amount_minor": 50_000, "fee_minor": 0, "currency": "KES", "payer_own": 1,
        "confirmed_at": NOW, "changed_at": NOW, "due_at": NOW,
    }  # fmt: skip
    return Insert("payment", {**row, **columns})


def posting(entry: str, minor: int) -> Insert:
    return Insert("posting", {"entry": entry, "account": "cash", "minor": minor, "currency": "KES", "at": NOW})


def event(payment: str, key: str) -> Insert:
    row: dict[str, Value] = {
        "payment_id": payment,
        "key": key,
        "event": "seen",
        "before": "a",
        "after": "b",
        "source": "test",
        "at": NOW,
    }
    return Insert("payment_event", row)


def people(*names: str) -> Change:
    """Customers with a conversation each."""
    return Change(inserts=tuple(make(name) for name in names for make in (customer, conversation)))


def turn(conversation: str, version: int, **columns: Value) -> Change:
    """A guarded write, as a turn makes it."""
    guard = Guard("conversation", conversation, {"version": version}, {"version": version + 1, **columns})
    return Change(guards=(guard,))


def hint(payment: str, due_at: int) -> Change:
    """Somebody wants this payment looked at."""
    return Change(updates=(Update("payment", payment, {"due_at": due_at}),))


TAKE_PAYMENTS = """
WITH taken AS MATERIALIZED (
  SELECT id FROM payment WHERE due_at <= :now AND lease_until <= :now
  ORDER BY due_at, id LIMIT :slots {skip_locked}
)
UPDATE payment SET lease_until = :until, fence = fence + 1 WHERE id IN (SELECT id FROM taken) RETURNING *
"""


@dataclass
class PaymentClaim:
    """A claim as the payment worker makes it: the plan is the payment's id, and taking it is noted as an event."""

    slots: int = 10
    lease_ms: int = 60_000
    planned: list[str] = field(default_factory=list)

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        now = sql.now()
        statement = TAKE_PAYMENTS.format(skip_locked=sql.skip_locked)
        rows = sql.rows(statement, now=now, until=now + self.lease_ms, slots=self.slots)
        return sorted(rows, key=lambda row: str(row["id"]))

    def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
        self.planned.append(row["id"])
        guard = Guard("payment", row["id"], {"fence": row["fence"]}, {"state": "prompting"})
        return row["id"], Change((guard,), (event(row["id"], f"claim {row['fence']}"),))

    def push_back(self, row: dict[str, Any]) -> Change:
        later = {"due_at": row["due_at"] + 3_600_000, "tries": row["tries"] + 1, "lease_until": 0}
        return Change(updates=(Update("payment", row["id"], later),))


def finish(row: dict[str, Any], again_at: int | None) -> Change:
    """What a worker writes when it is done with a row it claimed."""
    done: dict[str, int | DueAgain] = {"lease_until": 0, "due_at": DueAgain(again_at, row["due_at"])}
    return Change((Guard("payment", row["id"], {"fence": row["fence"]}, done),))


async def together(store: Store, *changes: Change) -> list[Written]:
    """What became of Changes that go into one batch."""
    return list(await asyncio.gather(*map(store.write, changes)))


async def every(store: Store, statement: str, **params: Value) -> list[dict[str, Any]]:
    """What a reader sees."""
    return await store.read(lambda sql: sql.rows(statement, **params))


async def column(store: Store, statement: str, **params: Value) -> list[Any]:
    """The first column of what a reader sees."""
    return [next(iter(row.values())) for row in await every(store, statement, **params)]

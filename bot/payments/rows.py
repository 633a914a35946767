"""Payment and attempt rows as values, so that deciding about them needs no database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

import orjson

from bot.payments import schedule
from bot.payments.machine import State
from integrations.contract.money import Money


class Kind(Enum):
    """What an attempt tries."""

    PROMPT = "prompt"
    VEND = "vend"


class AttemptState(Enum):
    """What is proved about an attempt; see `tables.Attempt`."""

    SENDING = "sending"
    OPEN = "open"
    UNSENT = "unsent"
    ABSENT = "absent"
    YES = "yes"
    NO = "no"


#: The other side may still act on an attempt in one of these.
UNDECIDED = frozenset({AttemptState.SENDING, AttemptState.OPEN, AttemptState.UNSENT})

#: It may be on the payer's phone, or at the utility, now.
OUT = UNDECIDED - {AttemptState.UNSENT}


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One payment as read under its lease. Times are milliseconds since 1970."""

    id: str
    code: str
    customer_id: str
    conversation_id: str
    version: int
    state: State
    money: str
    utility: str
    amount: Money
    fee: Money
    meter_sealed: str
    meter_hash: str
    owner_masked: str
    payer_sealed: str
    payer_hash: str
    payer_own: bool
    wish: int
    confirmed_at: int
    changed_at: int
    due_at: int | None
    fence: int
    tries: int

    @property
    def total(self) -> Money:
        """What the payer is asked for."""
        return self.amount + self.fee

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of the table."""
        currency = row["currency"]
        same = (
            "id", "code", "customer_id", "conversation_id", "version", "money", "utility", "meter_sealed", "meter_hash",
            "owner_masked", "payer_sealed", "payer_hash", "wish", "confirmed_at", "changed_at", "due_at", "fence",
            "tries",
        )  # fmt: skip
        return cls(
            state=State(row["state"]),
            amount=Money(row["amount_minor"], currency),
            fee=Money(row["fee_minor"], currency),
            payer_own=bool(row["payer_own"]),
            **{name: row[name] for name in same},
        )


@dataclass(frozen=True, slots=True)
class Said:
    """What a callback claimed about an attempt; unproved."""

    success: bool
    theirs: str
    proof: str | None
    amount: Money | None

    def text(self) -> str:
        """As stored in `attempt.claim`."""
        amount = [self.amount.minor, self.amount.currency] if self.amount else None
        return orjson.dumps([self.success, self.theirs, self.proof, amount]).decode()

    @classmethod
    def of(cls, text: str) -> Self | None:
        """From `attempt.claim`; None when no callback came."""
        if not text:
            return None
        success, theirs, proof, amount = orjson.loads(text)
        return cls(success, theirs, proof, Money(*amount) if amount else None)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One attempt as read with its payment."""

    id: str
    payment_id: str
    kind: Kind
    number: int
    party: str
    reference: str
    theirs: str | None
    state: AttemptState
    #: Its yes is the one this payment lives by; the yes of another prompt is a surplus.
    success: bool
    proof: str | None
    asks: int
    asked_at: int
    #: Who was told that no verdict comes: nobody (0), the customer (1), a person of ours too (2).
    slow_told: int
    hinted: bool
    said: Said | None
    created_at: int
    decided_at: int | None

    @property
    def undecided(self) -> bool:
        """Whether the other side may still act on it."""
        return self.state in UNDECIDED

    @property
    def out(self) -> bool:
        """Whether it was sent, as far as we know, and has no answer."""
        return self.state in OUT

    @property
    def known_as(self) -> str | None:
        """The operator's own id of it, as the operator told us, or else as a callback claims."""
        return self.theirs or (self.said.theirs if self.said else None)

    @property
    def receipt_number(self) -> str:
        """The operator's receipt number; empty while only the id of the request stands in for it."""
        return self.proof if self.proof and self.proof not in {self.theirs, self.reference} else ""

    @property
    def beside_due(self) -> int | None:
        """When it is asked about although its payment wants nothing of it now; None when nothing can come of it.

        A prompt that is still out may be paid, and one that ended without money may turn out to be paid after all.
        """
        if self.hinted:
            return self.asked_at + schedule.HINT_AGAIN_MS
        if self.out:
            return schedule.beside_due(self.created_at, self.asked_at)
        over = self.state is AttemptState.NO and self.known_as is not None
        return schedule.resting_due(self.asks, self.asked_at) if over else None

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """From a row of the table."""
        same = (
            "id", "payment_id", "number", "party", "reference", "theirs", "proof", "asks", "asked_at", "created_at",
            "decided_at",
        )  # fmt: skip
        return cls(
            kind=Kind(row["kind"]),
            state=AttemptState(row["state"]),
            success=row["success_key"] is not None,
            slow_told=row["slow_told"],
            hinted=bool(row["hinted"]),
            said=Said.of(row["claim"]),
            **{name: row[name] for name in same},
        )


def latest(attempts: list[AttemptRow], kind: Kind) -> AttemptRow | None:
    """The newest attempt of a kind."""
    return max((attempt for attempt in attempts if attempt.kind is kind), key=lambda each: each.number, default=None)


def next_beside(attempts: list[AttemptRow]) -> tuple[int | None, AttemptRow | None]:
    """The prompt that is first to be asked about beside what its payment wants, and when; None twice for none."""
    due = [(each.beside_due, each) for each in prompts(attempts) if each.beside_due is not None]
    return min(due, key=lambda one: one[0] or 0, default=(None, None))


def prompts(attempts: list[AttemptRow]) -> list[AttemptRow]:
    """The prompts among a payment's attempts."""
    return [attempt for attempt in attempts if attempt.kind is Kind.PROMPT]

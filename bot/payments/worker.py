"""Carries payments through: takes what is due, makes the one call its plan names, and stores what came of it."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Any, assert_never

import structlog

from bot import faults
from bot.metrics import ANSWERS
from bot.payments.finish import Finish
from bot.payments.limits import COUNTS, Counts
from bot.payments.parties import Parties
from bot.payments.plan import Enquire, Plan, Rest, Send, make_plan
from bot.payments.rows import AttemptRow, Kind, PaymentRow
from bot.payments.transition import Transition, case_row
from bot.store.change import Change, CommitUnknown, Done, Lost, Refused, Sql, Update
from bot.store.store import Store
from bot.work import Deadline, Lease
from flows.questions import OFFER_SECONDS
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.outcomes import CollectionOutcome, Prompted, PromptOutcome, VendEnquiry, VendOutcome
from integrations.contract.parties import Collection, VendOrder
from integrations.contract.people import MeterNumber, Phone

log = structlog.get_logger()

#: A claim that failed alone is tried again after so long.
PUSH_BACK_MS = 30_000
#: After so many failed claims a person is told.
TRIES_BEFORE_CASE = 5
#: A payment whose outcome the store refused is asked about again after so long.
QUARANTINE_MS = 3_600_000
#: How often a finish is thought again when others wrote the payment meanwhile.
FINISH_TRIES_MAX = 8

# One payment a payer is taken where a prompt may follow: an order, or a wish to try again. An order whose payer has a
# live prompt of another payment waits while its price holds; a wish is taken, and told why not. What only asks about
# money waits for nobody.
_MAY_PROMPT = "({0}.state = 'confirmed' OR ({0}.state IN ('declined', 'expired') AND {0}.wish > 0))"
_TAKE = f"""
WITH taken AS MATERIALIZED (
  SELECT p.id FROM payment p
  WHERE p.due_at <= :now AND p.lease_until <= :now
    AND (NOT {_MAY_PROMPT.format("p")} OR NOT EXISTS (
      SELECT 1 FROM payment q WHERE q.payer_hash = p.payer_hash AND q.id <> p.id AND (
        (q.live_payer IS NOT NULL AND p.state = 'confirmed' AND p.confirmed_at >= :stale)
        OR ({_MAY_PROMPT.format("q")} AND q.due_at <= :now AND q.lease_until <= :now
            AND (q.due_at < p.due_at OR (q.due_at = p.due_at AND q.id < p.id))))))
  ORDER BY p.due_at, p.id LIMIT :slots {{skip_locked}}
)
UPDATE payment SET lease_until = :until, fence = fence + 1
WHERE id IN (SELECT id FROM taken) RETURNING *
"""  # noqa: S608  no input in it

_DUE = "SELECT 1 AS one FROM payment WHERE due_at <= :now AND lease_until <= :now LIMIT 1"

_ATTEMPTS = "SELECT * FROM attempt WHERE payment_id IN {ids} ORDER BY created_at, id"

Outcome = PromptOutcome | CollectionOutcome | VendOutcome | VendEnquiry


@dataclass(frozen=True)
class PaymentClaim:
    """Takes due payments with their attempts, and plans each."""

    parties: Parties
    lease: Lease
    slots: int

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        now = sql.now()
        statement = _TAKE.format(skip_locked=sql.skip_locked)
        stale = now - OFFER_SECONDS * 1000
        rows = sql.rows(statement, now=now, until=now + self.lease.length_ms, slots=self.slots, stale=stale)
        if not rows:
            return []
        attempts = sql.rows_in(_ATTEMPTS, [row["id"] for row in rows])
        return [self._with_context(sql, row, attempts, now) for row in rows]

    def _with_context(
        self, sql: Sql, row: dict[str, Any], attempts: list[dict[str, Any]], now: int
    ) -> dict[str, Any]:  # fmt: skip
        own = [each for each in attempts if each["payment_id"] == row["id"]]
        counts = sql.rows(COUNTS, payer=row["payer_hash"], payment=row["id"], customer=row["customer_id"], now=now)
        return {**row, "attempts": own, "counts": counts[0], "now": now}

    def plan(self, row: dict[str, Any]) -> tuple[Plan, Change]:
        payment, attempts = PaymentRow.of(row), [AttemptRow.of(each) for each in row["attempts"]]
        # What cannot be opened could never be sent. It fails here, where poison is pushed back and becomes a case.
        self.parties.seal.open(payment.payer_sealed, "phone")
        self.parties.seal.open(payment.meter_sealed, "meter")
        return make_plan(payment, attempts, Counts.of(row["counts"]), self.parties)

    def push_back(self, row: dict[str, Any]) -> Change:
        """Later, and after some tries a person looks: poison never stands at the head of the queue (I-36)."""
        tries = row["tries"] + 1
        later = row["now"] + PUSH_BACK_MS * 2 ** min(tries, 6)
        change = Change(updates=(Update("payment", row["id"], {"due_at": later, "tries": tries, "lease_until": 0}),))
        if tries < TRIES_BEFORE_CASE:
            return change
        # The row itself may be what cannot be read, so nothing is made of it here.
        why = f"{tries} claims failed"
        case = case_row(row["id"], row["conversation_id"], "cannot_be_worked", "operations", why, row["now"])
        return change + Change(inserts=(case,))


async def _answered(call: Awaitable[Outcome]) -> Outcome:
    """An adapter that fails of itself proves nothing: it is asked again like a silence, and becomes a case like one."""
    try:
        return await call
    except Exception as error:  # noqa: BLE001  whatever it is, the payment must not lie still for want of an outcome
        faults.note("payment.adapter_failed", error)
        return Unknown(f"our own fault: {type(error).__name__}")


class PaymentWorker:
    """The worker of payments."""

    name = "payments"

    def __init__(self, parties: Parties, store: Store) -> None:
        self.parties = parties
        self.store = store
        self.lease = parties.lease

    def claim(self, slots: int) -> PaymentClaim:
        return PaymentClaim(self.parties, self.lease, slots)

    def due(self, sql: Sql) -> bool:
        return bool(sql.rows(_DUE, now=sql.now()))

    async def work(self, plan: Plan, deadline: Deadline) -> None:
        """Make the plan's call and store its outcome."""
        match plan:
            case Rest():
                return
            case Send(payment, attempt, callback_url):
                outcome = await _answered(self._send(payment, attempt, callback_url, deadline))
            case Enquire(payment, attempt):
                outcome = await _answered(self._enquire(payment, attempt, deadline))
            case _:
                assert_never(plan)
        log.info(
            "payment.answer", payment=payment.code, attempt=attempt.id, asked=type(plan).__name__.lower(),
            outcome=type(outcome).__name__,
        )  # fmt: skip
        ANSWERS.labels(attempt.party, type(outcome).__name__.lower()).inc()
        await self._store(payment, attempt, outcome, sent=isinstance(plan, Send))

    async def _send(self, payment: PaymentRow, attempt: AttemptRow, url: str, deadline: Deadline) -> Outcome:
        match attempt.kind:
            case Kind.PROMPT:
                money = self.parties.money[payment.money]
                until = deadline.at(money.pace.timeout)
                collection = Collection(
                    attempt.reference, payment.total, self._phone(payment), self._label(payment), url
                )
                return await money.prompt(collection, until) if until else NotSent("the lease was nearly over")
            case Kind.VEND:
                utility = self.parties.utilities[payment.utility]
                until = deadline.at(utility.pace.timeout)
                order = self._order(payment, attempt)
                return await utility.vend(order, until) if until else NotSent("the lease was nearly over")

    async def _enquire(self, payment: PaymentRow, attempt: AttemptRow, deadline: Deadline) -> Outcome:
        match attempt.kind:
            case Kind.PROMPT:
                money = self.parties.money[payment.money]
                until = deadline.at(money.pace.timeout)
                if until is None:
                    return NotSent("the lease was nearly over")
                return await money.enquire(attempt.reference, attempt.known_as, until)
            case Kind.VEND:
                utility = self.parties.utilities[payment.utility]
                until = deadline.at(utility.pace.timeout)
                order = self._order(payment, attempt)
                return await utility.enquire(order, until) if until else NotSent("the lease was nearly over")

    async def _store(self, payment: PaymentRow, attempt: AttemptRow, outcome: Outcome, *, sent: bool) -> None:
        """Store an outcome, thinking again whenever the payment was written meanwhile and is still ours."""
        for _ in range(FINISH_TRIES_MAX):
            rows = await self._read(payment.id)
            if rows is None or rows[0].fence != payment.fence:
                await self._leave_word(attempt, outcome)
                return
            # What was due when the row was claimed: a due time that a hint wrote meanwhile must not be overwritten.
            current, attempts = replace(rows[0], due_at=payment.due_at), rows[1]
            change = self._finish(current, attempts, attempt, outcome, sent=sent)
            match await self.store.write(change):
                case Done():
                    return
                case Lost():
                    continue
                case Refused(constraint):
                    await self._refused(current, attempt, constraint)
                    return
                case CommitUnknown():
                    # Stored or not, the lease runs out and the attempt is asked about again.
                    log.warning("payment.commit_unknown", payment=payment.code)
                    return
        log.error("payment.finish_lost", payment=payment.code)

    def _finish(
        self, payment: PaymentRow, attempts: list[AttemptRow], attempt: AttemptRow, outcome: Outcome, *, sent: bool
    ) -> Change:
        now = int(self.parties.clock.now().timestamp() * 1000)
        finish = Finish(payment, attempts, attempt, now, self.parties)
        return finish.made_of(outcome, sent=sent)

    async def _read(self, payment_id: str) -> tuple[PaymentRow, list[AttemptRow]] | None:
        def read(sql: Sql) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            rows = sql.rows("SELECT * FROM payment WHERE id = :id", id=payment_id)
            return rows, sql.rows_in(_ATTEMPTS, [payment_id])

        rows, attempts = await self.store.read(read)
        return (PaymentRow.of(rows[0]), [AttemptRow.of(each) for each in attempts]) if rows else None

    async def _leave_word(self, attempt: AttemptRow, outcome: Outcome) -> None:
        """Our lease ran out. The outcome is not acted upon, but what names the attempt at the operator is kept."""
        log.warning("payment.fence_lost", attempt=attempt.id, outcome=type(outcome).__name__)
        if isinstance(outcome, Prompted):
            hint = Update("attempt", attempt.id, {"theirs": outcome.theirs}, only_if={"theirs": None})
            await self.store.write(Change(updates=(hint,)))

    async def _refused(self, payment: PaymentRow, attempt: AttemptRow, constraint: str) -> None:
        """A unique key said no: another payment has this proof, or this one was served. A person looks."""
        log.error("payment.refused", payment=payment.code, attempt=attempt.id, constraint=constraint)
        now = int(self.parties.clock.now().timestamp() * 1000)
        step = Transition(payment, now, self.parties)
        step.open_case("refused_by_store", "money", f"{constraint} for {attempt.id}")
        step.asked(attempt, f"refused by the store: {constraint}")
        await self.store.write(step.change(now + QUARANTINE_MS, release=True))

    def _phone(self, payment: PaymentRow) -> Phone:
        return Phone(self.parties.seal.open(payment.payer_sealed, "phone"))

    def _meter(self, payment: PaymentRow) -> MeterNumber:
        return MeterNumber(self.parties.seal.open(payment.meter_sealed, "meter"))

    def _label(self, payment: PaymentRow) -> str:
        """What the prompt shows as the account: the meter's last four digits, as the chat said it would (S-44).

        Our code follows, so that a statement's line names the payment even when the operator's answer was lost (F-014).
        """
        return self._meter(payment).reveal()[-4:] + payment.code.replace("-", "")

    def _order(self, payment: PaymentRow, attempt: AttemptRow) -> VendOrder:
        return VendOrder(attempt.reference, self._meter(payment), payment.amount)

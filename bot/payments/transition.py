"""One transition as one Change: the payment under its guard, the event, the attempt, postings, messages and cases."""

from __future__ import annotations

from dataclasses import replace

from bot.inputs import fact_input
from bot.notices import Notice
from bot.outbox import message_row
from bot.payments import machine
from bot.payments.machine import Advance, Contradiction, Event, Moved, Repeat, State
from bot.payments.parties import Parties
from bot.payments.rows import UNDECIDED, AttemptRow, AttemptState, Kind, PaymentRow
from bot.store.change import Change, DueAgain, Guard, Insert, Update
from integrations.contract.people import Phone

Column = str | int | None


def progress_thread(payment_id: str, prompt_number: int) -> str:
    """The thread of the messages that replace one another while this prompt is on its way."""
    return f"progress:{payment_id}:{prompt_number}"


class Transition:
    """Gathers what happens to one claimed payment; `change` is the whole of it, guarded by version and fence.

    It is a value being built: nothing is written here, and `payment` is the row as it will be.
    """

    def __init__(self, payment: PaymentRow, now: int, parties: Parties) -> None:
        self.before = payment
        self.payment = payment
        self.now = now
        self.parties = parties
        #: The number of the prompt this is about: each prompt has a progress message of its own.
        self._prompt = 1
        self._set: dict[str, Column] = {}
        self._inserts: list[Insert] = []
        self._updates: list[Update] = []

    # --- the payment

    def apply(self, event: Event, attempt: AttemptRow | None, detail: str = "") -> Advance:
        """Advance the machine. A contradiction is kept as an event and opens a case; the state stays."""
        if attempt is not None and attempt.kind is Kind.PROMPT:
            self._prompt = attempt.number
        result = machine.advance(self.payment.state, event)
        match result:
            case Moved(state):
                self._event(event, state, attempt, detail)
                # An attempt that goes out again is no progress, so that what keeps failing is tried ever more slowly.
                tries = self.payment.tries if state is self.payment.state else 0
                self.payment = replace(self.payment, state=state, tries=tries)
                self.set(state=state.value, changed_at=self.now, tries=tries)
                self._live(state)
            case Contradiction():
                self._event(event, self.payment.state, attempt, f"contradiction {detail}".strip())
                self.open_case("contradiction", "money", f"{event.value} while {self.payment.state.value}")
            case Repeat():
                pass
        return result

    def set(self, **columns: Column) -> None:
        """Columns of the payment itself."""
        self._set.update(columns)

    def _live(self, state: State) -> None:
        """A prompt counts as live on the payer's phone from before it is sent until it is answered.

        What the utility answers says nothing about the phone, where another prompt of this payment may still stand.
        """
        if state in machine.BEFORE_MONEY or state is State.PAID:
            self.set(live_payer=self.payment.payer_hash if state in machine.PROMPT_OPEN else None)

    def _event(self, event: Event, after: State, attempt: AttemptRow | None, detail: str) -> None:
        name = attempt.id if attempt else self.payment.id
        self._inserts.append(
            Insert(
                "payment_event",
                {
                    "payment_id": self.payment.id,
                    # The fence makes a finish that runs again a no-op, and a second enquiry an event of its own.
                    "key": f"{event.value}:{name}:{self.payment.fence}",
                    "event": event.value,
                    "before": self.payment.state.value,
                    "after": after.value,
                    "source": attempt.party if attempt else "bili",
                    "attempt_id": attempt.id if attempt else None,
                    "detail": detail,
                    "at": self.now,
                },
            )
        )

    # --- attempts

    def insert_attempt(self, attempt: AttemptRow, callback_hash: str | None) -> None:
        """A new attempt row."""
        prompt = attempt.kind is Kind.PROMPT
        self._inserts.append(
            Insert(
                "attempt",
                {
                    "id": attempt.id,
                    "payment_id": attempt.payment_id,
                    "kind": attempt.kind.value,
                    "number": attempt.number,
                    "party": attempt.party,
                    "reference": attempt.reference,
                    "theirs": attempt.theirs,
                    "state": attempt.state.value,
                    "undecided_key": _key(attempt),
                    "success_key": None,
                    "proof": None,
                    "proof_key": None,
                    "callback_hash": callback_hash,
                    "payer_hash": self.payment.payer_hash if prompt else None,
                    "customer_id": self.payment.customer_id,
                    "asks": 0,
                    "asked_at": 0,
                    "slow_told": 0,
                    "hinted": 0,
                    "claim": "",
                    "outcome": "",
                    "created_at": self.now,
                    "decided_at": None,
                },
            )
        )

    def set_attempt(self, attempt: AttemptRow, **columns: Column) -> None:
        """Columns of an attempt; deciding it frees the key that kept others out."""
        state = columns.get("state")
        if isinstance(state, str):
            columns["undecided_key"] = _key(attempt) if AttemptState(state) in UNDECIDED else None
        self._updates.append(Update("attempt", attempt.id, columns))

    def asked(self, attempt: AttemptRow, outcome: str, **columns: Column) -> None:
        """An enquiry was made about this attempt."""
        asked: dict[str, Column] = {
            "asks": attempt.asks + 1,
            "asked_at": self.now,
            "outcome": outcome[:200],
        }
        self.set_attempt(attempt, **{**asked, **columns})

    # --- what else goes with it

    def insert(self, *inserts: Insert) -> None:
        """Further rows: postings, a receipt."""
        self._inserts.extend(inserts)

    def update(self, *updates: Update) -> None:
        """Further hints."""
        self._updates.extend(updates)

    def tell(self, notice: Notice) -> None:
        """A message about money to the conversation that opened the payment."""
        self._inserts.append(
            message_row(
                self.parties.seal,
                customer_id=self.payment.customer_id,
                conversation_id=self.payment.conversation_id,
                kind="receipt" if notice.receipt else "fact",
                body=notice.body,
                buttons=notice.buttons,
                thread=progress_thread(self.payment.id, self._prompt) if notice.progress else None,
                payment_id=self.payment.id,
                now=self.now,
            )
        )

    def open_case(self, reason: str, queue: str, detail: str = "") -> None:
        """Give it to a person; one open case per payment and reason."""
        payment = self.payment
        self._inserts.append(case_row(payment.id, payment.conversation_id, reason, queue, detail, self.now))

    def fact(self, event: Event) -> None:
        """Let the conversation read again: an offer it has out may not hold any more."""
        payment = self.payment
        self._inserts.append(fact_input(self.parties.seal, payment.conversation_id, payment.id, event.value, self.now))

    def phone(self) -> Phone:
        """The payer."""
        return Phone(self.parties.seal.open(self.payment.payer_sealed, "phone"))

    def written(self) -> PaymentRow:
        """The payment as it stands once `change` is committed."""
        return replace(self.payment, version=self.before.version + 1)

    def change(self, due_at: int | None, *, release: bool = False) -> Change:
        """Everything gathered. `release` gives the lease back; a hint that came meanwhile keeps its due time."""
        columns: dict[str, Column | DueAgain] = {**self._set, "version": self.before.version + 1}
        if release or due_at != self.before.due_at:
            columns["due_at"] = DueAgain(due_at, self.before.due_at)
        if release:
            columns["lease_until"] = 0
        guard = Guard(
            "payment", self.before.id, {"version": self.before.version, "fence": self.before.fence}, columns
        )  # fmt: skip
        return Change((guard,), tuple(self._inserts), tuple(self._updates))


def case_row(payment_id: str, conversation_id: str, reason: str, queue: str, detail: str, now: int) -> Insert:
    """A case about a payment, given to the people of `queue`."""
    key = f"{payment_id}:{reason}"
    return Insert(
        "trouble_case",
        {
            "id": f"{key}:{now}",
            "payment_id": payment_id,
            "conversation_id": conversation_id,
            "reason": reason,
            "queue": queue,
            "owner": None,
            "detail": detail[:500],
            "open_key": key,
            "opened_at": now,
            "closed_at": None,
        },
        or_ignore=True,
    )


def _key(attempt: AttemptRow) -> str:
    return f"{attempt.payment_id}:{attempt.kind.value}"

"""What an answer makes of a payment: outcome in, Change out. Pure, and run again from newer rows when a guard lost.

An outcome is yes with proof, no with proof, or unknown. Unknown is asked about again on the adapter's own schedule;
waiting never turns it into no (I-04, I-09).
"""

from __future__ import annotations

from dataclasses import replace

import orjson

from bot import notices
from bot.payments import ledger, schedule
from bot.payments.machine import BEFORE_MONEY, PROMPT_OPEN, RESTING, Event, Moved, State
from bot.payments.parties import Parties
from bot.payments.rows import AttemptRow, AttemptState, Kind, PaymentRow, latest, next_beside, prompts
from bot.payments.transition import Transition
from bot.sales import STAFF_NOTE, sale_to_json
from bot.store.change import Change, Insert, Update
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.outcomes import (
    CannotAsk,
    Collected,
    CollectionOutcome,
    Declined,
    Expired,
    NotFound,
    Pending,
    Prompted,
    PromptOutcome,
    Reason,
    Refused,
    Vended,
    VendEnquiry,
    VendOutcome,
    VendReason,
    VendRefused,
)
from integrations.contract.parties import AfterNotFound, Pace

#: What an enquiry was waited for: the payment goes on at once where one of these is its state.
_GOES_ON = PROMPT_OPEN | {State.PAID, State.VENDING}


#: Who was told of an attempt without a verdict (`attempt.slow_told`).
CUSTOMER_TOLD, PERSON_TOLD = 1, 2


class Finish:
    """Turns the answer to one call into the Change that ends the claim."""

    def __init__(
        self, payment: PaymentRow, attempts: list[AttemptRow], claimed: AttemptRow, now: int, parties: Parties
    ) -> None:
        self.payment = payment
        #: As it was when the call was made, and as it is now.
        self.claimed = claimed
        self.attempt = next(each for each in attempts if each.id == claimed.id)
        #: As it will be.
        self.after = self.attempt
        self.others = [each for each in attempts if each.id != claimed.id]
        #: The customer wishes for another prompt after the newest one, and the plan has not looked at that yet.
        newest = latest(attempts, Kind.PROMPT)
        self.wished = newest is not None and payment.wish == newest.number
        self.money_proof = next((each.receipt_number for each in prompts(attempts) if each.success), "")
        self.now = now
        self.parties = parties
        self.step = Transition(payment, now, parties)

    def made_of(self, outcome: PromptOutcome | CollectionOutcome | VendOutcome | VendEnquiry, *, sent: bool) -> Change:
        """The Change for the answer to a request (`sent`) or to an enquiry about this attempt."""
        if isinstance(outcome, Unknown) and outcome.unlisted:
            self.step.open_case("unlisted_answer", "operations", f"{self.attempt.party}: {outcome.cause}")
        match self.attempt.kind, outcome:
            case Kind.PROMPT, Prompted() | Refused():
                return self.prompt(outcome)
            case Kind.PROMPT, NotSent() | Unknown() if sent:
                return self.prompt(outcome)
            case Kind.PROMPT, Collected() | Declined() | Expired() | Pending() | NotFound() | CannotAsk():
                return self.collection(outcome)
            case Kind.PROMPT, NotSent() | Unknown():
                return self.collection(outcome)
            case Kind.VEND, NotSent(cause) if sent:
                return self._unsent(cause)
            case Kind.VEND, Unknown(cause) if sent:
                return self._lost(cause, self.parties.utilities[self.payment.utility].pace)
            case Kind.VEND, Vended() | VendRefused() | Pending() | NotFound() | CannotAsk() | NotSent() | Unknown():
                return self.vend(outcome)
            case _:
                raise AssertionError(f"a {self.attempt.kind.value} cannot end in {type(outcome).__name__}")

    # --- the prompt

    def prompt(self, outcome: PromptOutcome) -> Change:
        """The answer to a request to prompt."""
        pace = self.parties.money[self.payment.money].pace
        match outcome:
            case Prompted(theirs):
                self.step.set_attempt(self.attempt, state=AttemptState.OPEN.value, theirs=theirs, outcome="prompted")
                if isinstance(self.step.apply(Event.PROMPT_ACCEPTED, self.attempt), Moved):
                    self.step.tell(notices.prompted(self.payment, self.parties.trade, str(self.step.phone())))
                return self._ends(self.now + schedule.poll_ms(pace, 0))
            case Refused(reason, code, detail):
                self._decide(AttemptState.NO, f"refused {code} {detail}")
                return self._no(Event.REFUSED, reason, code)
            case NotSent(cause):
                return self._unsent(cause)
            case Unknown(cause):
                return self._lost(cause, pace)

    def collection(self, outcome: CollectionOutcome) -> Change:
        """The answer to an enquiry about a prompt, current or earlier."""
        pace, said = self.parties.money[self.payment.money].pace, self.attempt.said
        match outcome:
            case Collected(proof, amount):
                return self._collected(Collected(proof, amount), pace)
            case Declined(reason, code):
                return self._over(Event.DECLINED, reason, code)
            case Expired(code):
                return self._over(Event.EXPIRED, Reason.TIMED_OUT, code)
            case NotFound(code) if self.attempt.out and self._settled(pace):
                return self._not_found(pace, code)
            case CannotAsk() if self.attempt.out and self._settled(pace):
                # The prompt's own lifetime is over, so the phone is free again; whether money moved is still open.
                self._free_phone()
                self.step.open_case("prompt_unknown", "money", "the operator's answer was lost and it cannot be asked")
                return self._ask_later(pace, "cannot ask")
            case NotFound() | CannotAsk():
                return self._ask_later(pace, type(outcome).__name__)
            case Pending() | NotSent() | Unknown() if self.attempt.state is AttemptState.YES and said and said.success:
                return self._proof_came(said.proof)  # the money is proved, and no enquiry tells a receipt number
            case Pending():
                return self._ask_later(pace, "pending", heard=False)
            case NotSent(cause) | Unknown(cause):
                if self.attempt.out and self._settled(pace):
                    self._free_phone()  # the operator is silent for longer than a prompt lives
                return self._ask_later(pace, cause, heard=False)

    def _collected(self, outcome: Collected, pace: Pace) -> Change:
        said = self.attempt.said
        amount = outcome.amount or (said.amount if said and said.success else None)
        if amount is not None and amount != self.payment.total:
            self._free_phone()
            self.step.open_case("amount_mismatch", "money", f"asked {self.payment.total}, told {amount}")
            return self._ask_later(pace, "amount mismatch")
        proof = outcome.proof or (said.proof if said and said.success else None)
        if self.attempt.state is AttemptState.YES:
            return self._proof_came(proof)
        columns = self._proved(proof or self.attempt.known_as or self.attempt.reference)
        if self.payment.state not in BEFORE_MONEY:
            return self._surplus(columns)
        late = self.payment.state not in PROMPT_OPEN
        self._asked("collected", AttemptState.YES, decided_at=self.now, **columns)
        self.step.apply(Event.COLLECTED, self.attempt, detail=columns["proof"] or "")
        self._free_phone()
        self.step.insert(*ledger.collected(self.payment, self.attempt, self.now))
        self.step.tell(notices.paid(self.payment, self.parties.trade, late=late))
        self.step.fact(Event.COLLECTED)
        return self._ends(self.now)

    def _surplus(self, columns: dict[str, str | None]) -> Change:
        """A second prompt of this payment was paid too: never an event of this payment, always the payer's money."""
        columns.pop("success_key")
        self._free_phone()
        self._asked("surplus", AttemptState.YES, decided_at=self.now, **columns)
        self.step.insert(*ledger.surplus(self.payment, self.attempt, self.now))
        self.step.open_case("surplus", "refunds", f"{columns['proof']} {self.payment.total}")
        self.step.tell(notices.surplus(self.payment, self.parties.trade))
        return self._ends(self._goes_on())

    def _proved(self, proof: str) -> dict[str, str | None]:
        theirs = self.attempt.known_as
        return {
            **({"theirs": theirs} if theirs else {}),
            "proof": proof,
            # A utility numbers its receipts as it likes; which sale this is, the reference says.
            "proof_key": f"{self.attempt.party}:{proof}" if self.attempt.kind is Kind.PROMPT else None,
            "success_key": f"{self.payment.id}:{self.attempt.kind.value}",
        }

    def _proof_came(self, proof: str | None) -> Change:
        """Known already. A receipt number that comes after the money replaces the reference that stood in for it.

        It replaces no other receipt number: nobody vouches for a callback, so two that differ are a person's matter.
        """
        known, stand_ins = self.attempt.proof, {self.attempt.theirs, self.attempt.reference}
        better = {"proof": proof, "proof_key": f"{self.attempt.party}:{proof}"} if proof else {}
        if proof and known not in {proof, *stand_ins}:
            better = {}
            self.step.open_case("two_receipts", "money", f"{self.attempt.id}: {known}, then {proof}")
        self._asked("collected", None, **better)
        return self._ends(self._goes_on())

    def _over(self, event: Event, reason: Reason, code: str) -> Change:
        """The operator's no for a prompt."""
        if self.attempt.state is AttemptState.YES:
            # It said yes before. Success outranks failure; the contradiction is kept and a person looks (F-029).
            self._asked(f"{event.value} {code}")
            self.step.apply(event, self.attempt, detail=code)
            return self._ends(self._goes_on())
        if not self.attempt.undecided:
            self._asked(f"{event.value} {code}")
            return self._ends(self._goes_on())
        self._asked(f"{event.value} {code}", AttemptState.NO, decided_at=self.now)
        if self.payment.state not in BEFORE_MONEY:
            self._free_phone()
            return self._ends(self._goes_on())
        return self._no(event, reason, code)

    def _no(self, event: Event, reason: Reason, code: str) -> Change:
        if isinstance(self.step.apply(event, self.attempt, detail=code), Moved):
            self.step.set(wish=0)
            if event is Event.EXPIRED:
                self.step.tell(notices.expired(self.payment, self.attempt.number))
            else:
                self.step.tell(notices.declined(self.payment, reason, self.attempt.number))
            if reason is Reason.OUR_FAULT:
                self.step.open_case("our_fault", "operations", code)
        return self._ends(self._goes_on())

    def _not_found(self, pace: Pace, code: str) -> Change:
        """Proved not there, unless it was accepted before: then the other side contradicts itself.

        What nobody waits for any more, money having come by another prompt, is simply over.
        """
        follows = AfterNotFound.A_PERSON if self.attempt.state is AttemptState.OPEN else pace.after_not_found
        needless = self.attempt.kind is Kind.PROMPT and self.payment.state not in PROMPT_OPEN
        if needless and follows is not AfterNotFound.A_PERSON:
            self._asked(f"not found {code}", AttemptState.NO, decided_at=self.now)
            self._free_phone()
            return self._ends(self._goes_on())
        match follows:
            case AfterNotFound.SAME_REFERENCE:
                return self._absent(AttemptState.UNSENT, code)
            case AfterNotFound.FRESH_REFERENCE:
                return self._absent(AttemptState.ABSENT, code)
            case AfterNotFound.A_PERSON:
                if self.attempt.kind is Kind.PROMPT:
                    self._free_phone()  # nothing can be on it any more, whatever became of the money
                self.step.open_case("not_found", "money", code)
                return self._ask_later(pace, f"not found {code}")

    # --- the vend

    def vend(self, outcome: VendOutcome | VendEnquiry) -> Change:
        """The answer to a vend that may have been sent, or to an enquiry about one."""
        pace = self.parties.utilities[self.payment.utility].pace
        match outcome:
            case Vended():
                return self._vended(outcome)
            case VendRefused(reason, code, detail):
                return self._vend_refused(reason, f"{code} {detail}".strip())
            case NotFound(code) if self._settled(pace):
                return self._not_found(pace, code)
            case NotFound() | CannotAsk() | Pending() | NotSent() | Unknown():
                if isinstance(outcome, CannotAsk):
                    self.step.open_case("vend_unknown", "utility", "the utility cannot be asked about this sale")
                cause = outcome.cause if isinstance(outcome, NotSent | Unknown) else type(outcome).__name__
                return self._ask_later(pace, cause)

    def _vended(self, sale: Vended) -> Change:
        proof = self._proved(sale.proof)
        self._asked("vended", AttemptState.YES, decided_at=self.now, **proof)
        if not isinstance(self.step.apply(Event.VENDED, self.attempt, detail=sale.proof), Moved):
            return self._ends(self._goes_on())
        self.step.insert(*ledger.vended(self.payment, self.attempt, sale.amount, self.now), self._receipt(sale))
        for alarm in (note for note in sale.notes if note.startswith(STAFF_NOTE)):
            self.step.open_case("sale_to_check", "utility", alarm)
        self._keep_meter()
        self.step.tell(notices.receipt(self.payment, self.parties.trade, sale, self.money_proof))
        return self._ends(self._goes_on())

    def _receipt(self, sale: Vended) -> Insert:
        sealed = self.parties.seal.seal(orjson.dumps(sale_to_json(sale)).decode(), "receipt.sale")
        row = {"payment_id": self.payment.id, "customer_id": self.payment.customer_id, "sale_sealed": sealed}
        return Insert("receipt", {**row, "at": self.now})

    def _keep_meter(self) -> None:
        """The meter is offered first next time."""
        payment = self.payment
        row_id = f"{payment.customer_id}:{payment.meter_hash[:24]}"
        row: dict[str, int | str | None] = {
            "id": row_id,
            "customer_id": payment.customer_id,
            "utility": payment.utility,
            "meter_sealed": payment.meter_sealed,
            "meter_hash": payment.meter_hash,
            "owner_masked": payment.owner_masked,
            "used_at": self.now,
        }
        self.step.insert(Insert("saved_meter", row, or_ignore=True))
        self.step.update(Update("saved_meter", row_id, {"used_at": self.now, "forgotten": 0}))

    def _vend_refused(self, reason: VendReason, detail: str) -> Change:
        self._asked(f"refused {detail}", AttemptState.NO, decided_at=self.now)
        if isinstance(self.step.apply(Event.VEND_REFUSED, self.attempt, detail=detail), Moved):
            reason_of_case = "no_float" if reason is VendReason.NO_FLOAT else "refund_due"
            self.step.open_case(reason_of_case, "refunds", detail)
            self.step.tell(notices.refund_due(self.payment, self.parties.trade, reason))
        return self._ends(self._goes_on())

    # --- both

    def _unsent(self, cause: str) -> Change:
        """Proved not sent: the same reference may go out, soon at first and then more slowly."""
        self._decide(AttemptState.UNSENT, f"not sent: {cause}")
        self.step.apply(Event.UNSENT, self.attempt, detail=cause[:200])
        self.step.set(tries=self.payment.tries + 1)
        if self.attempt.kind is Kind.VEND:
            self.step.set_attempt(self.attempt, slow_told=self._told_slow(cause))
        return self._ends(self.now + schedule.backoff_ms(self.payment.tries))

    def _lost(self, cause: str, pace: Pace) -> Change:
        """The answer to our request never came: it may have been acted upon, and is asked about."""
        self.step.set_attempt(self.attempt, outcome=f"unknown: {cause}"[:200])
        return self._ends(self.now + schedule.poll_ms(pace, 0))

    def _absent(self, state: AttemptState, code: str) -> Change:
        self._asked(f"not found {code}", state)
        self.step.apply(Event.UNSENT, self.attempt, detail=f"not found {code}")
        return self._ends(self.now)

    def _ask_later(self, pace: Pace, why: str, *, heard: bool = True) -> Change:
        """No verdict. After a while the customer is told, and later a person. `heard`: the other side did answer."""
        self._asked(why, slow_told=self._told_slow(why))
        waited_for = self.attempt.kind is Kind.VEND or (self.payment.state in PROMPT_OPEN and self.attempt.undecided)
        if waited_for:
            return self._ends(self.now + schedule.poll_ms(pace, self._asks))
        # Where nothing else is to be done, a hint that found no answer is looked into again.
        goes_on = self._something_waits
        return self._ends(self._goes_on(heard=heard or goes_on), heard=heard or goes_on)

    @property
    def _asks(self) -> int:
        """Its enquiries with this one. One that a callback woke does not count: strangers must not slow us (S-07)."""
        return self.attempt.asks + (0 if self.claimed.hinted else 1)

    def _asked(self, outcome: str, state: AttemptState | None = None, **columns: str | int | None) -> None:
        """An enquiry was made. With `state` it decided the attempt, and the count of enquiries begins anew."""
        asks, state = (0, state) if state else (self._asks, self.attempt.state)
        self.after = replace(self.attempt, state=state, asks=asks, asked_at=self.now)
        self.step.asked(self.attempt, outcome, state=state.value, asks=asks, **columns)

    def _told_slow(self, why: str) -> int:
        """Tell what the age of an attempt without a verdict calls for, each thing once; who has been told by now."""
        told, vend = self.attempt.slow_told, self.attempt.kind is Kind.VEND
        age = self.now - self.attempt.created_at if self.attempt.undecided else 0
        if told < CUSTOMER_TOLD and age >= (schedule.VEND_TOLD_AFTER_MS if vend else schedule.PROMPT_TOLD_AFTER_MS):
            told = CUSTOMER_TOLD
            if vend:
                self.step.tell(notices.vend_slow(self.payment, self.parties.trade))
            elif self.payment.state in BEFORE_MONEY:  # who paid by another prompt would read it as about that one
                self.step.tell(notices.still_open(self.payment))
        if told < PERSON_TOLD and age >= schedule.SLOW_AFTER_MS:
            told = PERSON_TOLD
            self.step.open_case(*(("vend_slow", "utility") if vend else ("prompt_slow", "money")), why)
        return told

    def _decide(self, state: AttemptState, outcome: str) -> None:
        decided = None if state is AttemptState.UNSENT else self.now
        self.after = replace(self.attempt, state=state)
        self.step.set_attempt(self.attempt, state=state.value, decided_at=decided, outcome=outcome[:200])

    def _settled(self, pace: Pace) -> bool:
        """Whether "not found" is proof: the settle time is over since the last sending, which began within a lease.

        An attempt can go out again long after it was made. Each going out is a move of the payment, so counting from
        its last move is never too early.
        """
        sent_at = max(self.attempt.created_at, self.payment.changed_at)
        return self.now - sent_at >= pace.settle * 1000 + self.parties.lease.length_ms

    def _free_phone(self) -> None:
        """This prompt is no longer on the payer's phone; another of this payment may be."""
        out = any(each.out for each in prompts(self.others))
        self.step.set(live_payer=self.payment.payer_hash if out else None)

    def _goes_on(self, *, heard: bool = True) -> int | None:
        """What is open or wished for goes on at once; the rest waits for what may still come of its prompts."""
        if self._something_waits:
            return self.now
        after = replace(self.after, hinted=self.attempt.hinted and not heard)
        due_at, _ = next_beside([*self.others, after])
        return None if due_at is None else max(due_at, self.now)

    @property
    def _something_waits(self) -> bool:
        """Whether the plan has something to do at once: in an open state, or for a wish that no move has answered."""
        state = self.step.payment.state
        return state in _GOES_ON or (self.wished and state in RESTING and state is self.payment.state)

    def _ends(self, due_at: int | None, *, heard: bool = True) -> Change:
        if self.claimed.hinted and self.claimed.said and heard:
            # The hint that this call looked into is used up; one that came meanwhile says something else and stays.
            said = {"claim": self.claimed.said.text()}
            self.step.update(Update("attempt", self.attempt.id, {"hinted": 0}, only_if=said))
        return self.step.change(due_at, release=True)

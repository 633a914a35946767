"""What a claimed payment needs next, decided from its rows alone.

What may be sent is the table `MAY_SEND` over (state, kind of attempt); there is no default. Everything else in an open
state is asked about. The plan may be made more than once for one claim (a batch that runs again); the worker is given
the one that committed, whose attempt therefore stands in the store before the first byte leaves (I-02).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from bot import notices
from bot.notices import Notice
from bot.payments import machine
from bot.payments.limits import Counts, Held, held
from bot.payments.machine import Event, State
from bot.payments.parties import Parties
from bot.payments.rows import AttemptRow, AttemptState, Kind, PaymentRow, latest, next_beside
from bot.payments.transition import Transition
from bot.store.change import Change
from flows.questions import OFFER_SECONDS

#: A prompt whose address nobody can guess: 32 hexadecimal digits, 128 bits (S-07). Hexadecimal, because operators
#: refuse addresses in which certain words stand (S-08), and letters at random spell some of them.
CALLBACK_SECRET_BYTES = 16

#: How long an order waits when another prompt is live on the payer's phone, before it is looked at again.
LIVE_PROMPT_WAIT_MS = 5_000

#: A fresh attempt of this kind may be begun in these states, and an unsent one sent again.
MAY_SEND: Final[Mapping[State, Kind]] = {
    State.CONFIRMED: Kind.PROMPT,
    State.PROMPTING: Kind.PROMPT,
    State.DECLINED: Kind.PROMPT,
    State.EXPIRED: Kind.PROMPT,
    State.PAID: Kind.VEND,
    State.VENDING: Kind.VEND,
}


@dataclass(frozen=True, slots=True)
class Send:
    """Send this committed attempt. `callback_url` is its own address, for a prompt."""

    payment: PaymentRow
    attempt: AttemptRow
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Enquire:
    """Ask what became of this attempt."""

    payment: PaymentRow
    attempt: AttemptRow


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing is to be done now; what there was to write is written."""

    payment: PaymentRow


Plan: TypeAlias = Send | Enquire | Rest


def make_plan(payment: PaymentRow, attempts: list[AttemptRow], counts: Counts, parties: Parties) -> tuple[Plan, Change]:
    """The next step for a payment that was just claimed, and what must be written with the claim."""
    hinted = next((attempt for attempt in attempts if attempt.hinted), None)
    if hinted is not None and hinted.kind is Kind.PROMPT:
        return Enquire(payment, hinted), Change()
    prompt, vend = latest(attempts, Kind.PROMPT), latest(attempts, Kind.VEND)
    match payment.state:
        case State.CONFIRMED:
            return _first_prompt(payment, counts, parties)
        case State.DECLINED | State.EXPIRED if prompt is not None and payment.wish == prompt.number:
            return _wished(payment, attempts, counts, parties)
        case State.DECLINED | State.EXPIRED:
            return _beside(payment, attempts, parties)
        case State.PROMPTING | State.PROMPTED:
            return _open(payment, prompt, attempts, parties)
        case State.PAID | State.VENDING:
            return _open(payment, vend, attempts, parties)
        case State.VENDED | State.REFUND_DUE | State.REFUNDING | State.REFUNDED:
            return _beside(payment, attempts, parties)


def _beside(payment: PaymentRow, attempts: list[AttemptRow], parties: Parties) -> tuple[Plan, Change]:
    """Nothing is wanted here; money may still come by a prompt of it that is out, or that was thought to be over."""
    due_at, prompt = next_beside(attempts)
    if prompt is None or due_at is None or due_at > _now(parties):
        return _rest(payment, parties, due_at)
    return Enquire(payment, prompt), Change()


def _too_old(payment: PaymentRow, parties: Parties) -> bool:
    """A price holds so long; a prompt that comes later would surprise its payer (F-017)."""
    return _now(parties) > payment.confirmed_at + OFFER_SECONDS * 1000


def _first_prompt(payment: PaymentRow, counts: Counts, parties: Parties) -> tuple[Plan, Change]:
    now = _now(parties)
    if _too_old(payment, parties):
        return _refused(payment, None, parties)
    why = held(parties.caps, counts, own=payment.payer_own, at=parties.clock.now(), zone=parties.trade.zone)
    if why is Held.LIVE:
        return _rest(payment, parties, due_at=now + LIVE_PROMPT_WAIT_MS)
    if why is not None:
        return _refused(payment, why, parties)
    return _fresh(payment, 1, parties)


def _wished(
    payment: PaymentRow, attempts: list[AttemptRow], counts: Counts, parties: Parties
) -> tuple[Plan, Change]:  # fmt: skip
    """One more prompt, unless our limits or the time say no; then it rests on, and is asked about as before."""
    old = _too_old(payment, parties)
    why = held(parties.caps, counts, own=payment.payer_own, at=parties.clock.now(), zone=parties.trade.zone)
    if why is None and not old:
        return _fresh(payment, payment.wish + 1, parties)
    transition = Transition(payment, _now(parties), parties)
    transition.set(wish=0)
    transition.tell(notices.not_again(payment, None if old else why))
    return Rest(payment), transition.change(next_beside(attempts)[0], release=True)


def _open(
    payment: PaymentRow, attempt: AttemptRow | None, attempts: list[AttemptRow], parties: Parties
) -> tuple[Plan, Change]:  # fmt: skip
    if attempt is None:
        return _fresh(payment, 1, parties)
    match attempt.state:
        case AttemptState.UNSENT:
            return _again(payment, attempt, attempts, parties)
        case AttemptState.ABSENT:
            return _fresh(payment, attempt.number + 1, parties)
        case AttemptState.NO if payment.state is State.PAID:
            return _fresh(payment, attempt.number + 1, parties)
        case AttemptState.SENDING | AttemptState.OPEN | AttemptState.YES | AttemptState.NO:
            return Enquire(payment, attempt), Change()


def _fresh(payment: PaymentRow, number: int, parties: Parties) -> tuple[Plan, Change]:
    """A new attempt with its own reference, written before it is sent."""
    kind = MAY_SEND[payment.state]
    party = parties.money[payment.money] if kind is Kind.PROMPT else parties.utilities[payment.utility]
    now = _now(parties)
    attempt = AttemptRow(
        id=f"{payment.id}.{kind.value}{number}", payment_id=payment.id, kind=kind, number=number, party=party.name,
        reference=party.new_reference(parties.clock, parties.random), theirs=None, state=AttemptState.SENDING,
        success=False, proof=None, asks=0, asked_at=0, slow_told=0, hinted=False, said=None, created_at=now,
        decided_at=None,
    )  # fmt: skip
    secret = parties.random.hexadecimal(CALLBACK_SECRET_BYTES) if kind is Kind.PROMPT else ""
    transition = Transition(payment, now, parties)
    transition.apply(_started(kind), attempt)
    transition.insert_attempt(attempt, callback_hash=callback_hash(secret) if secret else None)
    url = f"{parties.callback_base}/c/{secret}" if secret and parties.callback_base else ""
    return Send(transition.written(), attempt, url), transition.change(due_at=payment.due_at)


def _again(
    payment: PaymentRow, attempt: AttemptRow, attempts: list[AttemptRow], parties: Parties
) -> tuple[Plan, Change]:  # fmt: skip
    """An attempt proved never sent goes out under its own reference, to an address of its own again.

    A prompt is not sent any more once its price no longer holds (F-017); a vend is, since the money is there.
    """
    if attempt.kind is Kind.PROMPT and _now(parties) > attempt.created_at + OFFER_SECONDS * 1000:
        return _refused(payment, None, parties, attempt, next_beside(attempts)[0])
    secret = parties.random.hexadecimal(CALLBACK_SECRET_BYTES) if attempt.kind is Kind.PROMPT else ""
    transition = Transition(payment, _now(parties), parties)
    transition.apply(_started(attempt.kind), attempt)
    address = {"callback_hash": callback_hash(secret)} if secret else {}
    transition.set_attempt(attempt, state=AttemptState.SENDING.value, **address)
    url = f"{parties.callback_base}/c/{secret}" if secret and parties.callback_base else ""
    return Send(transition.written(), attempt, url), transition.change(due_at=payment.due_at)


def _refused(
    payment: PaymentRow, why: Held | None, parties: Parties, unsent: AttemptRow | None = None, due_at: int | None = None
) -> tuple[Plan, Change]:
    """Our own limits, or an order that waited too long: nothing is sent, and an attempt that never was is closed."""
    transition = Transition(payment, _now(parties), parties)
    transition.apply(Event.REFUSED, unsent, detail=why.value if why else "too old")
    if unsent is not None:
        transition.set_attempt(unsent, state=AttemptState.NO.value, decided_at=_now(parties), outcome="too old")
    again = unsent is not None and unsent.number > 1
    transition.tell(notices.not_again(payment, why) if again else _not_sent(payment, why))
    return Rest(payment), transition.change(due_at, release=True)


def _not_sent(payment: PaymentRow, why: Held | None) -> Notice:
    return notices.held(payment, why) if why else notices.too_old(payment)


def _rest(payment: PaymentRow, parties: Parties, due_at: int | None = None) -> tuple[Plan, Change]:
    return Rest(payment), Transition(payment, _now(parties), parties).change(due_at=due_at, release=True)


def _started(kind: Kind) -> machine.Event:
    return Event.PROMPT_STARTED if kind is Kind.PROMPT else Event.VEND_STARTED


def callback_hash(secret: str) -> str:
    """How the secret part of a callback address is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _now(parties: Parties) -> int:
    return int(parties.clock.now().timestamp() * 1000)

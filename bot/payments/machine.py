"""The payment machine: everything that decides which state follows which event is in this file, as a table.

A state ending in "-ing" means: we have asked, or may have asked, and only a definite answer moves us on. Time alone
moves nothing. This module knows no attempts, rows, clocks or parties; `finish.py` turns answers into events, and
`transition.py` events into rows.

Three things can become of an event. It moves the payment (`TABLE`). It repeats what is known already (`REPEATS`): a
callback again, an enquiry after the fact. Or it fits nothing: what we did ourselves is then a bug and raises
`IllegalError`; what others report is a `Contradiction`, kept and given to a person, changing nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias


class State(Enum):
    """Where a payment stands."""

    CONFIRMED = "confirmed"
    PROMPTING = "prompting"
    PROMPTED = "prompted"
    DECLINED = "declined"
    EXPIRED = "expired"
    PAID = "paid"
    VENDING = "vending"
    VENDED = "vended"
    REFUND_DUE = "refund_due"
    REFUNDING = "refunding"
    REFUNDED = "refunded"


class Event(Enum):
    """What happens to a payment. Each names the attempt it is about, but for the customer's confirmation."""

    #: Ours: written before a byte leaves.
    PROMPT_STARTED = "prompt_started"
    VEND_STARTED = "vend_started"
    REFUND_STARTED = "refund_started"
    #: The operator's, about a prompt.
    PROMPT_ACCEPTED = "prompt_accepted"
    REFUSED = "refused"
    DECLINED = "declined"
    EXPIRED = "expired"
    COLLECTED = "collected"
    #: The utility's, about a vend.
    VENDED = "vended"
    VEND_REFUSED = "vend_refused"
    #: The operator's, about a refund.
    REFUNDED = "refunded"
    REFUND_REFUSED = "refund_refused"
    #: Proved: the attempt was never sent, or is not there after the settle time.
    UNSENT = "unsent"


OURS: Final = frozenset({Event.PROMPT_STARTED, Event.VEND_STARTED, Event.REFUND_STARTED})

#: Money has not been proved to have moved; every other state is after a proof of collection.
BEFORE_MONEY: Final = frozenset({State.CONFIRMED, State.PROMPTING, State.PROMPTED, State.DECLINED, State.EXPIRED})

#: A prompt may be, or have been, on the payer's phone with no answer yet.
PROMPT_OPEN: Final = frozenset({State.PROMPTING, State.PROMPTED})

#: Nothing more is wanted here, but a late answer is still heard.
RESTING: Final = frozenset({State.DECLINED, State.EXPIRED})

FINAL: Final = frozenset({State.VENDED, State.REFUNDED})

TABLE: Final[Mapping[State, Mapping[Event, State]]] = {
    State.CONFIRMED: {
        Event.PROMPT_STARTED: State.PROMPTING,
        Event.REFUSED: State.DECLINED,  # our own limits, before anything was sent
    },
    State.PROMPTING: {
        Event.PROMPT_ACCEPTED: State.PROMPTED,
        Event.REFUSED: State.DECLINED,
        Event.DECLINED: State.DECLINED,
        Event.EXPIRED: State.EXPIRED,
        Event.COLLECTED: State.PAID,  # a callback may overtake the answer to our own request
        Event.UNSENT: State.PROMPTING,
        Event.PROMPT_STARTED: State.PROMPTING,  # only for an attempt marked unsent
    },
    State.PROMPTED: {
        Event.DECLINED: State.DECLINED,
        Event.EXPIRED: State.EXPIRED,
        Event.COLLECTED: State.PAID,
    },
    State.DECLINED: {
        Event.PROMPT_STARTED: State.PROMPTING,  # a new attempt, at the customer's wish
        Event.COLLECTED: State.PAID,  # late money is still money
    },
    State.EXPIRED: {
        Event.PROMPT_STARTED: State.PROMPTING,
        Event.DECLINED: State.DECLINED,
        Event.COLLECTED: State.PAID,
    },
    State.PAID: {
        Event.VEND_STARTED: State.VENDING,
    },
    State.VENDING: {
        Event.VENDED: State.VENDED,
        Event.VEND_REFUSED: State.REFUND_DUE,
        Event.UNSENT: State.VENDING,
        Event.VEND_STARTED: State.VENDING,  # only for an attempt marked unsent
    },
    State.VENDED: {},
    State.REFUND_DUE: {
        Event.VEND_STARTED: State.VENDING,  # float restored, or a person decides: fresh reference, same proof
        Event.REFUND_STARTED: State.REFUNDING,
    },
    State.REFUNDING: {
        Event.REFUNDED: State.REFUNDED,
        Event.REFUND_REFUSED: State.REFUND_DUE,
        Event.UNSENT: State.REFUNDING,
        Event.REFUND_STARTED: State.REFUNDING,  # only for an attempt marked unsent
    },
    State.REFUNDED: {},
}

_AFTER_MONEY: Final = frozenset(State) - BEFORE_MONEY

#: What tells nothing new about the attempt it names.
REPEATS: Final[Mapping[Event, frozenset[State]]] = {
    Event.PROMPT_ACCEPTED: frozenset(State) - {State.PROMPTING, State.CONFIRMED},
    Event.REFUSED: frozenset({State.DECLINED, State.EXPIRED}),
    Event.DECLINED: frozenset({State.DECLINED}),
    Event.EXPIRED: frozenset({State.EXPIRED, State.DECLINED}),
    Event.COLLECTED: _AFTER_MONEY,
    Event.VENDED: frozenset({State.VENDED}),
    Event.VEND_REFUSED: frozenset({State.REFUND_DUE, State.REFUNDING, State.REFUNDED}),
    Event.REFUNDED: frozenset({State.REFUNDED}),
    Event.REFUND_REFUSED: frozenset({State.REFUND_DUE}),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """The payment is now in `state`."""

    state: State


@dataclass(frozen=True, slots=True)
class Repeat:
    """Known already; nothing changes."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What was reported cannot be true beside what is known; it is kept and a case is opened."""


class IllegalError(AssertionError):
    """Our own code asked for a move that the table does not have: a bug, and nothing has changed."""


Advance: TypeAlias = Moved | Repeat | Contradiction


def advance(state: State, event: Event) -> Advance:
    """What `event` does to a payment in `state`. Raises IllegalError for a move of our own that is not in the table."""
    after = TABLE[state].get(event)
    if after is not None:
        return Moved(after)
    if state in REPEATS.get(event, frozenset()):
        return Repeat()
    if event in OURS:
        raise IllegalError(f"{event.value} in state {state.value}")
    return Contradiction()

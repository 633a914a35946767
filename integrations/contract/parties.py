"""What an operator and a utility must be able to do. Optional powers are separate protocols, so absence is visible."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from integrations.contract.exchange import Request, Response
from integrations.contract.money import Money
from integrations.contract.outcomes import (
    CallbackRejected,
    CallbackSeen,
    CollectionOutcome,
    FindOutcome,
    PromptOutcome,
    QuoteOutcome,
    VendEnquiry,
    VendOutcome,
)
from integrations.contract.people import MeterNumber, Phone
from integrations.contract.seams import Clock, Random


class AfterNotFound(Enum):
    """What a proven not-found permits."""

    SAME_REFERENCE = "same_reference"
    FRESH_REFERENCE = "fresh_reference"
    A_PERSON = "a_person"


@dataclass(frozen=True, slots=True)
class Pace:
    """How an outside party is asked, in seconds. Declared by each adapter from its documents."""

    #: The longest one call may take.
    timeout: float
    #: Waits before each enquiry after the attempt was sent; the last one repeats.
    polls: tuple[float, ...]
    #: A not-found earlier than this after sending proves nothing.
    settle: float
    after_not_found: AfterNotFound


@dataclass(frozen=True, slots=True)
class Collection:
    """What a prompt asks for. `reference` is ours; `label` is the account text the prompt shows (S-44).

    `callback_url` is this attempt's own address, absolute; empty where the operator cannot reach us.
    """

    reference: str
    amount: Money
    payer: Phone
    label: str
    callback_url: str


@dataclass(frozen=True, slots=True)
class AmountRules:
    """What one prompt may ask for: inclusive bounds and the step amounts must be a multiple of."""

    minimum: Money
    maximum: Money
    step: Money


class MobileMoney(Protocol):
    """An operator that can ask a payer for money."""

    name: str
    #: The name people know: "M-Pesa".
    title: str
    currency: str
    #: What the prompt on the phone says it pays (S-44).
    merchant: str
    rules: AmountRules
    pace: Pace
    #: Whether a callback's word is proved by the callback itself; else the operator is asked.
    callbacks_proved: bool

    def new_reference(self, clock: Clock, random: Random) -> str:
        """Our reference for one attempt, in the operator's format. Committed before anything is sent (I-02)."""
        ...

    def serves(self, phone: Phone) -> bool:
        """Whether a number looks like one of this operator's; a hint, since numbers are ported."""
        ...

    async def prompt(self, collection: Collection, deadline: float) -> PromptOutcome:
        """Ask the payer for the PIN. Money: the payer may approve at any time after the first byte leaves."""
        ...

    async def enquire(self, ours: str, theirs: str | None, deadline: float) -> CollectionOutcome:
        """Ask what became of one attempt. Money: none moves."""
        ...

    def callback(self, request: Request) -> CallbackSeen | CallbackRejected:
        """Read a callback. Pure. Money: a callback is a hint; it never moves money by itself."""
        ...

    def callback_answer(self) -> Response:
        """What this operator expects to hear for any callback that was stored."""
        ...


@dataclass(frozen=True, slots=True)
class VendOrder:
    """What is sold: `reference` is ours and names the sale for ever."""

    reference: str
    meter: MeterNumber
    amount: Money


@dataclass(frozen=True, slots=True)
class MeterShape:
    """How a meter number of this utility looks: its possible lengths, and whether the check digit is Luhn's."""

    lengths: tuple[int, ...]
    luhn: bool


class Utility(Protocol):
    """A utility, or somebody who sells for it."""

    name: str
    title: str
    currency: str
    shape: MeterShape
    minimum: Money
    maximum: Money
    pace: Pace

    def new_reference(self, clock: Clock, random: Random) -> str:
        """Our reference for one sale, in the utility's format. Committed before anything is sent."""
        ...

    async def find(self, meter: MeterNumber, deadline: float) -> FindOutcome:
        """Who owns this meter, and may it buy? Money: none moves; the customer has not confirmed."""
        ...

    async def vend(self, order: VendOrder, deadline: float) -> VendOutcome:
        """Sell. Money: irreversible at the utility once a token exists, answered or not."""
        ...

    async def enquire(self, order: VendOrder, deadline: float) -> VendEnquiry:
        """What became of this sale? Money: none moves."""
        ...


@runtime_checkable
class Quotes(Protocol):
    """A utility that can say beforehand what an amount would buy."""

    async def quote(self, meter: MeterNumber, amount: Money, deadline: float) -> QuoteOutcome:
        """What would this amount buy? Money: none moves."""
        ...

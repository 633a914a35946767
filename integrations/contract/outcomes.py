"""The closed sets of answers from operators and utilities: yes with proof, no with proof, or unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, TokenNumber


class Reason(Enum):
    """Why an operator said no, in words a customer can be told."""

    CANCELLED = "cancelled"
    WRONG_PIN = "wrong_pin"
    NO_BALANCE = "no_balance"
    TIMED_OUT = "timed_out"
    LIMIT = "limit"
    BAD_NUMBER = "bad_number"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    OUR_FAULT = "our_fault"
    OTHER = "other"


# --- mobile money: the prompt and the enquiry about it


@dataclass(frozen=True, slots=True)
class Prompted:
    """The operator accepted the request to ask for a PIN; no money has moved. `theirs` is the operator's own id."""

    theirs: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The operator proved it will not show this prompt; nothing was or will be charged for it."""

    reason: Reason
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """Proof that the money moved. `proof` is the operator's receipt number where this answer carries it.

    `amount` is None where the operator's answer does not state it (an M-Pesa query).
    """

    proof: str | None
    amount: Money | None


@dataclass(frozen=True, slots=True)
class Declined:
    """Proof that this prompt took no money so far and is over."""

    reason: Reason
    code: str


@dataclass(frozen=True, slots=True)
class Expired:
    """The operator itself says the prompt ran out. Late money is still possible."""

    code: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The operator knows the prompt and has no verdict yet."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The other side does not know the reference. Proof only after the adapter's settle time."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class CannotAsk:
    """There is no way to ask about this attempt (an M-Pesa push whose answer was lost)."""


PromptOutcome: TypeAlias = Prompted | Refused | NotSent | Unknown
CollectionOutcome: TypeAlias = Collected | Declined | Expired | Pending | NotFound | CannotAsk | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class CallbackSeen:
    """What a callback claims, unproved. None where it does not say. `theirs` must match or fill the attempt's."""

    theirs: str
    claims_success: bool
    proof: str | None = None
    amount: Money | None = None
    payer_digits: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackRejected:
    """The body is not a callback of this operator. Kept raw, answered, otherwise without effect."""

    reason: str


# --- the utility: finding an account, quoting, vending, asking again


@dataclass(frozen=True, slots=True)
class Account:
    """A meter the utility knows. `owner` is unmasked: mask it before it is shown."""

    meter: MeterNumber
    owner: str
    address: str = ""
    minimum: Money | None = None
    maximum: Money | None = None


@dataclass(frozen=True, slots=True)
class NoSuchMeter:
    """The utility does not know the number."""


@dataclass(frozen=True, slots=True)
class CannotVend:
    """The utility knows the meter and will not sell to it. `reason` is one of its documented faults."""

    reason: str
    detail: str = ""


class TokenKind(Enum):
    """What a token does. Key changes are entered first, in order, then the rest."""

    KEY_CHANGE = "key_change"
    FREE = "free"
    CREDIT = "credit"


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a sale. `units_text` is the utility's own figure ("64.7"), shown as given."""

    kind: TokenKind
    number: TokenNumber
    units_text: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of a sale: `label` is the utility's own words (tariff, tax, service fee, debt)."""

    label: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """What a sale would bring, before money is asked for."""

    units_text: str
    unit: str
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True, slots=True)
class Vended:
    """Proof of a sale. `tokens` are in the order they must be typed in."""

    proof: str
    meter: MeterNumber
    tokens: tuple[Token, ...]
    amount: Money
    units_text: str
    unit: str
    charges: tuple[Charge, ...] = ()
    notes: tuple[str, ...] = ()
    sold_at: datetime | None = None


class VendReason(Enum):
    """Why a utility said no, in words a customer can be told."""

    UNKNOWN_METER = "unknown_meter"
    BLOCKED = "blocked"
    METER_DATA = "meter_data"
    NOT_DUE = "not_due"
    NO_FLOAT = "no_float"
    NOT_ALLOWED = "not_allowed"
    AMOUNT = "amount"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class VendRefused:
    """The utility proved that it sold nothing for this reference and will not."""

    reason: VendReason
    code: str
    detail: str = ""


FindOutcome: TypeAlias = Account | NoSuchMeter | CannotVend | NotSent | Unknown
QuoteOutcome: TypeAlias = Quote | VendRefused | NotSent | Unknown
VendOutcome: TypeAlias = Vended | VendRefused | NotSent | Unknown
VendEnquiry: TypeAlias = Vended | VendRefused | NotFound | Pending | CannotAsk | NotSent | Unknown

"""What a way to talk with people can carry, must do, and may do beside. Optional powers are separate protocols."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias, runtime_checkable

from integrations.contract.exchange import NotSent, Request, Response, Unknown
from integrations.contract.message import Ignored, Message, Received, Rejected, Sending


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry. Lengths are characters after styles are removed.

    `window_seconds`: only so long after a person's last message may we write freely; None where there is no such rule.
    `per_second` bounds what our one sender sends to everybody; 0 is no bound. To one person a message goes each
    `recipient_seconds` in the long run, and up to `recipient_burst` of them at once.
    """

    text_length_max: int
    buttons_max: int
    button_label_length_max: int
    can_edit: bool
    can_share_phone: bool
    window_seconds: int | None = None
    per_second: int = 0
    recipient_seconds: float = 0.0
    recipient_burst: int = 1
    #: Whether choices need words around them (`Message.choice_words`), and may be shown as numbered lines.
    numbers_choices: bool = False


@dataclass(frozen=True, slots=True)
class Waybill:
    """What goes with a message beside its content.

    `own` is our id of it, which reports about it name. `tried_at` is when an earlier try began whose end nobody knows
    (UTC; None when there was none): what it may have sent is looked for before anything is sent again, among the
    messages of this address but for `known`, the channel's ids of other messages of ours.
    """

    own: str = ""
    tried_at: datetime | None = None
    known: frozenset[str] = frozenset()


NO_WAYBILL = Waybill()


# What a channel reports of a message later on.


class Arrival(Enum):
    """How far a message came. The order is that of the values: what is read was delivered."""

    SENT = 1
    DELIVERED = 2
    READ = 3


class Obstacle(Enum):
    """Why a message did not arrive, by what can be done about it."""

    #: Nobody wrote to us for too long: only an approved template may be sent.
    WINDOW = "window"
    #: Too many messages; later it will do.
    SLOW_DOWN = "slow_down"
    #: Trouble on the way; once more is worth trying.
    PROVIDER = "provider"
    #: The form was not accepted; as plain text it may be.
    FORM = "form"
    #: This person cannot be reached here.
    PERSON = "person"
    #: Our account or our sender: somebody of ours must mend it.
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of ours came so far. `own` is the Waybill's, `external_id` the channel's id of it."""

    own: str
    external_id: str
    how_far: Arrival


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message of ours was taken and did not arrive. `code` is the channel's own; one we do not list is `unlisted`."""

    own: str
    external_id: str
    obstacle: Obstacle
    code: str
    unlisted: bool = False


Report: TypeAlias = Arrived | Undelivered


@dataclass(frozen=True, slots=True)
class Knock:
    """A message that was approved beforehand, to somebody we may not write to freely: that something waits for them.

    `template` names it, `language` is the reader's, `values` fill its places in order.
    """

    template: str
    language: str
    values: tuple[str, ...] = ()


class Channel(Protocol):
    """A way to talk with people."""

    name: str
    #: Where its webhook is, below /webhooks/.
    path: str
    limits: Limits
    #: The longest a send may take, in seconds.
    timeout_seconds: float

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        """Verify a webhook request over its raw body, then parse it. Pure. Money: none moves here."""
        ...

    def acknowledge(self, received: list[Received | Ignored]) -> Response:
        """The 2xx for a webhook whose inputs are stored. It may stop a spinner; it never carries an answer."""
        ...

    async def send(self, address: str, message: Message, deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        """Send or edit one message. Never repeats by itself. Money: none moves here."""
        ...

    def working(self, address: str, deadline: float) -> Coroutine[object, object, None]:
        """Show that we are busy ("typing …"); its failure is nobody's concern."""
        ...


@runtime_checkable
class Knocks(Channel, Protocol):
    """A channel with a window, which lets us knock when it is shut."""

    async def knock(self, address: str, knock: Knock, deadline: float, waybill: Waybill) -> Sending:
        """Send an approved template. Malformed when it is not to be had: not approved, paused, not in this language."""
        ...


@runtime_checkable
class Reports(Channel, Protocol):
    """A channel that says later what became of a message."""

    #: Where it says so, below /webhooks/.
    reports_path: str

    def report(self, request: Request) -> Report | Ignored | Rejected:
        """Verify and read one report. Pure."""
        ...


@runtime_checkable
class Inbox(Channel, Protocol):
    """A channel that can be asked for what people wrote, because a webhook that was lost is not sent again."""

    async def written_since(self, at: datetime, deadline: float) -> list[Received] | NotSent | Unknown:
        """Everything people wrote to us since `at` (UTC), the oldest first; one too many is better than one too few."""
        ...

"""Neutral messages out and neutral inputs in; each channel lowers and raises them within its own limits."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias

from integrations.contract.exchange import NotSent, Request, Response, Unknown
from integrations.contract.people import Phone


class Style(Enum):
    """How a stretch of text looks. CODE is copyable with one tap where the channel can."""

    PLAIN = "plain"
    BOLD = "bold"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of rendered text in one style; escaping is the channel's business."""

    text: str
    style: Style = Style.PLAIN


Rich: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Button:
    """A tappable answer. `data` comes back unchanged when tapped, at most BUTTON_DATA_BYTES_MAX bytes of ASCII."""

    data: str
    label: str


BUTTON_DATA_BYTES_MAX = 64


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person. `edits` is the channel's id of an earlier message this one replaces in place.

    `share_phone` is the label of a button by which the channel hands over the sender's own number, where it can.
    `progress` says that a later message will replace this one in place: nothing may hang on it that forbids editing.
    """

    body: Rich
    buttons: tuple[Button, ...] = ()
    share_phone: str | None = None
    edits: str | None = None
    progress: bool = False


def plain(message: Message) -> str:
    """The text of a message without styles, for terminals and transcripts."""
    return "".join(span.text for span in message.body)


# What a person did, as the channel reports it.


@dataclass(frozen=True, slots=True)
class Typed:
    """Text as typed, uninterpreted."""

    text: str


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button's `data`, and the channel's id of the message it hangs on.

    `spinner` names what turns on the person's screen until the tap is acknowledged, where the channel has such a thing.
    """

    data: str
    on_message: str
    spinner: str = ""


@dataclass(frozen=True, slots=True)
class SharedPhone:
    """A contact card. `own` only when the channel vouches that it is the sender's own number."""

    phone: Phone
    own: bool


@dataclass(frozen=True, slots=True)
class Edited:
    """An earlier message was edited; edits never change an answer (F-082)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A photo, voice note, sticker, location …: `what` is the kind, in the channel's own word."""

    what: str


@dataclass(frozen=True, slots=True)
class Reachable:
    """The person blocked (`False`) or unblocked the bot."""

    yes: bool


Content: TypeAlias = Typed | Tapped | SharedPhone | Edited | Unreadable | Reachable


@dataclass(frozen=True, slots=True)
class Received:
    """One input. `external_id` is unique for ever within the channel; `address` is where answers go.

    `order` sorts inputs of one sender that arrive together. `language` is the sender's app language (BCP 47) when told.
    """

    external_id: str
    address: str
    content: Content
    at: datetime
    order: int = 0
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Not for us (a group, an anonymous admin, an unknown kind): acknowledged, and counted by reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not proved to come from the channel. Answered with `status`; nothing is stored."""

    reason: str
    status: int = 401


# What became of a message sent.


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel took it; `external_id` names it for a later edit."""

    external_id: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not taken; try again after so many seconds."""

    retry_after_seconds: float


@dataclass(frozen=True, slots=True)
class Gone:
    """This person cannot be reached here (blocked the bot, deleted the account, never began)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """The channel says our message is wrong: a bug of ours; sending it again cannot help.

    With the reason BAD_TOKEN it is not the message but our credentials: once they are mended it can be sent.
    """

    reason: str


BAD_TOKEN = "token"  # noqa: S105  a reason, not a secret


Sending: TypeAlias = Delivered | Throttled | Gone | Malformed | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can carry. Lengths are characters after styles are removed."""

    text_length_max: int
    buttons_max: int
    button_label_length_max: int
    can_edit: bool
    can_share_phone: bool


class Channel(Protocol):
    """A way to talk with people."""

    name: str
    limits: Limits
    #: The longest a send may take, in seconds.
    timeout_seconds: float

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        """Verify a webhook request over its raw body, then parse it. Pure. Money: none moves here."""
        ...

    def acknowledge(self, received: list[Received | Ignored]) -> Response:
        """The 2xx for a webhook whose inputs are stored. It may stop a spinner; it never carries an answer."""
        ...

    async def send(self, address: str, message: Message, deadline: float) -> Sending:
        """Send or edit one message. Never repeats by itself. Money: none moves here."""
        ...

    def working(self, address: str, deadline: float) -> Coroutine[object, object, None]:
        """Show that we are busy ("typing …"); its failure is nobody's concern."""
        ...

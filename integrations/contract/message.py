"""Neutral messages out and neutral inputs in; each channel lowers and raises them within its own limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from integrations.contract.exchange import NotSent, Unknown
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
class ChoiceWords:
    """Words around choices, in the reader's language, for a channel whose own clients do not bring them.

    `open_list` is on the button that opens a list of choices, `by_number` stands above choices that are numbered lines.
    """

    open_list: str = "Choose"
    by_number: str = "Answer with a number:"


ENGLISH_WORDS = ChoiceWords()


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person. `edits` is the channel's id of an earlier message this one replaces in place.

    `share_phone` is the label of a button by which the channel hands over the sender's own number, where it can.
    `progress` says that a later message will replace this one in place: nothing may hang on it that forbids editing.
    `text_only` asks for nothing but text: the channel would not show this message in a richer form.
    """

    body: Rich
    buttons: tuple[Button, ...] = ()
    share_phone: str | None = None
    edits: str | None = None
    progress: bool = False
    choice_words: ChoiceWords = ENGLISH_WORDS
    text_only: bool = False


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
    `person` is the channel's lasting id of the sender where that is not the address: an address can change hands.
    `phone` is the sender's own number where the channel vouches for it.
    """

    external_id: str
    address: str
    content: Content
    at: datetime
    order: int = 0
    language: str | None = None
    person: str = ""
    phone: Phone | None = None


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

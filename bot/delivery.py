"""How one message is sent: in its reader's language, and only where the channel carries it.

Where a channel has a window, free text goes out only while it is open. When it is shut we knock with a template that
was approved beforehand, once, and the message itself waits until the person writes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

import orjson

from bot import faults
from bot.i18n import Languages
from bot.store.seal import Seal
from bot.work import Deadline
from flows.text import BLANK, Body, T, body_from_json, from_json
from integrations.contract.channel import Channel, Knock, Knocks, Waybill
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import (
    BAD_TOKEN,
    ENGLISH_WORDS,
    Button,
    ChoiceWords,
    Delivered,
    Gone,
    Malformed,
    Message,
    Sending,
)
from integrations.contract.seams import Clock

#: Stands under every message where a sandbox takes the place of a real party.
PRACTICE: Body = (BLANK, T("(Practice: no real money moves.)"))

OPEN_LIST = T("Choose")
BY_NUMBER = T("Answer with a number:")

#: The template we knock with, and what it names where no payment is meant.
NEWS_TEMPLATE = "payment_news"
NO_CODE = "–"
#: Our own fault, and the same in whatever form.
CANNOT_RENDER = "it cannot be rendered"
#: What our id of a knock begins with; the rest is the id of the message that waits behind it.
KNOCK = "k"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One claimed message, with where it goes and what it replaces. Times are milliseconds since 1970.

    `tried_before` is when an earlier try began whose end nobody knows, 0 when there is none; `known` are the channel's
    ids of other messages since. `has_phone`: we know a number to which an SMS could go.
    """

    id: int
    fence: int
    tries: int
    kind: str
    customer_id: str
    conversation_id: str
    payment_id: str | None
    thread: str | None
    place: str | None
    via: str
    text_only: bool
    channel: str
    address: str
    phone_sealed: str | None
    language: str
    body_sealed: str
    edits: str | None
    overtaken: bool
    code: str | None
    heard_at: int
    paced_until: int
    tried_before: int
    known: frozenset[str]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Parcel:
        """The Parcel of a claimed row with its place to go."""
        same = (
            "id", "fence", "tries", "kind", "customer_id", "conversation_id", "payment_id", "thread", "place", "via",
            "channel", "address", "phone_sealed", "language", "body_sealed", "edits", "code", "heard_at", "paced_until",
            "known",
        )  # fmt: skip
        return cls(
            overtaken=row["newer"] > 0,
            text_only=bool(row["text_only"]),
            tried_before=row["tried_at"] if row["tried_at"] < row["now"] else 0,
            **{name: row[name] for name in same},
        )

    @property
    def has_phone(self) -> bool:
        """Whether there is a number an SMS could go to."""
        return self.address.startswith("+") or self.phone_sealed is not None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Not sent, because nobody needs it any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Knocked:
    """The window is shut. We knocked, and the message waits until the person writes."""


@dataclass(frozen=True, slots=True)
class Waits:
    """The window is shut, and this is not worth a knock."""


@dataclass(frozen=True, slots=True)
class NoDoor:
    """The window is shut, and the channel does not let us knock."""

    reason: str


Sent: TypeAlias = Sending | Dropped | Knocked | Waits | NoDoor


@dataclass(frozen=True)
class Sender:
    """Sends one claimed message."""

    languages: Languages
    seal: Seal
    clock: Clock
    zone: str
    practice: bool = False

    async def send(self, channel: Channel, parcel: Parcel, deadline: Deadline) -> Sent:
        """What became of it. Nothing it raises stands before the next message."""
        if parcel.tries > 1 and parcel.overtaken and parcel.kind in {"say", "question"}:
            return Dropped("overtaken")
        if parcel.thread is not None and parcel.edits and not channel.limits.can_edit:
            # Where progress cannot be edited it is said once; what follows is worth a message of its own.
            return Dropped("shown already")
        if not parcel.address and not parcel.via:
            return NoDoor("the address belongs to somebody else now")
        left = deadline.at(channel.timeout_seconds)
        if left is None:
            return NotSent("the lease was nearly over")
        if self._is_shut(channel, parcel):
            return await self._knock(channel, parcel, left)
        try:
            message, address = self.render(channel, parcel), self._address(parcel)
        except Exception as error:  # noqa: BLE001  whatever it is, the next message must be able to leave
            # One that can never be shown must not stand before all that this customer is to hear later (I-36).
            faults.note("outbox.cannot_render", error, outbox=parcel.id)
            return Malformed(CANNOT_RENDER)
        return await _handed_over(parcel, partial(channel.send, address, message, left, _waybill(parcel)))

    def _is_shut(self, channel: Channel, parcel: Parcel) -> bool:
        window = channel.limits.window_seconds
        return window is not None and self.clock.now().timestamp() * 1000 - parcel.heard_at >= window * 1000

    async def _knock(self, channel: Channel, parcel: Parcel, left: float) -> Sent:
        if parcel.kind not in {"receipt", "fact"}:
            return Waits()
        if not isinstance(channel, Knocks):
            return NoDoor("this channel knows no templates")
        knock = Knock(NEWS_TEMPLATE, parcel.language, (parcel.code or NO_CODE,))
        match await _handed_over(parcel, partial(channel.knock, parcel.address, knock, left, _waybill(parcel, KNOCK))):
            case Delivered():
                return Knocked()
            case Malformed(reason) as failed if reason == BAD_TOKEN:
                return failed
            case Malformed(reason) | Gone(reason):
                return NoDoor(reason)
            case failed:
                return failed

    def render(self, channel: Channel, parcel: Parcel) -> Message:
        """The message in the reader's language."""
        content = orjson.loads(self.seal.open(parcel.body_sealed, "outbox.body"))
        label = self.languages.label
        body = body_from_json(content["body"]) + (PRACTICE if self.practice else ())
        rich = self.languages.render(body, parcel.language, self.zone)
        if parcel.via:
            return Message(rich)
        numbered = content["buttons"] and channel.limits.numbers_choices
        return Message(
            body=rich,
            buttons=tuple(Button(data, label(from_json(text), parcel.language)) for data, text in content["buttons"]),
            share_phone=label(from_json(content["share"]), parcel.language) if content["share"] else None,
            edits=parcel.edits,
            progress=parcel.thread is not None,
            choice_words=self._words(parcel.language) if numbered else ENGLISH_WORDS,
            text_only=parcel.text_only,
        )

    def _words(self, language: str) -> ChoiceWords:
        return ChoiceWords(self.languages.label(OPEN_LIST, language), self.languages.label(BY_NUMBER, language))

    def _address(self, parcel: Parcel) -> str:
        """The conversation's own address, or the number an SMS goes to."""
        if not parcel.via or parcel.address.startswith("+"):
            return parcel.address
        if parcel.phone_sealed is None:
            raise LookupError("an SMS needs a number")
        return self.seal.open(parcel.phone_sealed, "phone")


async def _handed_over(parcel: Parcel, send: Callable[[], Awaitable[Sending]]) -> Sending:
    """What a channel says. One that fails of itself may have sent: tried again, and after a while a person's."""
    try:
        return await send()
    except Exception as error:  # noqa: BLE001  whatever it is, it is nobody's but ours
        faults.note("outbox.channel_failed", error, outbox=parcel.id)
        return Unknown(f"our own fault: {type(error).__name__}")


def _waybill(parcel: Parcel, mark: str = "") -> Waybill:
    tried = datetime.fromtimestamp(parcel.tried_before / 1000, UTC) if parcel.tried_before else None
    return Waybill(f"{mark}{parcel.id}", tried, parcel.known)

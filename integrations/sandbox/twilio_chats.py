"""A WhatsApp user of the sandbox and the bubbles of their chat with our number."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

#: How far a bubble came. A failed one never reached the phone; it is kept so that a page can say so.
Ticks: TypeAlias = Literal["", "sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a list."""

    title: str
    description: str
    payload: str


@dataclass(frozen=True, slots=True)
class WhatsAppBubble:
    """One bubble. `text` is as it was sent, WhatsApp's own markup and all.

    `buttons` are quick replies as (title, payload); `links` are buttons that lead out of the chat, as (title, target).
    `list_label` is on the button that opens `items`. `media` are addresses, or the kind of what a person sent.
    `template` says that it was sent as an approved template. `replies_to` is the sid of the message quoted.
    """

    sid: str
    from_bot: bool
    text: str
    buttons: tuple[tuple[str, str], ...]
    list_label: str
    items: tuple[Item, ...]
    at: datetime
    ticks: Ticks
    template: bool
    links: tuple[tuple[str, str], ...] = ()
    media: tuple[str, ...] = ()
    replies_to: str = ""

    @property
    def on_the_phone(self) -> bool:
        """Whether the person has it before them."""
        return self.ticks in {"sent", "delivered", "read"}


@dataclass
class Person:
    """A WhatsApp user. `phone` is E.164, `bsuid` the id this business knows them by, `hidden` their number's."""

    phone: str
    name: str
    bsuid: str
    hidden: bool = False
    blocked: bool = False
    opted_out: bool = False
    #: When they last wrote to us, on the monotonic scale: the window is open from then on.
    wrote_at: float | None = None
    #: How many messages they may get at once just now, and when that was reckoned.
    allowance: float | None = None
    reckoned_at: float = 0.0
    bubbles: dict[str, WhatsAppBubble] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What `From` says of them."""
        return f"whatsapp:{self.bsuid if self.hidden else self.phone}"

"""A Telegram user of the sandbox and the bubbles of their chat with the bot."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from integrations.sandbox.telegram_text import Keyboard

Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One bubble. `html` is what the sender wrote (a person's own text escaped), `text` what is seen.

    `buttons` are the inline ones as rows of (label, data). `ask_contact` is the label of the button that shares the
    own number and `keys` are the labels of the keys beside it, both only while that keyboard is open.
    """

    message_id: int
    from_bot: bool
    html: str
    text: str
    buttons: list[list[tuple[str, str]]]
    ask_contact: str | None
    at: datetime
    edited: bool = False
    keys: tuple[str, ...] = ()
    entities: tuple[Json, ...] = ()
    keyboard: Keyboard = field(default_factory=Keyboard)


@dataclass
class Person:
    """A Telegram user and their chat with the bot."""

    user_id: int
    first_name: str
    phone: str
    language: str
    started: bool = False
    blocked: bool = False
    messages: dict[int, ChatMessage] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    typing_until: float = 0.0
    #: Taps not yet answered, by callback query id, with the time they are given up.
    taps: dict[str, float] = field(default_factory=dict)

    @property
    def chat(self) -> Json:
        return {"id": self.user_id, "first_name": self.first_name, "type": "private"}

    @property
    def user(self) -> Json:
        name = {"first_name": self.first_name, "language_code": self.language}
        return {"id": self.user_id, "is_bot": False, **name}

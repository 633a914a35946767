"""What a customer holds in the hand: the chat of one channel, what can be done in it, and what it shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from integrations.sandbox.far_side import DueList
from integrations.sandbox.telegram import TelegramSide
from integrations.sandbox.telegram_chats import ChatMessage
from integrations.sandbox.twilio import TwilioSide, WhatsAppBubble
from tests.town import AMINA, Town
from tests.transcripts.transcript import Story, same_label, same_words

#: Unlike her chat's address on Telegram, so that it is found in a database only where her number was written.
PHONE = "+254712000555"
#: The number she moves to.
NEW_PHONE = "+254722000777"
BSUID = "KE.1502576394655843"

#: What stands before the label of the button that opens a list.
OPENER = "≡ "

_CODES = {"English": "en", "Kiswahili": "sw"}
_STYLED = re.compile(r"```(?P<code>[^`\n]+)```|\*(?P<bold>[^*\n]+)\*")
_REPLY = re.compile(r"reply to (?P<to>.+)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the bot as it stands before the customer, without markup.

    `key` is the label of the key that shares the phone number, `rows` are those of a list. `by_sms`: it did not come in
    this chat at all.
    """

    id: str
    text: str
    buttons: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    key: str | None = None
    edited: bool = False
    by_sms: bool = False

    @property
    def look(self) -> tuple[str, ...]:
        """Everything that is seen of it."""
        return (self.text, *self.buttons, *self.rows)


class Chat(Protocol):
    """One customer's chat with the bot. AssertionError for what cannot be done on this channel."""

    #: Whether the channel itself tells the customer's number, so that nobody has to ask for it.
    tells_phone: bool
    #: How long the customer takes to read and to type, and the channel to be ready for more.
    seconds: float
    #: How often everything comes when it comes twice.
    doubles: tuple[tuple[str, int], ...]

    @property
    def due(self) -> DueList:
        """What the channel has to deliver."""
        ...

    def shown(self) -> list[Shown]:
        """The bot's messages, the oldest first."""
        ...

    async def say(self, text: str) -> None:
        """Type."""
        ...

    async def forward(self, text: str) -> None:
        """Send on what came from elsewhere."""
        ...

    async def act(self, what: str, words: str) -> None:
        """Do anything else, with these words where it takes words."""
        ...

    async def tap(self, label: str, *, oldest: bool) -> bool:
        """Tap the newest, or the oldest, button or row of that name. False when there is none."""
        ...

    async def befall(self, what: str) -> None:
        """Let something happen to the customer's phone or account."""
        ...


def chat_of(story: Story, town: Town) -> Chat:
    """The chat a story is told in, with a customer who has not written yet."""
    if story.channel == "WhatsApp":
        return WhatsAppChat(town.sandbox.twilio)
    return TelegramChat(town.sandbox.telegram, _CODES[story.language])


class TelegramChat:
    """Amina's chat on Telegram, whose app tells her language."""

    tells_phone = False
    seconds = 2.0
    doubles: tuple[tuple[str, int], ...] = (("telegram_double_delivery", 1),)

    def __init__(self, side: TelegramSide, language: str) -> None:
        self._side = side
        side.add_user(AMINA, "Amina", PHONE, language)

    @property
    def due(self) -> DueList:
        return self._side.due

    def shown(self) -> list[Shown]:
        return [
            Shown(
                id=str(message.message_id),
                text=message.text,
                buttons=(*(label for label, _ in _inline(message)), *message.keys),
                key=message.ask_contact,
                edited=message.edited,
            )
            for message in self._side.chat(AMINA)
            if message.from_bot
        ]

    async def say(self, text: str) -> None:
        await self._side.say(AMINA, text)

    async def forward(self, text: str) -> None:
        await self.say(text)

    async def act(self, what: str, words: str) -> None:
        assert not words, f"({what}) takes no words on Telegram"
        match what:
            case "photo" | "voice" | "sticker" | "location":
                await self._side.send_other(AMINA, what)
            case "share phone" | "share contact":
                await self._side.share_contact(AMINA, own=what == "share phone")
            case "edit":
                mine = [message for message in self._side.chat(AMINA) if not message.from_bot]
                await self._side.edit(AMINA, mine[-1].message_id, mine[-1].text + "0")
            case _:
                raise AssertionError(f"nobody can do ({what}) on Telegram")

    async def tap(self, label: str, *, oldest: bool) -> bool:
        found = self._buttons(label)
        if not found:
            return False
        message_id, data = found[0 if oldest else -1]
        if message_id:
            await self._side.tap(AMINA, message_id, data)
        else:
            await self.say(data)
        return True

    async def befall(self, what: str) -> None:
        match what:
            case "blocked":
                await self._side.block(AMINA)
            case "unblocked":
                await self._side.unblock(AMINA)
            case _:
                raise AssertionError(f"{what!r} does not happen on Telegram")

    def _buttons(self, label: str) -> list[tuple[int, str]]:
        """Where buttons of this name are, oldest first, with their data; keys, which type their own name, are at 0."""
        found = []
        for message in self._side.chat(AMINA):
            found += [(message.message_id, data) for name, data in _inline(message) if same_label(label, name)]
            found += [(0, name) for name in message.keys if same_label(label, name)]
        return found


class WhatsAppChat:
    """Amina's chat on WhatsApp, and the SMS that come to the same phone. Nobody tells her language."""

    tells_phone = True
    #: WhatsApp lets one message in six seconds through to one person; more at once must be caught up with.
    seconds = 6.0
    doubles: tuple[tuple[str, int], ...] = (
        ("twilio_double_delivery", 1), ("twilio_reports_doubled", -1), ("twilio_reports_shuffled", -1),
    )  # fmt: skip

    def __init__(self, side: TwilioSide) -> None:
        self._side = side
        self._phone = PHONE
        side.add_user(PHONE, "Amina", BSUID)

    @property
    def due(self) -> DueList:
        return self._side.due

    def shown(self) -> list[Shown]:
        texts = enumerate(self._side.sms(self._phone))
        return [
            *(_bubble(bubble) for bubble in self._ours()),
            *(Shown(f"sms {number}", text, by_sms=True) for number, text in texts),
        ]

    async def say(self, text: str) -> None:
        await self._side.say(self._phone, text)

    async def forward(self, text: str) -> None:
        await self._side.forward(self._phone, text)

    async def act(self, what: str, words: str) -> None:
        if reply := _REPLY.fullmatch(what):
            quoted = [bubble.sid for bubble in self._ours() if same_words(reply["to"], unmarked(bubble.text))]
            assert quoted, f"there is no message {reply['to']!r} to reply to"
            await self._side.reply_to(self._phone, quoted[-1], words)
        elif words:
            await self._side.send_media(self._phone, what, words)
        else:
            assert what != "edit", "WhatsApp tells nobody of an edit"
            await self._side.send_other(self._phone, what)

    async def tap(self, label: str, *, oldest: bool) -> bool:
        found = list(self._choices(label))
        if not found:
            return False
        sid, data, is_row = found[0 if oldest else -1]
        if is_row:
            await self._side.pick(self._phone, sid, data)
        else:
            await self._side.tap(self._phone, sid, data)
        return True

    async def befall(self, what: str) -> None:
        match what:
            case "number hidden":
                await self._side.hide_number(self._phone)
            case "number changed":
                await self._side.change_number(self._phone, NEW_PHONE)
                self._phone = NEW_PHONE
            case "number passed on":
                # From here on the customer of the story is the one who has it now.
                await self._side.change_number(self._phone, NEW_PHONE)
                self._side.add_user(self._phone, "Baraka")
            case "blocked":
                await self._side.block(self._phone)
            case "read":
                await self._side.read(self._phone)
            case _:
                raise AssertionError(f"{what!r} does not happen on WhatsApp")

    def _ours(self) -> list[WhatsAppBubble]:
        return [bubble for bubble in self._side.chat(self._phone) if bubble.from_bot and bubble.on_the_phone]

    def _choices(self, label: str) -> Iterable[tuple[str, str, bool]]:
        for bubble in self._ours():
            yield from ((bubble.sid, data, False) for title, data in bubble.buttons if same_label(label, title))
            yield from (
                (bubble.sid, item.payload, True)
                for item in bubble.items
                if same_label(label, item.description or item.title)
            )


def _inline(message: ChatMessage) -> list[tuple[str, str]]:
    return [button for row in message.buttons for button in row]


def _bubble(bubble: WhatsAppBubble) -> Shown:
    opener = (OPENER + bubble.list_label,) if bubble.items else ()
    return Shown(
        id=bubble.sid,
        text=unmarked(bubble.text),
        buttons=(*(title for title, _ in bubble.buttons), *opener),
        rows=tuple(item.description or item.title for item in bubble.items),
    )


def unmarked(text: str) -> str:
    """A text of WhatsApp without its marks. AssertionError when a mark has no partner and would be seen."""
    plain = _STYLED.sub(lambda found: found["code"] or found["bold"], text)
    assert not {"*", "`"} & set(plain), f"marks without partners in {text!r}"
    return plain

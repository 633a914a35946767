"""The people of the sandbox's Telegram: their chats with the one bot, and what they do in them.

The page, the terminal client and tests act through `People`; the Bot API reads and writes the same chats.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from integrations.sandbox.far_side import World
from integrations.sandbox.telegram_chats import ChatMessage, Person
from integrations.sandbox.telegram_delivery import TAP_LIFETIME_SECONDS, Updates
from integrations.sandbox.telegram_text import TEXT_LENGTH_MAX, Formatted, Keyboard, Refused, bad_request, utf16_length

Json: TypeAlias = Any

TYPING_SECONDS = 5.0

#: What a message of each kind carries in the Bot API, as much of it as a bot can rely on.
_OTHER_KINDS: Mapping[str, Json] = {
    "photo": [{"file_id": "sandbox-photo", "file_unique_id": "photo", "width": 90, "height": 90, "file_size": 1000}],
    "voice": {
        "file_id": "sandbox-voice", "file_unique_id": "voice", "duration": 3, "mime_type": "audio/ogg",
        "file_size": 9000,
    },
    "sticker": {
        "file_id": "sandbox-sticker", "file_unique_id": "sticker", "type": "regular", "width": 512, "height": 512,
        "is_animated": False, "is_video": False, "emoji": "👍",
    },
    "location": {"latitude": -1.2921, "longitude": 36.8219},
}  # fmt: skip


class People:
    """Everybody who has an account, and all they can do. `revision` rises at each change that can be seen.

    KeyError for a user who was not added, ValueError for what a Telegram client would not let a person do.
    """

    def __init__(self, world: World, updates: Updates, bot: Json) -> None:
        self.revision = 0
        self.bot = bot
        self._world = world
        self._updates = updates
        self._persons: dict[int, Person] = {}

    # --- what people do

    def add_user(self, user_id: int, first_name: str, phone: str, language: str = "en") -> None:
        """Somebody with an account who has not written to the bot yet. `phone` is E.164."""
        self._persons[user_id] = Person(user_id, first_name, phone, language)
        self._changed()

    def set_language(self, user_id: int, language: str) -> None:
        """Change the language of the person's app, which Telegram tells with whatever the person does from now on."""
        self._persons[user_id].language = language
        self._changed()

    async def say(self, user_id: int, text: str) -> None:
        """Type a message; `/start`, with or without a payload, begins the chat as a deep link does."""
        if not text.strip() or utf16_length(text) > TEXT_LENGTH_MAX:
            raise ValueError(f"A message has 1 to {TEXT_LENGTH_MAX} characters.")
        content: Json = {"text": text}
        if text.startswith("/"):
            command = text.split(maxsplit=1)[0]
            content["entities"] = [{"type": "bot_command", "offset": 0, "length": utf16_length(command)}]
        person = self._persons[user_id]
        await self._write(user_id, html.escape(text, quote=False), text, content)
        if any(text in message.keys for message in person.messages.values()):
            self.close_keyboard(person, only_one_time=True)

    async def tap(self, user_id: int, message_id: int, data: str) -> None:
        """Tap an inline button. Any message can be tapped, also an old one; a client may even make up the data."""
        person = self._persons[user_id]
        message = person.messages.get(message_id)
        if message is None or not message.from_bot:
            raise ValueError("there is no such message of the bot")
        query = self._world.random.digits(19)
        person.taps[query] = self._world.clock.monotonic() + TAP_LIFETIME_SECONDS
        content = {
            "id": query,
            "from": person.user,
            "message": self.message_json(person, message),
            "chat_instance": str(user_id),
            "data": data,
        }
        self._happened("callback_query", content, ("user", user_id))

    async def share_contact(self, user_id: int, own: bool = True) -> None:
        """Send a contact card: the own number by the bot's button, or somebody's from the address book."""
        person = self._persons[user_id]
        contact: Json = {"phone_number": "+254 700 000000", "first_name": "Neighbour"}
        if own:
            # Telegram leaves the plus out of its users' own numbers.
            number = person.phone.lstrip("+")
            contact = {"phone_number": number, "first_name": person.first_name, "user_id": user_id}
        await self._write(user_id, "[contact]", "[contact]", {"contact": contact})
        if own:
            self.close_keyboard(person, only_one_time=True)

    async def edit(self, user_id: int, message_id: int, text: str) -> None:
        """Change the words of an own earlier message."""
        person = self._persons[user_id]
        message = person.messages.get(message_id)
        if message is None or message.from_bot:
            raise ValueError("there is no such message of this person")
        edited = replace(message, html=html.escape(text, quote=False), text=text, edited=True)
        person.messages[message_id] = edited
        content = {**self._written(person, edited, {"text": text}), "edit_date": self._seconds()}
        self._happened("edited_message", content, ("chat", user_id))

    async def send_other(self, user_id: int, kind: str) -> None:
        """Send a photo, voice note, sticker or location."""
        if kind not in _OTHER_KINDS:
            raise ValueError(f"the sandbox has no {kind}")
        await self._write(user_id, f"[{kind}]", f"[{kind}]", {kind: _OTHER_KINDS[kind]})

    async def block(self, user_id: int) -> None:
        """Stop the bot from writing."""
        self._set_blocked(self._persons[user_id], True)

    async def unblock(self, user_id: int) -> None:
        """Let the bot write again."""
        self._set_blocked(self._persons[user_id], False)

    # --- what people see

    def chat(self, user_id: int) -> list[ChatMessage]:
        """The chat, oldest first."""
        return list(self._persons[user_id].messages.values())

    def typing(self, user_id: int) -> bool:
        """Whether the chat shows that the bot is typing."""
        return self._world.clock.monotonic() < self._persons[user_id].typing_until

    def spinning(self, user_id: int) -> int:
        """How many taps still turn because the bot has not answered them."""
        now = self._world.clock.monotonic()
        return sum(given_up_at > now for given_up_at in self._persons[user_id].taps.values())

    # --- what the Bot API does to chats

    def find(self, user_id: int) -> Person:
        """The person of a private chat, if the bot may write there."""
        person = self._persons.get(user_id)
        if person is None:
            raise bad_request("chat not found")
        if not person.started:
            raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
        if person.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return person

    def post(self, person: Person, source: str, text: Formatted, keyboard: Keyboard) -> ChatMessage:
        """A new message of the bot."""
        if keyboard.fixes_message:
            self.close_keyboard(person)
        message = ChatMessage(
            message_id=next(person.numbers),
            from_bot=True,
            html=source,
            text=text.text,
            buttons=keyboard.rows,
            ask_contact=keyboard.contact,
            at=self._world.clock.now(),
            keys=keyboard.keys,
            entities=tuple(text.entities),
            keyboard=keyboard,
        )
        person.typing_until = 0.0
        self.put(person, message)
        return message

    def put(self, person: Person, message: ChatMessage) -> None:
        """Show a message, new or changed."""
        person.messages[message.message_id] = message
        self._changed()

    def remove(self, person: Person, message_id: int) -> None:
        """Take a message out of the chat."""
        del person.messages[message_id]
        self._changed()

    def show_typing(self, person: Person) -> None:
        """Say that the bot is typing, for some seconds or until its next message."""
        person.typing_until = self._world.clock.monotonic() + TYPING_SECONDS
        self._changed()

    def answer_tap(self, query: str) -> bool:
        """Stop a spinner; False when the query is unknown or too old."""
        for person in self._persons.values():
            if query in person.taps:
                self._changed()
                return person.taps.pop(query) > self._world.clock.monotonic()
        return False

    def close_keyboard(self, person: Person, *, only_one_time: bool = False) -> None:
        """Take the reply keyboard away, or only one that hides once it has been used."""
        for message in list(person.messages.values()):
            opened = message.ask_contact or message.keys
            if opened and (message.keyboard.one_time or not only_one_time):
                self.put(person, replace(message, ask_contact=None, keys=()))

    def message_json(self, person: Person, message: ChatMessage) -> Json:
        """A message of the bot as the Bot API writes it."""
        optional = {
            "edit_date": int(message.at.timestamp()) if message.edited else None,
            "entities": list(message.entities),
            "reply_markup": message.keyboard.inline,
        }
        return {
            **self._envelope(person, self.bot, message),
            "text": message.text,
            **{name: value for name, value in optional.items() if value},
        }

    # --- within

    async def _write(self, user_id: int, source: str, text: str, content: Json) -> None:
        person = self._persons[user_id]
        if person.blocked:
            self._set_blocked(person, False)  # a client asks to restart the bot before anything can be typed
        person.started = True
        message = ChatMessage(next(person.numbers), False, source, text, [], None, self._world.clock.now())
        person.messages[message.message_id] = message
        self._happened("message", self._written(person, message, content), ("chat", user_id))

    def _written(self, person: Person, message: ChatMessage, content: Json) -> Json:
        return {**self._envelope(person, person.user, message), **content}

    def _envelope(self, person: Person, sender: Json, message: ChatMessage) -> Json:
        date = int(message.at.timestamp())
        return {"message_id": message.message_id, "from": sender, "chat": person.chat, "date": date}

    def _set_blocked(self, person: Person, blocked: bool) -> None:
        if person.blocked == blocked:
            return
        person.blocked = blocked
        free, kicked = {"user": self.bot, "status": "member"}, {"user": self.bot, "status": "kicked", "until_date": 0}
        content = {
            "chat": person.chat,
            "from": person.user,
            "date": self._seconds(),
            "old_chat_member": free if blocked else kicked,
            "new_chat_member": kicked if blocked else free,
        }
        self._happened("my_chat_member", content, ("member", person.user_id))

    def _happened(self, kind: str, content: Json, key: tuple[str, int]) -> None:
        self._changed()
        self._updates.add(kind, content, key)

    def _seconds(self) -> int:
        return int(self._world.clock.now().timestamp())

    def _changed(self) -> None:
        self.revision += 1

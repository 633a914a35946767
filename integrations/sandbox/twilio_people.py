"""The people of the sandbox's WhatsApp: their chats with our number, and what they do in them.

The page, the terminal client and tests act through `People`. What somebody does is posted to our webhook a little
later, from the due list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import orjson
import phonenumbers

from integrations.contract.people import Phone
from integrations.sandbox.far_side import DueList, World
from integrations.sandbox.twilio_chats import Item, Person, Ticks, WhatsAppBubble
from integrations.sandbox.twilio_config import TwilioSideConfig
from integrations.sandbox.twilio_messages import API_VERSION, Message, Messages
from integrations.sandbox.twilio_webhooks import Pairs

TEXT_LENGTH_MAX: Final = 4096
STOP_WORDS: Final = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS: Final = frozenset({"START", "UNSTOP", "YES"})


@dataclass(frozen=True, slots=True)
class Kind:
    """What a message that is not text says of itself; `media` is its content type, if it has a file."""

    message_type: str
    media: str = ""
    file: bytes = b""
    has_caption: bool = False
    fields: tuple[tuple[str, str], ...] = ()


_PLACE: Final = (
    ("Latitude", "-1.2921"), ("Longitude", "36.8219"), ("Address", "Kenyatta Avenue, Nairobi"), ("Label", "Home"),
)  # fmt: skip

#: The files are no pictures and no sounds: only their types are true.
KINDS: Final[Mapping[str, Kind]] = {
    "photo": Kind("image", "image/jpeg", b"a photo of the sandbox", has_caption=True),
    "video": Kind("video", "video/mp4", b"a video of the sandbox", has_caption=True),
    "document": Kind("document", "application/pdf", b"a document of the sandbox", has_caption=True),
    "voice": Kind("audio", "audio/ogg", b"a voice note of the sandbox"),
    "sticker": Kind("sticker", "image/webp", b"a sticker of the sandbox"),
    "contact": Kind("contacts", "text/vcard", b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Neighbour\r\nEND:VCARD\r\n"),
    "location": Kind("location", fields=_PLACE),
}


class People(ABC):
    """Everybody with WhatsApp, and all they can do. `revision` rises at each change that can be seen.

    A person is named by their phone, E.164. KeyError for one who was not added, ValueError for what a WhatsApp client
    would not let a person do.
    """

    def __init__(self, world: World, due: DueList, config: TwilioSideConfig) -> None:
        self.revision = 0
        self.due = due
        #: Who an SMS is from.
        self.sms_from = config.sms_from
        #: Where the addresses of media begin.
        self.base_url = config.base_url
        self.messages = Messages(config.account_sid, config.content_body_listed)
        #: What people sent, by its path: the content type and the file.
        self.media: dict[str, tuple[str, bytes]] = {}
        self._world = world
        self._config = config
        self._persons: dict[str, Person] = {}
        self._by_bsuid: dict[str, Person] = {}
        self._texts: dict[str, list[str]] = {}
        self._ours = f"whatsapp:{config.whatsapp_from}"

    @abstractmethod
    async def _deliver(self, person: Person, pairs: Pairs) -> None:
        """Post what a person did."""

    @abstractmethod
    async def _read(self, person: Person) -> None:
        """Report that a person read everything."""

    # --- what people do

    def add_user(self, phone: str, name: str, bsuid: str = "", hidden: bool = False) -> None:
        """Somebody with WhatsApp who has not written yet. `bsuid` is made up when it is not given."""
        person = Person(Phone(phone).reveal(), name, bsuid or self._new_bsuid(phone), hidden)
        self._persons[phone] = person
        self._by_bsuid[person.bsuid] = person
        self._changed()

    async def say(self, phone: str, text: str) -> None:
        """Type a message."""
        self._write(self._persons[phone], _checked(text), "text")

    async def reply_to(self, phone: str, sid: str, text: str) -> None:
        """Type an answer to one message, quoting it."""
        person = self._persons[phone]
        self._write(person, _checked(text), "text", self._original(person, self._seen(person, sid)), replies_to=sid)

    async def forward(self, phone: str, text: str) -> None:
        """Forward a message from another chat."""
        self._write(self._persons[phone], _checked(text), "text", [("Forwarded", "true")])

    async def tap(self, phone: str, sid: str, payload: str) -> None:
        """Tap a button of a message. Any message of the chat can be tapped, also an old one, and again."""
        person = self._persons[phone]
        bubble = self._seen(person, sid)
        titles = [title for title, own in bubble.buttons if own == payload]
        if not titles:
            raise ValueError("there is no such button on this message")
        fields = [("ButtonText", titles[0]), ("ButtonPayload", payload), *self._original(person, bubble)]
        if self._config.button_type:
            fields.append(("ButtonType", "QUICK_REPLY"))
        kind = "button" if bubble.template else "interactive"
        self._write(person, titles[0], kind, fields, replies_to=sid)

    async def pick(self, phone: str, sid: str, item_id: str) -> None:
        """Open the list of a message and pick a row."""
        person = self._persons[phone]
        bubble = self._seen(person, sid)
        item = next((one for one in bubble.items if one.payload == item_id), None)
        if item is None:
            raise ValueError("there is no such row in the list of this message")
        self._write(person, item.title, "interactive", self._picked(person, bubble, item), replies_to=sid)

    async def send_other(self, phone: str, kind: str) -> None:
        """Send something that is not text: a photo, video, document, voice note, sticker, contact or location."""
        self._send(self._persons[phone], kind, "")

    async def send_media(self, phone: str, kind: str, caption: str) -> None:
        """Send a photo, video or document with words under it."""
        person = self._persons[phone]
        if kind in KINDS and not KINDS[kind].has_caption:
            raise ValueError(f"a {kind} has no caption")
        self._send(person, kind, _checked(caption))

    async def read(self, phone: str) -> None:
        """Look at everything in the chat."""
        await self._read(self._persons[phone])

    async def change_number(self, old: str, new: str) -> None:
        """Move to another number. The chat comes along; the old number has no WhatsApp, and the new one a new id."""
        person = self._persons[old]
        if new in self._persons:
            raise ValueError("somebody else has this number")
        del self._persons[old], self._by_bsuid[person.bsuid]
        person.phone, person.bsuid = Phone(new).reveal(), self._new_bsuid(new)
        # The window belongs to the number: nobody has written from this one yet.
        person.wrote_at = None
        self._persons[new] = self._by_bsuid[person.bsuid] = person
        self._changed()

    async def hide_number(self, phone: str) -> None:
        """Take a username: from now on only the id is told."""
        self._persons[phone].hidden = True
        self._changed()

    async def close_window(self, phone: str) -> None:
        """Let a day pass without a word: until they write again, only a template reaches them."""
        self._persons[phone].wrote_at = None
        self._changed()

    async def block(self, phone: str) -> None:
        """Take no more messages from us. Nobody tells us."""
        self._set_blocked(self._persons[phone], True)

    async def unblock(self, phone: str) -> None:
        """Take messages again."""
        self._set_blocked(self._persons[phone], False)

    # --- what people see

    def chat(self, phone: str) -> list[WhatsAppBubble]:
        """The chat in the order it came to the phone; what failed on the way stands there with the tick "failed"."""
        return list(self._persons[phone].bubbles.values())

    def sms(self, phone: str) -> list[str]:
        """The SMS of a phone, oldest first, whether it has WhatsApp or not. KeyError for one nobody has heard of."""
        if phone not in self._persons and phone not in self._texts:
            raise KeyError(phone)
        return list(self._texts.get(phone, ()))

    # --- what Twilio does to chats

    def find(self, address: str) -> Person | None:
        """Whose `whatsapp:` address this is, by number or by id."""
        bare = address.removeprefix("whatsapp:")
        return self._persons.get(bare) or self._by_bsuid.get(bare)

    def show(self, person: Person, message: Message) -> None:
        """Bring the bubble of a message of ours up to date, or show it for the first time."""
        known = person.bubbles.get(message.sid)
        ticks = _TICKS.get(message.status, "")
        if known is not None:
            person.bubbles[message.sid] = replace(known, ticks=ticks)
        else:
            seen, at = message.shown, self._world.clock.now()
            person.bubbles[message.sid] = WhatsAppBubble(
                message.sid, True, seen.text, seen.buttons, seen.list_label, seen.items, at, ticks, message.template,
                seen.links, seen.media,
            )  # fmt: skip
        self._changed()

    def put_sms(self, phone: str, text: str) -> None:
        """Bring an SMS to a phone."""
        self._texts.setdefault(phone, []).append(text)
        self._changed()

    # --- within

    def _seen(self, person: Person, sid: str) -> WhatsAppBubble:
        bubble = person.bubbles.get(sid)
        if bubble is None or not bubble.on_the_phone:
            raise ValueError("there is no such message in this chat")
        return bubble

    def _original(self, person: Person, bubble: WhatsAppBubble) -> list[tuple[str, str]]:
        age = (self._world.clock.now() - bubble.at).total_seconds()
        if age > self._config.reply_memory_seconds:
            return []
        sender = self._ours if bubble.from_bot else person.address
        return [("OriginalRepliedMessageSid", bubble.sid), ("OriginalRepliedMessageSender", sender)]

    def _picked(self, person: Person, bubble: WhatsAppBubble, item: Item) -> list[tuple[str, str]]:
        fields = [("ListId", item.payload), ("ListTitle", item.title), *self._original(person, bubble)]
        return [*fields, ("ListDescription", item.description)] if item.description else fields

    def _send(self, person: Person, name: str, caption: str) -> None:
        kind = KINDS.get(name)
        if kind is None:
            raise ValueError(f"the sandbox has no {name}")
        if not kind.media:
            self._write(person, "", kind.message_type, kind.fields, media=(name,))
            return
        path = f"/media/{self._config.account_sid}/ME{self._world.random.hexadecimal(16)}"
        self.media[path] = (kind.media, kind.file)
        fields = [("MediaContentType0", kind.media), ("MediaUrl0", self.base_url + path)]
        self._write(person, caption, kind.message_type, fields, media=(name,))

    def _write(
        self,
        person: Person,
        text: str,
        kind: str,
        fields: Iterable[tuple[str, str]] = (),
        media: tuple[str, ...] = (),
        replies_to: str = "",
    ) -> None:
        """One message of a person: in their chat, in Twilio's list, and on its way to us."""
        if person.blocked:
            self._set_blocked(person, False)  # a client asks to unblock before anything can be typed
        own, now = dict(fields), self._world.clock.now()
        sid = ("MM" if "MediaUrl0" in own else "SM") + self._world.random.hexadecimal(16)
        bubble_text = text or f"[{media[0]}]"
        person.wrote_at = self._world.clock.monotonic()
        person.bubbles[sid] = WhatsAppBubble(
            sid, False, bubble_text, (), "", (), now, "delivered", False, media=media, replies_to=replies_to
        )
        files = tuple(value for name, value in own.items() if name == "MediaUrl0")
        received = Message(sid, "inbound", person.address, self._ours, text, "received", now, now, now, files)
        self.messages.add(received)
        own |= self._opt(person, text)
        self._changed()
        if not self._world.faults.takes("twilio_lost_webhook"):
            pairs = {**self._envelope(person, received, kind, own), **own}
            self.due.after(0.0, partial(self._deliver, person, tuple(pairs.items())))

    def _opt(self, person: Person, text: str) -> dict[str, str]:
        """Advanced Opt-Out: who says STOP gets nothing more until they say START."""
        word = text.strip().upper()
        if not self._config.opt_out_words or word not in STOP_WORDS | START_WORDS:
            return {}
        person.opted_out = word in STOP_WORDS
        return {"OptOutType": "STOP" if person.opted_out else "START"}

    def _envelope(self, person: Person, message: Message, kind: str, own: Mapping[str, str]) -> dict[str, str]:
        """What every webhook of a WhatsApp message carries."""
        known: dict[str, str] = {"ExternalUserId": f"whatsapp:{person.bsuid}"} if self._config.external_user_ids else {}
        if not person.hidden:
            known["WaId"] = person.phone.removeprefix("+")
        if self._config.messaging_service_sid:
            known["MessagingServiceSid"] = self._config.messaging_service_sid
        forwarded = {"Forwarded": own.get("Forwarded", "false"), "FrequentlyForwarded": "false"}
        context = {"ProfileName": person.name, **forwarded}
        context |= {name: value for name, value in {**known, **own}.items() if name in {"WaId", "ButtonText"}}
        metadata = {"type": "whatsapp", "data": {"context": context}}
        return {
            "SmsMessageSid": message.sid,
            "NumMedia": str(len(message.media)),
            "ProfileName": person.name,
            "MessageType": kind,
            "SmsSid": message.sid,
            "SmsStatus": "received",
            "Body": message.body,
            "To": self._ours,
            "NumSegments": "1",
            "ReferralNumMedia": "0",
            "MessageSid": message.sid,
            "AccountSid": self._config.account_sid,
            "ChannelMetadata": orjson.dumps(metadata).decode(),
            "From": message.sender,
            "ApiVersion": API_VERSION,
            **known,
            **forwarded,
        }

    def _new_bsuid(self, phone: str) -> str:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
        return f"{country or 'KE'}.{self._world.random.digits(16)}"

    def _set_blocked(self, person: Person, blocked: bool) -> None:
        person.blocked = blocked
        self._changed()

    def _changed(self) -> None:
        self.revision += 1


_TICKS: Final[Mapping[str, Ticks]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
}


def _checked(text: str) -> str:
    if not text.strip() or len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f"A message has 1 to {TEXT_LENGTH_MAX} characters.")
    return text

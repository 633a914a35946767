"""What a person could press on a phone, and what only the page can do beside: switch faults, fill a handset, let a
day pass. Each is a name below `/control/` with a JSON object.

What cannot be done is BadInput, and nothing has changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import orjson

from integrations.contract.exchange import Request
from integrations.contract.money import Money
from integrations.sandbox.stage import FAULTS, LANGUAGES, Person, Stage
from integrations.sandbox.twilio import WhatsAppBubble

#: The limit of both apps on one message, in characters.
TEXT_LENGTH_MAX = 4096
CAPTION_LENGTH_MAX = 1024
FAULT_TIMES_MAX = 1000
PIN_LENGTH = 4
#: What a refilled handset has.
REFILL = Money.of(5_000, "KES")


class App(Enum):
    """The app an act happens in; its value is what a body's `channel` says."""

    TELEGRAM = "telegram"
    WHATSAPP = "whatsapp"


#: What people send that is not text.
KINDS: Final[Mapping[App, tuple[str, ...]]] = {
    App.TELEGRAM: ("photo", "voice", "sticker", "location"),
    App.WHATSAPP: ("photo", "voice", "sticker", "location", "contact", "document"),
}
#: Those of them that carry words on WhatsApp.
CAPTIONED: Final = ("photo", "document")


class BadInput(Exception):
    """A request that cannot be done. The message is one plain sentence for the person who tried."""


@dataclass(frozen=True, slots=True)
class Body:
    """The JSON object of a request, read field by field; BadInput where a field is not what it should be."""

    fields: Mapping[str, object]

    @classmethod
    def of(cls, request: Request) -> Body:
        """The body of a request that says it is JSON, which a form of a foreign web page cannot say."""
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise BadInput("The sandbox takes JSON only.")
        try:
            fields = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise BadInput("That is not JSON.") from None
        if not isinstance(fields, dict):
            raise BadInput("That is not a JSON object.")
        return cls(fields)

    def text(self, name: str, length_max: int = TEXT_LENGTH_MAX) -> str:
        """A string of at least one visible character."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            raise BadInput(f"“{name}” is missing.")
        if len(value) > length_max:
            raise BadInput(f"“{name}” is longer than {length_max} characters.")
        return value

    def text_or_nothing(self, name: str, length_max: int) -> str:
        """As `text`; "" where the field is absent."""
        return self.text(name, length_max) if name in self.fields else ""

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self.fields.get(name)
        if type(value) is not int:
            raise BadInput(f"“{name}” should be a whole number.")
        return value

    def app(self) -> App:
        """The app this happens in: `channel`, or Telegram where none is named."""
        try:
            return App(self.fields.get("channel", App.TELEGRAM.value))
        except ValueError:
            raise BadInput("“channel” should be telegram or whatsapp.") from None

    def only(self, app: App, sentence: str) -> None:
        """Refuse, with `sentence`, what only `app` has."""
        if self.app() is not app:
            raise BadInput(sentence)


def person_of(stage: Stage, user_id: int) -> Person:
    """The person with this Telegram id."""
    for person in stage.people:
        if person.user_id == user_id:
            return person
    raise BadInput("There is nobody with that number in this sandbox.")


def _who(stage: Stage, body: Body) -> Person:
    return person_of(stage, body.whole("user"))


# --- what both apps have


async def say(stage: Stage, body: Body) -> None:
    """Type `text` into the chat of `user`."""
    person, text = _who(stage, body), body.text("text")
    match body.app():
        case App.TELEGRAM:
            try:
                await stage.telegram.say(person.user_id, text)
            except ValueError:  # it counts the length in its own way
                raise BadInput("Telegram takes messages of 1 to 4096 characters.") from None
        case App.WHATSAPP:
            await stage.twilio.say(person.number, text)


async def tap(stage: Stage, body: Body) -> None:
    """Tap the button that hangs under `message` and carries `data`."""
    person, app = _who(stage, body), body.app()
    match app:
        case App.TELEGRAM:
            message_id, data = body.whole("message"), body.text("data")
            messages = (one for one in stage.telegram.chat(person.user_id) if one.message_id == message_id)
            offered = {value for message in messages for row in message.buttons for _, value in row}
            _must_be_there(data, offered)
            await stage.telegram.tap(person.user_id, message_id, data)
        case App.WHATSAPP:
            bubble, data = _bubble(stage, person, body), body.text("data")
            _must_be_there(data, {payload for _, payload in bubble.buttons})
            await stage.twilio.tap(person.number, bubble.sid, data)


def _must_be_there(data: str, offered: set[str]) -> None:
    if data not in offered:
        raise BadInput("That button is not there any more.")


async def other(stage: Stage, body: Body) -> None:
    """Send something that is not text: `kind` is one of KINDS, and on WhatsApp some take a `caption`."""
    person, kind, app = _who(stage, body), body.text("kind"), body.app()
    if kind not in KINDS[app]:
        raise BadInput(f"A person here can send: {', '.join(KINDS[app])}.")
    caption = body.text_or_nothing("caption", CAPTION_LENGTH_MAX)
    if caption and (app is not App.WHATSAPP or kind not in CAPTIONED):
        raise BadInput(f"Only these take a caption, on WhatsApp: {', '.join(CAPTIONED)}.")
    match app:
        case App.TELEGRAM:
            await stage.telegram.send_other(person.user_id, kind)
        case App.WHATSAPP if caption:
            await stage.twilio.send_media(person.number, kind, caption)
        case App.WHATSAPP:
            await stage.twilio.send_other(person.number, kind)


async def language(stage: Stage, body: Body) -> None:
    """Set the apps of `user` to `language`, one of LANGUAGES."""
    person, chosen = _who(stage, body), body.text("language")
    if chosen not in LANGUAGES:
        raise BadInput(f"An app here can be set to: {', '.join(LANGUAGES)}.")
    person.language = chosen
    stage.telegram.set_language(person.user_id, chosen)


# --- what only Telegram has


async def share(stage: Stage, body: Body) -> None:
    """Share the own phone number of `user`."""
    person = _who(stage, body)
    body.only(App.TELEGRAM, "On WhatsApp the number is told with every message, or hidden.")
    await stage.telegram.share_contact(person.user_id)


# --- what only WhatsApp has


async def pick(stage: Stage, body: Body) -> None:
    """Open the list under `message`, choose the row that carries `data`, and send it."""
    person = _who(stage, body)
    body.only(App.WHATSAPP, "Only WhatsApp has lists to pick from.")
    bubble, data = _bubble(stage, person, body), body.text("data")
    if data not in {item.payload for item in bubble.items}:
        raise BadInput("That list has no such row.")
    await stage.twilio.pick(person.number, bubble.sid, data)


async def reply(stage: Stage, body: Body) -> None:
    """Type `text` as a reply to `message`, however old it is."""
    person, text = _who(stage, body), body.text("text")
    body.only(App.WHATSAPP, "Only on WhatsApp can a person here reply to one message.")
    await stage.twilio.reply_to(person.number, _bubble(stage, person, body).sid, text)


async def forward(stage: Stage, body: Body) -> None:
    """Send `text` as something forwarded from another chat."""
    person, text = _who(stage, body), body.text("text")
    body.only(App.WHATSAPP, "Only on WhatsApp can a person here forward something.")
    await stage.twilio.forward(person.number, text)


async def read(stage: Stage, body: Body) -> None:
    """Look at the chat, so that its messages are reported as read."""
    person = _who(stage, body)
    body.only(App.WHATSAPP, "Telegram does not tell a bot what was read.")
    await stage.twilio.read(person.number)


async def close_window(stage: Stage, body: Body) -> None:
    """Let the time pass in which a service may write freely to somebody who wrote to it."""
    person = _who(stage, body)
    body.only(App.WHATSAPP, "Only WhatsApp has a time after which nobody may write freely.")
    await stage.twilio.close_window(person.number)


def _bubble(stage: Stage, person: Person, body: Body) -> WhatsAppBubble:
    sid = body.text("message")
    bubble = next((one for one in stage.twilio.chat(person.number) if one.sid == sid), None)
    if bubble is None:
        raise BadInput("There is no such message in this chat.")
    if not bubble.on_the_phone:
        raise BadInput("That message is not on the phone.")
    return bubble


# --- the handset, and the page's own


async def enter_pin(stage: Stage, body: Body) -> None:
    """Type `pin` on the handset that shows `prompt`. A wrong PIN is the operator's to judge, not ours."""
    prompt_id, pin = _live_prompt(stage, body), body.text("pin")
    if not (pin.isascii() and pin.isdigit() and len(pin) == PIN_LENGTH):
        raise BadInput("An M-PESA PIN has four digits.")
    await stage.daraja.enter_pin(prompt_id, pin)


async def cancel(stage: Stage, body: Body) -> None:
    """Press Cancel on `prompt`."""
    await stage.daraja.cancel(_live_prompt(stage, body))


async def refill(stage: Stage, body: Body) -> None:
    """Put REFILL on the handset `msisdn`, and unlock its PIN."""
    handset = stage.daraja.handsets.get(body.text("msisdn"))
    if handset is None:
        raise BadInput("There is no such handset.")
    handset.balance, handset.wrong_pins = REFILL, 0
    stage.touched += 1


async def fault(stage: Stage, body: Body) -> None:
    """Let the fault `name` strike `times` times: -1 is every time, 0 switches it off."""
    name, times = body.text("name"), body.whole("times")
    if not any(name in faults for faults in FAULTS.values()):
        raise BadInput("The sandbox knows no such fault.")
    if not -1 <= times <= FAULT_TIMES_MAX:
        raise BadInput(f"A fault strikes -1 (every time), 0 (never) or up to {FAULT_TIMES_MAX} times.")
    stage.faults.arm(name, times)
    stage.touched += 1


def _live_prompt(stage: Stage, body: Body) -> str:
    prompt_id = body.text("prompt")
    if not any(prompt.id == prompt_id and prompt.state == "shown" for prompt in stage.daraja.prompts()):
        raise BadInput("That prompt has closed.")
    return prompt_id


ACTS: Final[Mapping[str, Callable[[Stage, Body], Awaitable[None]]]] = {
    "say": say,
    "tap": tap,
    "other": other,
    "language": language,
    "share": share,
    "pick": pick,
    "reply": reply,
    "forward": forward,
    "read": read,
    "close_window": close_window,
    "pin": enter_pin,
    "cancel": cancel,
    "refill": refill,
    "fault": fault,
}

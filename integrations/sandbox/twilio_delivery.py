"""What becomes of a message after Twilio has taken it: its turn, WhatsApp's verdict, and the reports of both.

Source: "Outbound message status in status callbacks" and the error pages 63016, 63018, 63021 of Twilio's documentation.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from integrations.contract.exchange import Request, Response
from integrations.sandbox.far_side import DueList, World
from integrations.sandbox.twilio_chats import Person
from integrations.sandbox.twilio_config import TwilioSideConfig
from integrations.sandbox.twilio_content import Contents
from integrations.sandbox.twilio_content_forms import (
    ALWAYS_APPROVED,
    TEMPLATE_BODY_LENGTH_MAX,
    Shown,
    Unacceptable,
    check_buttons,
    filled,
    shown,
)
from integrations.sandbox.twilio_create import Wanted, sms_kind
from integrations.sandbox.twilio_messages import API_VERSION, Direction, Message, Messages, Status, bad_request
from integrations.sandbox.twilio_people import People
from integrations.sandbox.twilio_webhooks import Pairs, Webhooks

Json: TypeAlias = Any

QUEUE_SECONDS_MAX: Final = 4 * 3600.0
MEDIA_TIMEOUT_SECONDS: Final = 15.0
MEDIA_BYTES_MAX: Final = 16 * 1024 * 1024
IMAGE_BYTES_MAX: Final = 5 * 1024 * 1024
MEDIA_TYPES: Final = ("image/jpeg", "image/png", "image/webp", "audio/", "video/mp4", "application/pdf", "text/vcard")

#: What the reports say of each code.
ERRORS: Final[Mapping[int, str]] = {
    30036: "Validity period expired",
    63009: "Channel provider returned an internal service error",
    63014: "Message delivery failed because of a user action",
    63016: "Failed to send freeform message because you are outside the allowed window",
    63018: "Rate limit exceeded for Channel",
    63019: "Media failed to download",
    63021: "Channel invalid content error",
    63024: "Invalid message recipient",
    63041: "The template is paused",
}

#: The faults that lose any message, by the code they are reported with.
_LOSSES: Final = (
    ("twilio_undelivered_person", 63024),
    ("twilio_undelivered_slow", 63018),
    ("twilio_undelivered_provider", 63009),
)

_EVENTS: Final[Mapping[str, str]] = {status: status.upper() for status in ("sent", "delivered", "read", "undelivered")}

#: What the values of a template may not hold.
_NOT_IN_TEMPLATES = re.compile(r"[\n\t]| {4,}")


class Deliveries:
    """Takes messages, lets them go in their turn, and tells us what became of them."""

    def __init__(
        self, world: World, due: DueList, config: TwilioSideConfig, people: People, contents: Contents, hooks: Webhooks
    ) -> None:
        self._world = world
        self._due = due
        self._config = config
        self._people = people
        self._contents = contents
        self._hooks = hooks
        self._messages: Messages = people.messages
        #: When the last messages of each sender went or will go, as many as may go within a second.
        self._turns: dict[str, deque[float]] = {}
        #: Reports held back, so that they come in the wrong order.
        self._held: dict[str, list[Pairs]] = {}

    async def take(self, wanted: Wanted, direction: Direction = "outbound-api") -> Message:
        """Queue a message; ApiError where it is refused at once."""
        person = self._people.find(wanted.to)
        if person is not None and person.opted_out:
            raise bad_request(21610, "Attempt to send to unsubscribed recipient")
        seen, problem = self._seen(wanted)
        wait = self._turn(wanted.sender)
        message = self._message(wanted, seen, direction)
        self._messages.add(message)
        message.problem = problem
        message.expires_at = self._world.clock.monotonic() + wanted.validity_seconds
        if wanted.status_callback and self._world.faults.takes("twilio_reports_shuffled"):
            self._held[message.sid] = []
        if self._world.faults.takes("twilio_report_first"):
            await self._go(message)
        else:
            self._due.after(wait + self._config.sent_seconds, partial(self._go, message))
        return message

    async def read(self, person: Person) -> None:
        """The person looks at everything; what was not read yet is reported."""
        for sid, bubble in person.bubbles.items():
            message = self._messages.get(sid)
            if bubble.from_bot and bubble.ticks in {"sent", "delivered"} and message is not None:
                self._move(message, "read", person)
                self._due.after(0.0, partial(self._tell, message, self._report(message)))

    # --- taking

    def _message(self, wanted: Wanted, seen: Shown, direction: Direction) -> Message:
        now, content = self._world.clock.now(), wanted.content
        return Message(
            sid=("MM" if seen.media else "SM") + self._world.random.hexadecimal(16),
            direction=direction,
            sender=wanted.sender,
            to=wanted.to,
            body=seen.text,
            status="accepted" if wanted.service_sid else "queued",
            created_at=now,
            updated_at=now,
            media=seen.media,
            service_sid=wanted.service_sid,
            status_callback=wanted.status_callback,
            shown=seen,
            content_sid=content.sid if content else "",
            template=wanted.on_whatsapp and content is not None and self._contents.is_approved(content),
        )

    def _seen(self, wanted: Wanted) -> tuple[Shown, str]:
        """What will be seen, and what WhatsApp will not accept about it."""
        if wanted.content is None:
            return Shown(wanted.body, media=wanted.media), ""
        kind = wanted.content.kind if wanted.on_whatsapp else sms_kind(wanted.content)
        if not kind:
            raise bad_request(self._config.nothing_to_send_code, "The content has nothing for this channel")
        form = filled(wanted.content.types[kind], wanted.variables or {})
        try:
            return (self._accepted(wanted, kind, form) if wanted.on_whatsapp else shown(kind, form)), ""
        except Unacceptable as problem:
            if self._config.form_refused == "create":
                raise bad_request(63021, f"{ERRORS[63021]}: {problem}") from None
            return Shown(str(form.get("body", ""))), str(problem)

    def _accepted(self, wanted: Wanted, kind: str, form: Json) -> Shown:
        template = wanted.content is not None and self._contents.is_approved(wanted.content)
        if kind in ALWAYS_APPROVED and not template:
            raise Unacceptable(f"{kind} needs approval")
        check_buttons(kind, form, template=template)
        seen = shown(kind, form)
        values = (wanted.variables or {}).values()
        if template and len(seen.text) > TEMPLATE_BODY_LENGTH_MAX:
            raise Unacceptable(f"body is longer than {TEMPLATE_BODY_LENGTH_MAX}")
        if template and any(_NOT_IN_TEMPLATES.search(value) for value in values):
            raise Unacceptable("a variable of a template has a line break, a tab or four spaces")
        if not self._config.session_line_breaks and any("\n" in value for value in values):
            raise Unacceptable("a variable has a line break")
        return seen

    def _turn(self, sender: str) -> float:
        """How long this sender's next message waits: so many go within each second, the others after them in order."""
        now = self._world.clock.monotonic()
        turns = self._turns.setdefault(sender, deque(maxlen=max(self._config.per_second, 1)))
        at = max(now, turns[0] + 1.0) if len(turns) == turns.maxlen else now
        if at - now > QUEUE_SECONDS_MAX:
            raise bad_request(21611, "This 'From' number has exceeded the maximum number of queued messages")
        turns.append(at)
        return at - now

    # --- going

    async def _go(self, message: Message) -> None:
        if self._world.clock.monotonic() > message.expires_at:
            return await self._lose(message, 30036)
        code = self._obstacle(message) if message.on_whatsapp else 0
        code = code or await self._media_obstacle(message)
        if code:
            return await self._lose(message, code)
        message.sent_at = self._world.clock.now()
        self._move(message, "sent")
        if not message.on_whatsapp:
            self._people.put_sms(message.to, message.body)
        self._due.after(self._config.delivered_seconds, partial(self._arrive, message))
        return await self._tell(message, self._report(message))

    async def _arrive(self, message: Message) -> None:
        if message.status != "sent":
            return  # read in the meantime: then WhatsApp never says that it was delivered
        self._move(message, "delivered")
        if self._world.faults.takes("twilio_delivered_unreported"):
            return
        await self._tell(message, self._report(message))

    async def _lose(self, message: Message, code: int) -> None:
        message.error_code, message.error_message = code, ERRORS[code]
        self._held.pop(message.sid, None)
        self._move(message, "failed" if code == 30036 else self._config.lost_status)
        await self._tell(message, self._report(message))

    def _move(self, message: Message, status: Status, reader: Person | None = None) -> None:
        message.status = status
        message.updated_at = self._world.clock.now()
        person = reader or (self._people.find(message.to) if message.on_whatsapp else None)
        if person is not None:
            self._people.show(person, message)

    def _obstacle(self, message: Message) -> int:
        """Why WhatsApp does not take a message; 0 when it does."""
        takes, person = self._world.faults.takes, self._people.find(message.to)
        for fault, code in _LOSSES:
            if takes(fault):
                return code
        if message.content_sid and takes("twilio_undelivered_form"):
            return 63021
        if person is None:
            return 63024
        if person.blocked:
            return 63014
        if not message.template and (takes("twilio_undelivered_window") or not self._window_is_open(person)):
            return 63041 if self._is_paused(message) else 63016
        if message.problem:
            return 63021
        return 0 if self._allows(person) else 63018

    def _window_is_open(self, person: Person) -> bool:
        now = self._world.clock.monotonic()
        return person.wrote_at is not None and now - person.wrote_at < self._config.window_seconds

    def _is_paused(self, message: Message) -> bool:
        content = self._contents.get(message.content_sid)
        return content is not None and content.state(self._world.clock.monotonic()) == "paused"

    def _allows(self, person: Person) -> bool:
        """Whether this person may get one more now; it is taken off what they may get."""
        now, burst = self._world.clock.monotonic(), float(self._config.pair_burst)
        left = burst if person.allowance is None else person.allowance
        left = min(burst, left + (now - person.reckoned_at) / self._config.pair_seconds)
        person.reckoned_at = now
        person.allowance = left - 1 if left >= 1 else left
        return left >= 1

    async def _media_obstacle(self, message: Message) -> int:
        for url in message.media:
            if url.startswith("geo:"):
                continue
            deadline = self._world.clock.monotonic() + MEDIA_TIMEOUT_SECONDS
            got = await self._world.send(Request("GET", url), deadline)
            if not isinstance(got, Response) or got.status != 200 or not _is_media(got):
                return 63019
        return 0

    # --- reports

    def _report(self, message: Message) -> Pairs:
        fields = [
            ("MessageSid", message.sid),
            ("MessageStatus", message.status),
            ("SmsSid", message.sid),
            ("SmsStatus", message.status),
            ("AccountSid", self._config.account_sid),
            ("ApiVersion", API_VERSION),
            ("From", message.sender),
            ("To", message.to),
        ]
        if message.service_sid:
            fields.append(("MessagingServiceSid", message.service_sid))
        if message.error_code:
            fields += [("ErrorCode", str(message.error_code)), ("ErrorMessage", message.error_message)]
        if not message.on_whatsapp:
            return fields
        bare = message.to.removeprefix("whatsapp:")
        fields += [
            ("ChannelPrefix", "whatsapp"),
            ("ChannelInstallSid", "XE" + "0" * 32),
            ("ChannelToAddress", bare[:-4] + "XXXX"),
            ("StructuredMessage", "false"),
            ("EventType", _EVENTS.get(message.status, "UNDELIVERED")),
        ]
        if message.error_message:
            fields.append(("ChannelStatusMessage", message.error_message))
        return fields

    async def _tell(self, message: Message, pairs: Pairs) -> None:
        if not message.status_callback:
            return
        held = self._held.get(message.sid)
        if held is not None and not held:
            held.append(pairs)
            return
        for report in (pairs, *self._held.pop(message.sid, [])):
            event = self._hooks.event()
            await self._hooks.report(message.status_callback, report, event)
            if self._world.faults.takes("twilio_reports_doubled"):
                await self._hooks.report(message.status_callback, report, event)


def _is_media(got: Response) -> bool:
    kind = got.headers.get("content-type", "").partition(";")[0].strip().lower()
    size_max = IMAGE_BYTES_MAX if kind.startswith("image/") else MEDIA_BYTES_MAX
    return kind.startswith(MEDIA_TYPES) and 0 < len(got.body) <= size_max

"""The WhatsApp and SMS channels: webhooks in, Twilio's REST API out, reports by our own id."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.content import ContentApi, ContentStore
from integrations.channels.twilio.mail import CLOCK_SKEW_SECONDS, REPORTS_PATH, Envelope, Mail
from integrations.channels.twilio.wire.codes import Refused
from integrations.channels.twilio.wire.content import flat_value
from integrations.channels.twilio.wire.inbound import PREFIX, read_inbound, read_listed
from integrations.channels.twilio.wire.parts import (
    LIMITS,
    PROGRESS_VALIDITY_SECONDS,
    SMS_LIMITS,
    Filled,
    Part,
    fault_of,
    filled,
    sms_parts,
    text_parts,
    variables_json,
)
from integrations.channels.twilio.wire.reports import read_report
from integrations.channels.twilio.wire.signature import Proof
from integrations.contract.channel import NO_WAYBILL, Knock, Report, Waybill
from integrations.contract.exchange import NotSent, Request, Response, Send, Unknown
from integrations.contract.message import Gone, Ignored, Malformed, Message, Received, Rejected, Sending
from integrations.contract.seams import Clock

#: The answer to a webhook. A text would be sent to the person as our reply; a form without type is error 12300.
NOTHING_TO_SAY = Response(
    200, {"content-type": "text/xml"}, b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
)

#: The most that one look at the inbox reads. Twilio filters by the day, so asking for shorter spans would not help.
INBOX_MAX = 20_000

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


class WhatsApp:
    """The Channel of one WhatsApp sender, with its Knocks, Reports and Inbox.

    Addresses are phone numbers in E.164, or WhatsApp's ids of people who hide theirs, both without `whatsapp:`.
    """

    name = "whatsapp"
    path = "twilio/whatsapp"
    reports_path = REPORTS_PATH

    def __init__(self, config: TwilioConfig, send: Send, clock: Clock) -> None:
        self.limits = replace(LIMITS, per_second=config.per_second)
        self.timeout_seconds = config.timeout_seconds
        self._ours = f"{PREFIX}{config.whatsapp_from}"
        self._proof = Proof(config)
        self._clock = clock
        self._contents = ContentStore(ContentApi(config, send), clock) if config.content_api_url else None
        self._mail = Mail(config, send, clock, self._contents.forget if self._contents else None)

    # --- in

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        """Verify a webhook request by its signature, then read it. Pure. Money: none moves here."""
        form = self._proof.read(request)
        if isinstance(form, Rejected):
            return form
        read = read_inbound(form, self._ours, self._clock.now())
        return read if isinstance(read, Rejected) else [read]

    def acknowledge(self, received: list[Received | Ignored]) -> Response:  # noqa: ARG002  nothing on a phone waits for it
        """The 200 for what is stored: TwiML that says nothing."""
        return NOTHING_TO_SAY

    def report(self, request: Request) -> Report | Ignored | Rejected:
        """Verify and read what became of a message; text messages report to the same address. Pure."""
        form = self._proof.read(request)
        return form if isinstance(form, Rejected) else read_report(form, request.url)

    async def written_since(self, at: datetime, deadline: float) -> list[Received] | NotSent | Unknown:
        """What people wrote to us since `at`, from Twilio's list, the oldest first.

        It has the words of a tap and not its payload, so a tap that was lost comes back as its label, typed.
        """
        since = at - timedelta(seconds=CLOCK_SKEW_SECONDS)
        listed = await self._mail.rest.listed({"to": self._ours, "date_sent_after": since}, INBOX_MAX + 1, deadline)
        if isinstance(listed, Refused):
            return Unknown(f"the list was refused: status {listed.status}, code {listed.code}")
        if not isinstance(listed, list):
            return listed
        if len(listed) > INBOX_MAX:
            return Unknown(f"more than {INBOX_MAX} messages")
        # Twilio's times are whole seconds: within one, its order, the newest first, is all there is.
        read = [read_listed(one) for one in reversed(listed) if one.to == self._ours and one.at >= since]
        return sorted((one for one in read if isinstance(one, Received)), key=lambda one: one.at)

    # --- out

    async def send(self, address: str, message: Message, deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        """Send one message: as a Content with buttons or a list, else as text with numbered choices.

        Nothing is repeated but in another form, after Twilio refused the first. `edits` and `share_phone` have no
        counterpart on WhatsApp. Money: none moves here.
        """
        fault = fault_of(message)
        if fault is not None:
            return fault
        use, text = filled(message), text_parts(message)
        part = await self._content(use, deadline) if use is not None else None
        ways = [text] if part is None else [(part,), text]
        # The try before this one may have had the Content that cannot be had now.
        also = [(Part(use.values[0], ""),)] if use is not None and part is None else []
        envelope = self._envelope(address, PROGRESS_VALIDITY_SECONDS if message.progress else None)
        return await self._mail.deliver(ways, envelope, deadline, waybill, also)

    async def knock(self, address: str, knock: Knock, deadline: float, waybill: Waybill) -> Sending:
        """Send an approved template, whoever's turn it is to write. Money: none moves here."""
        none = Malformed(f"no approved template {knock.template} in {knock.language}")
        if self._contents is None:
            return none
        template = await self._contents.approved(knock.template, knock.language, deadline)
        if isinstance(template, Unknown):
            # Nothing was sent now; what an earlier try did nobody knows.
            return NotSent(template.cause) if waybill.tried_at is None else template
        values = tuple(flat_value(value) for value in knock.values)
        body = template.filled(values) if template is not None else None
        if template is None or body is None or not all(values):
            return none
        part = Part(body, template.sid, variables_json(values))
        return await self._mail.deliver([(part,)], self._envelope(address), deadline, waybill)

    async def working(self, address: str, deadline: float) -> None:
        """Show nothing. Twilio's typing indicator is a beta, is declared unfit for PCI and HIPAA, and marks the
        person's message as read before anybody read it.
        """

    async def _content(self, use: Filled, deadline: float) -> Part | None:
        if self._contents is None:
            return None
        sid = await self._contents.sid(use.name, deadline)
        return Part(use.values[0], sid, use.variables) if sid else None

    def _envelope(self, address: str, validity_seconds: int | None = None) -> Envelope:
        return Envelope(f"{PREFIX}{address}", self._ours, validity_seconds=validity_seconds)


class Sms:
    """Text messages through the same account, one way only: for what WhatsApp could not deliver.

    Addresses are phone numbers in E.164. Reports come to the address of WhatsApp's and are read there.
    """

    name = "sms"
    path = "twilio/sms"
    limits = SMS_LIMITS

    def __init__(self, config: TwilioConfig, send: Send, clock: Clock) -> None:
        if not (config.sms_from or config.messaging_service_sid):
            raise ValueError("sms_from is empty, and so is messaging_service_sid: one of them sends text messages")
        self.timeout_seconds = config.timeout_seconds
        # Where there is a sender of its own the service is not needed, and it could choose another.
        self._sender = config.sms_from
        self._service = "" if config.sms_from else config.messaging_service_sid
        self._mail = Mail(config, send, clock)

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:  # noqa: ARG002  whatever it is
        """Nobody writes to us by text message."""
        return Rejected("text messages are not read", 404)

    def acknowledge(self, received: list[Received | Ignored]) -> Response:  # noqa: ARG002  there is none
        """The same as WhatsApp's."""
        return NOTHING_TO_SAY

    async def send(self, address: str, message: Message, deadline: float, waybill: Waybill = NO_WAYBILL) -> Sending:
        """Send one message as plain text, without choices. Money: none moves here."""
        if not _PHONE.fullmatch(address):
            return Gone("not a phone number")
        parts = sms_parts(message)
        if not parts:
            return Malformed("the text is empty")
        return await self._mail.deliver([parts], Envelope(address, self._sender, self._service), deadline, waybill)

    async def working(self, address: str, deadline: float) -> None:
        """Show nothing: text messages have no such thing."""

"""Sends the parts of a message, in order, and looks first for what an earlier try may have sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.wire.codes import Refused, is_about_form, sending_of
from integrations.channels.twilio.wire.inbound import Listed
from integrations.channels.twilio.wire.parts import Part
from integrations.channels.twilio.wire.reports import OWN
from integrations.contract.channel import Waybill
from integrations.contract.exchange import NotSent, Send, Unknown
from integrations.contract.message import Delivered, Gone, Malformed, Sending
from integrations.contract.seams import Clock

if TYPE_CHECKING:
    from integrations.channels.twilio.rest import Rest

#: Where Twilio's reports come in, below our public address.
REPORTS_PATH = "twilio/status"

#: How far Twilio's clock and ours may be apart.
CLOCK_SKEW_SECONDS = 120.0

#: A request that was cut off may be carried out a little later, and the list may lag behind. Only so long after the try
#: began, beyond its timeout, does "not in the list" prove that nothing was sent.
SETTLE_MARGIN_SECONDS = 45.0

#: Messages to one person that a look reads. Who has more than that since a try began got them otherwise than from us.
LOOK_MAX = 200
#: And of the newest without a date: one that still waits in Twilio's queue may have none.
LOOK_NEWEST_MAX = 20

#: Messages whose last create ended without an answer that are remembered. Forgetting one leaves it to `tried_at`.
UNSETTLED_MAX = 10_000

#: What the direction of a message made through the API is.
OUTBOUND = "outbound-api"

#: Several ways to send the same message, the best first: a Content, then text.
Ways = Sequence[tuple[Part, ...]]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where to and from, as Twilio writes it. `validity_seconds`: dropped when it could not leave for so long."""

    to: str
    sender: str = ""
    service: str = ""
    validity_seconds: int | None = None


class Mail:
    """Sending for both channels. Twilio's library is loaded with the first message."""

    def __init__(
        self, config: TwilioConfig, send: Send, clock: Clock, on_form_refused: Callable[[], None] | None = None
    ) -> None:
        self._config = config
        self._send = send
        self._clock = clock
        self._on_form_refused = on_form_refused
        self._unsettled: dict[str, datetime] = {}
        self._rest: Rest | None = None
        self.settle = timedelta(seconds=config.timeout_seconds + SETTLE_MARGIN_SECONDS)

    @property
    def rest(self) -> Rest:
        """The REST client, made when it is first needed."""
        if self._rest is None:
            from integrations.channels.twilio.rest import Rest

            self._rest = Rest(self._config, self._send)
        return self._rest

    async def deliver(
        self, ways: Ways, envelope: Envelope, deadline: float, waybill: Waybill, also: Ways = ()
    ) -> Sending:
        """Send a message in the best of these ways that Twilio takes.

        A way whose form is refused has sent nothing, so the next one is tried in the same breath. What a try before
        this one sent is looked for in all ways, and in those of `also`, and only the rest is sent. When something is
        out and something else could not be sent, the outcome is Unknown: the next try looks again.
        """
        there: dict[int, str] = {}
        if waybill.tried_at is not None:
            found = await self._look(envelope, waybill, waybill.tried_at, deadline)
            if isinstance(found, Unknown):
                return found
            matches = [(way, _matched(way, found)) for way in (*ways, *also)]
            best, there = max(matches, key=lambda match: len(match[1]) / len(match[0]))
            if len(there) == len(best):
                return Delivered(there[len(best) - 1])
            # `tried_at` may be the first of several tries, and each has to settle.
            last = max(waybill.tried_at, self._unsettled.get(waybill.own, waybill.tried_at))
            if self._clock.now() - last < self.settle:
                return Unknown("too soon to tell whether an earlier try was sent")
            ways = [best] if there else ways
        sent: Delivered | Refused | NotSent | Unknown = NotSent("nothing to send")
        for way in ways:
            sent = await self._deliver(way, there, envelope, deadline, waybill)
            if not (isinstance(sent, Refused) and is_about_form(sent)):
                break
            if self._on_form_refused is not None:
                self._on_form_refused()
        sending = sending_of(sent) if isinstance(sent, Refused) else sent
        self._remember(waybill.own, unknown=isinstance(sending, Unknown))
        return sending

    def _remember(self, own: str, *, unknown: bool) -> None:
        self._unsettled.pop(own, None)
        if own and unknown:
            self._unsettled[own] = self._clock.now()
        if len(self._unsettled) > UNSETTLED_MAX:
            del self._unsettled[next(iter(self._unsettled))]

    async def _deliver(
        self, way: tuple[Part, ...], there: Mapping[int, str], envelope: Envelope, deadline: float, waybill: Waybill
    ) -> Delivered | Refused | NotSent | Unknown:
        out, last = bool(there), ""
        for number, part in enumerate(way):
            if number in there:
                last = there[number]
                continue
            sent = await self.rest.create(self._fields(part, envelope, waybill), deadline)
            if not isinstance(sent, Delivered):
                return Unknown(f"part {number + 1} of {len(way)}: {_words(sent)}") if out else sent
            out, last = True, sent.external_id
        return Delivered(last)

    def _fields(self, part: Part, envelope: Envelope, waybill: Waybill) -> dict[str, object]:
        fields: dict[str, object] = {"to": envelope.to}
        if envelope.sender:
            fields["from_"] = envelope.sender
        if envelope.service:
            fields["messaging_service_sid"] = envelope.service
        if part.content_sid:
            fields |= {"content_sid": part.content_sid, "content_variables": part.variables}
        else:
            fields["body"] = part.body
        if waybill.own:
            query = urlencode({OWN: waybill.own})
            fields["status_callback"] = f"{self._config.public_url}/webhooks/{REPORTS_PATH}?{query}"
        if envelope.validity_seconds is not None:
            fields["validity_period"] = envelope.validity_seconds
        return fields

    async def _look(
        self, envelope: Envelope, waybill: Waybill, tried_at: datetime, deadline: float
    ) -> list[Listed] | Unknown:
        """What we sent to this address since a try began, the oldest first. Whatever goes wrong here is Unknown."""
        since = tried_at - timedelta(seconds=CLOCK_SKEW_SECONDS)
        who = {"to": envelope.to} | ({"from_": envelope.sender} if envelope.sender else {})
        found: dict[str, Listed] = {}
        dated: dict[str, object] = {**who, "date_sent_after": since}
        for filters, most in ((dated, LOOK_MAX + 1), (who, LOOK_NEWEST_MAX)):
            listed = await self.rest.listed(filters, most, deadline)
            if not isinstance(listed, list):
                return Unknown(f"an earlier try could not be looked for: {_words(listed)}")
            if len(listed) > LOOK_MAX:
                return Unknown("more messages than can be looked through")
            found |= {one.sid: one for one in listed if _may_be(one, envelope, since.timestamp(), waybill.known)}
        return sorted(found.values(), key=lambda one: one.at)


def _may_be(one: Listed, envelope: Envelope, since: float, known: Iterable[str]) -> bool:
    fits = one.direction == OUTBOUND and one.to == envelope.to and one.sid not in known
    return fits and one.at.timestamp() >= since


def _matched(way: tuple[Part, ...], found: Sequence[Listed]) -> dict[int, str]:
    """Which parts are among the messages found, each message standing for one part."""
    left = list(found)
    there: dict[int, str] = {}
    for number, part in enumerate(way):
        same = next((one for one in left if _is_it(one, part)), None)
        if same is not None:
            there[number] = same.sid
            left.remove(same)
    return there


def _is_it(one: Listed, part: Part) -> bool:
    # No document says that the list shows the words of a Content. We never send an empty text, so one without any words
    # that no other message of ours accounts for is a Content.
    if part.content_sid is not None and not one.body.strip():
        return True
    return _bare(one.body) == _bare(part.body)


def _bare(body: str) -> str:
    # Twilio's list may have lost the spaces at the ends of lines.
    return "\n".join(line.rstrip() for line in body.strip().splitlines())


def _words(outcome: Refused | NotSent | Unknown) -> str:
    if not isinstance(outcome, Refused):
        return outcome.cause
    said = sending_of(outcome)
    return said.reason if isinstance(said, Malformed | Gone) else f"code {outcome.code}"

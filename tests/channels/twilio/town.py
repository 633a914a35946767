"""The adapter and the sandbox's Twilio on one network in memory, and what passed between them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from integrations.channels.twilio.adapter import Sms, WhatsApp
from integrations.channels.twilio.config import TwilioConfig
from integrations.contract.channel import Arrived, Report, Undelivered, Waybill
from integrations.contract.exchange import NoAnswer, NotSent, Request, Response, Sent, Unknown
from integrations.contract.message import (
    Delivered,
    Message,
    Received,
    Rejected,
)
from integrations.contract.people import Secret
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.twilio import TwilioSide, TwilioSideConfig
from tests.channels.twilio.stage import ACCOUNT, API, CONTENT_API, INBOUND, START, TOKEN, hello
from tests.seams import HandClock, SeededRandom

JANE, JANES_ID, OTHER = "+254712345678", "KE.1000000000000001", "+254733000777"
SHARED_KEY = "webhooks_sharedkey_sandbox"
ASK = hello("Pay *KES* 500?\nNow?", ("3:7:yes", "Yes"), ("3:7:no", "No"))
MANY = hello("Which meter?", *((f"3:8:{n}", f"Meter number {n}") for n in range(4)))


class Town:
    """Both ends and what passed between them."""

    def __init__(self, *, content: bool = True, public: str = "https://bili.test", **far: Any) -> None:
        self.clock = HandClock(START, 1000.0)
        self.faults = FaultPlan()
        self.public = public
        token = Secret(TOKEN)
        shared = Secret("test-shared-secret")
        side = TwilioSideConfig(
            account_sid=ACCOUNT,
            auth_token=token,
            whatsapp_from="+14155238886",
            sms_from="+15550000002",
            webhook_url=f"{public}{INBOUND}",
            shared_key=shared,
            **far,
        )
        self.side = TwilioSide(World(self.send, self.clock, SeededRandom(), self.faults), side)
        self.config = TwilioConfig(
            account_sid=ACCOUNT,
            auth_token=token,
            shared_keys={SHARED_KEY: shared},
            whatsapp_from="+14155238886",
            sms_from="+15550000002",
            api_url=API,
            content_api_url=CONTENT_API if content else "",
            public_url=public,
        )
        self.whatsapp = WhatsApp(self.config, self.send, self.clock)
        self.sms = Sms(self.config, self.send, self.clock)
        self.received: list[Received] = []
        self.reports: list[Report] = []
        self.creates = 0
        self.side.add_user(JANE, "Jane *bold*", JANES_ID)

    async def send(self, request: Request, deadline: float) -> Sent:
        if deadline <= self.clock.monotonic():
            return NotSent("the deadline had passed")
        parts = urlsplit(request.url)
        path = f"{parts.path}{'?' + parts.query if parts.query else ''}"
        if request.url.startswith(self.public):
            arriving = path.removeprefix(urlsplit(self.public).path)
            return self.hear(Request(request.method, arriving, request.headers, request.body))
        self.creates += request.method == "POST" and parts.path.endswith("/Messages.json")
        try:
            return await self.side.serve(Request(request.method, path, request.headers, request.body))
        except NoAnswer:
            return Unknown("no answer")

    def hear(self, request: Request) -> Response:
        """Our end: what is proved is kept."""
        if "/status" in request.url:
            report = self.whatsapp.report(request)
            assert not isinstance(report, Rejected), report
            self.reports += [report] if isinstance(report, Arrived | Undelivered) else []
            return Response(200, {"content-type": "text/xml"}, b"<Response/>")
        read = self.whatsapp.receive(request)
        if isinstance(read, Rejected):
            return Response(read.status)
        self.received += [one for one in read if isinstance(one, Received)]
        return self.whatsapp.acknowledge(read)

    @property
    def soon(self) -> float:
        return self.clock.monotonic() + 15

    async def pass_time(self, seconds: float = 0.0) -> None:
        """Let time pass, doing everything that falls due on the way at its own time."""
        end = self.clock.seconds + seconds
        while self.side.due.next_at is not None and self.side.due.next_at - 1000.0 <= end:
            self.clock.seconds = max(self.clock.seconds, self.side.due.next_at - 1000.0)
            await self.side.due.drain()
        self.clock.seconds = end

    async def opened(self) -> Town:
        """Jane has written."""
        await self.side.say(JANE, "hi")
        await self.pass_time()
        self.received.clear()
        return self

    async def says(self, message: Message, own: str = "o1") -> str:
        """Send a message that is taken; its sid."""
        sent = await self.whatsapp.send(JANE, message, self.soon, Waybill(own))
        assert isinstance(sent, Delivered), sent
        await self.pass_time(1)
        return sent.external_id

    def bubbles(self) -> list[Any]:
        return [bubble for bubble in self.side.chat(JANE) if bubble.from_bot]

    def contents(self) -> list[object]:
        return [one.content for one in self.received]

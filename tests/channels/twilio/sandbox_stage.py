"""The sandbox's Twilio on a network in memory, with one person, Jane, and a bot that only keeps what it is told."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import orjson

from integrations.contract.exchange import NotSent, Request, Response, Sent
from integrations.contract.people import Secret
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.twilio import TwilioSide, TwilioSideConfig
from tests.seams import HandClock, SeededRandom

START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
SINCE = 1000.0
SID = "AC" + "0" * 32
TOKEN = "test-twilio-auth-token"
OURS, OUR_SMS = "+15550000001", "+15550000002"
JANE, JANES_ID = "+254712345678", "KE.1000000000000001"
HOOK = "https://bili.test/webhooks/twilio/whatsapp"
FALLBACK = "https://bili.test/fallback"
REPORTS = "https://bili.test/webhooks/twilio/status?m=ours%2F1"
FORM = "application/x-www-form-urlencoded"
EMPTY = Response(200, {"content-type": "text/xml"}, b"<Response/>")


def config(**changes: Any) -> TwilioSideConfig:
    """The account of these tests, with what a test wants otherwise."""
    given = {
        "account_sid": SID, "auth_token": Secret(TOKEN), "whatsapp_from": OURS, "sms_from": OUR_SMS,
        "webhook_url": HOOK,
    }  # fmt: skip
    return TwilioSideConfig(**{**given, **changes})


def basic(user: str = SID, password: str = TOKEN) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def fields(request: Request) -> dict[str, str]:
    """The form of a webhook."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


@dataclass
class Bot:
    """Our end: keeps every request and answers from a list, then with empty TwiML."""

    requests: list[Request] = field(default_factory=list)
    answers: list[Sent] = field(default_factory=list)

    def hooks(self) -> list[dict[str, str]]:
        """What people did, as it was told."""
        return [fields(request) for request in self.requests if "/status" not in request.url]

    def reports(self) -> list[tuple[str, str]]:
        """The status and the error code of each report."""
        told = [fields(request) for request in self.requests if "/status" in request.url]
        return [(one["MessageStatus"], one.get("ErrorCode", "")) for one in told]


class Stage:
    """One Twilio account, one person, one network."""

    def __init__(self, **changes: Any) -> None:
        self.clock = HandClock(START, SINCE)
        self.faults = FaultPlan()
        self.bot = Bot()
        #: Files of ours by their address, for the media we send.
        self.files: dict[str, Sent] = {}
        #: How long each request to us would have been waited for, in seconds.
        self.patience: list[float] = []
        self.config = config(**changes)
        self.side = TwilioSide(World(self.send, self.clock, SeededRandom(), self.faults), self.config)
        self.side.add_user(JANE, "Jane", JANES_ID)

    async def send(self, request: Request, deadline: float) -> Sent:
        if request.method == "GET":
            return self.files.get(request.url, NotSent("nobody there"))
        self.patience.append(deadline - self.clock.monotonic())
        self.bot.requests.append(request)
        return self.bot.answers.pop(0) if self.bot.answers else EMPTY

    async def pass_time(self, seconds: float = 0.0) -> None:
        """Let time pass, doing everything that falls due on the way at its own time."""
        end = self.clock.seconds + seconds
        while self.side.due.next_at is not None and self.side.due.next_at - SINCE <= end:
            self.clock.seconds = max(self.clock.seconds, self.side.due.next_at - SINCE)
            await self.side.due.drain()
        self.clock.seconds = end

    # --- calls

    async def call(self, method: str, path: str, body: bytes = b"", kind: str = "", **headers: str) -> Response:
        given = {**basic(), **({"content-type": kind} if kind else {}), **headers}
        return await self.side.serve(Request(method, path, given, body))

    async def create(self, *pairs: tuple[str, str], **form: str) -> Response:
        """A create call: to Jane from our number, unless the form says otherwise."""
        given = {"To": f"whatsapp:{JANE}", "From": f"whatsapp:{OURS}", **form}
        body = urlencode([*((name, value) for name, value in given.items() if value), *pairs]).encode()
        return await self.call("POST", f"/2010-04-01/Accounts/{SID}/Messages.json", body, FORM)

    async def sent(self, *pairs: tuple[str, str], **form: str) -> str:
        """Create a message that is taken; its sid."""
        response = await self.create(*pairs, **form)
        assert response.status == 201, response.body
        return str(orjson.loads(response.body)["sid"])

    async def refused(self, *pairs: tuple[str, str], **form: str) -> tuple[int, int]:
        """Create a message that is refused: the status and the code."""
        response = await self.create(*pairs, **form)
        told = orjson.loads(response.body)
        assert set(told) == {"code", "message", "more_info", "status"}
        assert told["status"] == response.status
        assert told["more_info"].endswith(str(told["code"]))
        return response.status, told["code"]

    async def json(self, method: str, path: str, body: object = None) -> Any:
        """One call that succeeds, in JSON."""
        content = b"" if body is None else orjson.dumps(body)
        response = await self.call(method, path, content, "application/json" if content else "")
        assert response.status in {200, 201}, response.body
        return orjson.loads(response.body)

    async def listed(self, **query: str) -> Any:
        return await self.json("GET", f"/2010-04-01/Accounts/{SID}/Messages.json?{urlencode(query)}")

    async def message(self, sid: str) -> Any:
        return await self.json("GET", f"/2010-04-01/Accounts/{SID}/Messages/{sid}.json")

    async def content(self, types: object, variables: object = None, **more: object) -> str:
        """Create a Content; its sid."""
        body = {"friendly_name": "test", "language": "en", "variables": variables or {}, "types": types, **more}
        return str((await self.json("POST", "/v1/Content", body))["sid"])

    async def approve(self, sid: str, name: str = "a_template") -> None:
        body = {"name": name, "category": "UTILITY"}
        await self.json("POST", f"/v1/Content/{sid}/ApprovalRequests/whatsapp", body)

    # --- what happened

    async def opened(self) -> Stage:
        """Jane has written: the window is open."""
        await self.side.say(JANE, "hi")
        await self.pass_time()
        self.bot.requests.clear()
        return self

    async def fate(self, **form: str) -> tuple[str, str]:
        """Send with reports and wait: the last status told, with its error code."""
        await self.sent(StatusCallback=REPORTS, **form)
        await self.pass_time(2)
        return self.bot.reports()[-1]

    def texts(self) -> list[str]:
        """What is on Jane's phone."""
        return [bubble.text for bubble in self.side.chat(JANE) if bubble.on_the_phone]

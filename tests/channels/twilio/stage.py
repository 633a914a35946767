"""A small world for the adapter: a clock set by hand, a Send that answers from a list, and Twilio's own signer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson
from multidict import MultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # Twilio's library ships no types

from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.wire.signature import PROOF_HEADER, SETTINGS_HEADER
from integrations.contract.exchange import Request, Response, Sent
from integrations.contract.message import Button, Message, Span
from integrations.contract.people import Secret
from tests.seams import HandClock

FIXTURES = Path(__file__).parent / "fixtures"
START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
ACCOUNT = "AC" + "0" * 32
TOKEN, OLD_TOKEN, SHARED = "test-auth-token", "test-previous-token", "test-shared-secret"
PUBLIC = "https://bili.test"
API = "https://twilio.test"
CONTENT_API = "https://content.test"
OURS = "whatsapp:+14155238886"
PHONE = "+254712000555"
HIDDEN = "KE.1502576394655843"
INBOUND, REPORTS = "/webhooks/twilio/whatsapp", "/webhooks/twilio/status"

CONFIG = TwilioConfig(
    account_sid=ACCOUNT,
    auth_token=Secret(TOKEN),
    whatsapp_from="+14155238886",
    sms_from="+254700000100",
    api_url=API,
    public_url=PUBLIC,
)
WITH_CONTENT = replace(CONFIG, content_api_url=CONTENT_API)
SOON = 1015.0


class FakeClock(HandClock):
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        super().__init__(START, 1000.0)


Answer = Sent | Callable[[Request], Sent]


class Script:
    """A Send that keeps what it is given, and answers from a list: values, or functions of the request."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[Request] = []
        self.deadlines: list[float] = []
        self.answers = list(answers)

    async def __call__(self, request: Request, deadline: float) -> Sent:
        self.requests.append(request)
        self.deadlines.append(deadline)
        answer = self.answers.pop(0)
        return answer if not callable(answer) else answer(request)

    def form(self, number: int = -1) -> dict[str, str]:
        """The form of one request; every name once."""
        pairs = parse_qsl(self.requests[number].body.decode(), keep_blank_values=True, strict_parsing=True)
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    def json(self, number: int = -1) -> Any:
        return orjson.loads(self.requests[number].body)

    def query(self, number: int = -1) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.requests[number].url).query)

    def calls(self) -> list[str]:
        """Method and path of each request, the account left out."""
        return [
            f"{one.method} {urlsplit(one.url).path.removeprefix(f'/2010-04-01/Accounts/{ACCOUNT}')}"
            for one in self.requests
        ]


class Store:
    """A Content API in memory, in front of the answers of another Send."""

    def __init__(self, *answers: Answer, contents: list[dict[str, Any]] | None = None) -> None:
        self.twilio = Script(*answers)
        self.contents = contents if contents is not None else []
        self.asked: list[tuple[str, str]] = []
        self.deadlines: list[float] = []
        self.failing: Sent | None = None
        self.not_making: Sent | None = None
        self.submitted: list[tuple[str, Any]] = []

    async def __call__(self, request: Request, deadline: float) -> Sent:
        if not request.url.startswith(CONTENT_API):
            return await self.twilio(request, deadline)
        path = urlsplit(request.url).path
        self.asked.append((request.method, path))
        self.deadlines.append(deadline)
        if self.failing is not None:
            return self.failing
        if request.method == "GET":
            return Response(200, {}, orjson.dumps({"contents": self.contents, "meta": {"next_page_url": None}}))
        payload = orjson.loads(request.body)
        if path.endswith("/ApprovalRequests/whatsapp"):
            sid = path.split("/")[3]
            self.submitted.append((sid, payload))
            next(one for one in self.contents if one["sid"] == sid)["approval_requests"] = {"status": "received"}
            return Response(201, {}, orjson.dumps({**payload, "status": "received"}))
        if self.not_making is not None:
            return self.not_making
        number = len(self.contents) + 1
        made = {**payload, "sid": f"HX{number:032x}", "date_created": f"2026-01-05T06:00:{number:02d}Z"}
        self.contents.append(made)
        return Response(201, {}, orjson.dumps(made))


def fixture(name: str) -> bytes:
    """One file of the wire, as it arrives."""
    return (FIXTURES / name).read_bytes()


def answer(name: str, **headers: str) -> Response:
    """An answer of the API; its status is in the body, or in the name where the body is none of Twilio's."""
    body = fixture(name)
    told = orjson.loads(body) if name.endswith(".json") else {}
    # error_502.html: the status of what is no answer of the API is in the name.
    number = name.partition(".")[0].rpartition("_")[2]
    by_name = int(number) if number.isdecimal() else 201
    status = told.get("status")
    return Response(
        status if isinstance(status, int) else by_name, {"content-type": "application/json", **headers}, body
    )


def sent_as(sid: str) -> Response:
    """The answer to a message that was taken."""
    return Response(201, {}, orjson.dumps({**orjson.loads(fixture("created_text.json")), "sid": sid}))


def signed(
    body: bytes,
    url: str = INBOUND,
    *,
    token: str = TOKEN,
    public: str = PUBLIC,
    settings: str = "",
    algorithm: str | None = None,
    content_type: str = "application/x-www-form-urlencoded",
) -> Request:
    """A webhook as Twilio signs it: Twilio's validator over the address it was given, and every parameter."""
    params = MultiDict(parse_qsl(body.decode(), keep_blank_values=True)) if "json" not in content_type else {}
    signature = RequestValidator(token).compute_signature(public + url, params, algorithm)
    headers = {"content-type": content_type, PROOF_HEADER: signature}
    if settings:
        headers[SETTINGS_HEADER] = settings
    return Request("POST", url, headers, body)


def hello(text: str = "Hello", *buttons: tuple[str, str]) -> Message:
    """A message with buttons given as (data, label)."""
    return Message((Span(text),), tuple(Button(data, label) for data, label in buttons))


def listed(sid: str, body: str, at: datetime = START, **fields: object) -> dict[str, object]:
    """One message of ours in Twilio's list."""
    date = format_datetime(at, usegmt=False)
    made: dict[str, object] = orjson.loads(fixture("created_text.json"))
    return {**made, "sid": sid, "body": body, "status": "sent", "date_created": date, "date_sent": date, **fields}


def page(*messages: dict[str, object], following: str | None = None) -> Response:
    """One page of Twilio's list of messages."""
    body = {"messages": messages, "next_page_uri": following, "page": 0, "page_size": 20, "uri": "/"}
    return Response(200, {}, orjson.dumps(body))

"""Another Twilio than our sandbox's, written apart from it: no code of ours is in here, and its manners are different.

It answers `accepted`, in chunks; its headers and media types are in whatever case HTTP allows; it reports late and in
its own good time; it knows no ExternalUserId, and says things nobody has documented.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal, TypeAlias

import aiohttp
from aiohttp import web

Json: TypeAlias = Any

ACCOUNT = "AC" + "5" * 32
TOKEN = "another-twilio-token"
NUMBER = "whatsapp:+15550000077"
#: Its reports of a message, after so many seconds each.
REPORT_SECONDS = 0.15


@dataclass
class Letter:
    """One message, in or out."""

    sid: str
    sender: str
    to: str
    body: str
    buttons: dict[str, str] = field(default_factory=dict)
    status: str = "accepted"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def shown(self) -> Json:
        """As the API shows it."""
        when = format_datetime(self.at)
        return {
            "sid": self.sid, "account_sid": ACCOUNT, "from": self.sender, "to": self.to, "body": self.body,
            "direction": "inbound" if self.to == NUMBER else "outbound-api", "status": self.status,
            "date_created": when, "date_sent": when, "date_updated": when, "num_media": "0", "num_segments": "1",
            "error_code": None, "error_message": None, "price": None, "price_unit": None, "api_version": "2010-04-01",
            "messaging_service_sid": None, "uri": f"/{self.sid}", "subresource_uris": {}, "mood": ["sunny", 7],
        }  # fmt: skip


@dataclass
class OtherTwilio:
    """`content` is how its Content API is today. `refusals` are the statuses our webhooks answered, but for 200."""

    content: Literal["there", "404", "500"] = "there"
    url: str = ""
    webhook: str = ""
    letters: list[Letter] = field(default_factory=list)
    contents: dict[str, Json] = field(default_factory=dict)
    #: What was asked of it, with the status of each answer.
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    _numbers: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)
    _busy: set[asyncio.Task[None]] = field(default_factory=set)
    _client: aiohttp.ClientSession | None = None

    # --- people

    async def hears(self, phone: str, text: str, **more: str) -> None:
        """Somebody writes; `more` are the parameters of a tap."""
        letter = Letter(self._sid("SM"), f"whatsapp:{phone}", NUMBER, text)
        self.letters.append(letter)
        form = {
            "SmsMessageSid": letter.sid, "NumMedia": "0", "ProfileName": "A. *N*", "SmsSid": letter.sid,
            "WaId": phone[1:], "SmsStatus": "received", "Body": text, "To": NUMBER, "NumSegments": "1",
            "MessageSid": letter.sid, "AccountSid": ACCOUNT, "From": letter.sender, "ApiVersion": "2010-04-01",
            "MessageType": "interactive" if more else "text", "Weather": "", "a-lower-case-word": "ä&=+ ", **more,
        }  # fmt: skip
        await self._post(self.webhook, form)

    async def taps(self, letter: Letter, title: str) -> None:
        """Somebody taps a button of a letter to them; what is typed elsewhere than on a button is not a tap."""
        more = {"ButtonText": title, "ButtonPayload": letter.buttons[title], "OriginalRepliedMessageSid": letter.sid}
        await self.hears(letter.to.removeprefix("whatsapp:"), title, **more)

    def to(self, phone: str) -> list[Letter]:
        """What we sent to somebody."""
        return [letter for letter in self.letters if letter.to == f"whatsapp:{phone}"]

    # --- the API

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        status, body = self._status_and_body(request, dict(await request.post()), await request.text())
        self.asked.append((request.method, request.path, status))
        response = web.StreamResponse(status=status, headers={"CONTENT-TYPE": "Application/JSON; Charset=UTF-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        text = json.dumps(body, indent=3).encode()
        for start in range(0, len(text), 100):
            await response.write(text[start : start + 100])
        await response.write_eof()
        return response

    def _status_and_body(self, request: web.Request, form: dict[str, Any], text: str) -> tuple[int, Json]:
        given = request.headers.get("Authorization", "").partition(" ")[2]
        if given != base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
            return 401, _problem(20003, "Authenticate", 401)
        if request.path.startswith("/v1/"):
            return self._of_contents(request, text)
        if request.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return 404, _problem(20404, "not here", 404)
        return self._create(form) if request.method == "POST" else (200, self._list(request))

    def _create(self, form: dict[str, str]) -> tuple[int, Json]:
        if form.get("From") != NUMBER or not form.get("To", "").startswith("whatsapp:+"):
            return 400, _problem(21211, "whose number is that?", 400)
        if ("Body" in form) == ("ContentSid" in form) or len(form.get("Body", "")) > 1600:
            return 400, _problem(21619, "one text is required", 400)
        letter = Letter(self._sid("SM"), form["From"], form["To"], form.get("Body", ""))
        if "ContentSid" in form:
            content = self.contents.get(form["ContentSid"])
            if content is None:
                return 400, _problem(21655, "no such content", 400)
            [(kind, shape)] = content["types"].items()
            values = {**content["variables"], **json.loads(form.get("ContentVariables", "{}"))}
            letter.body = _filled(shape["body"], values)
            rows = shape["actions"] if kind.endswith("quick-reply") else shape["items"]
            letter.buttons = {_filled(r.get("title", r.get("item")), values): _filled(r["id"], values) for r in rows}
        self.letters.append(letter)
        if "StatusCallback" in form:
            self._later(self._report(letter, form["StatusCallback"]))
        return 201, letter.shown()

    def _list(self, request: web.Request) -> Json:
        found = [one.shown() for one in reversed(self.letters)]
        for name in ("To", "From"):
            found = [one for one in found if request.query.get(name, one[name.lower()]) == one[name.lower()]]
        return {"messages": found, "page": 0, "page_size": 50, "next_page_uri": None, "uri": request.path_qs}

    def _of_contents(self, request: web.Request, text: str) -> tuple[int, Json]:
        if self.content != "there":
            return int(self.content), {"oops": f"{self.content}, and no more than that"}
        if request.method == "POST":
            made = {**json.loads(text), "sid": self._sid("HX"), "date_created": datetime.now(UTC).isoformat()}
            self.contents[made["sid"]] = made
            return 201, made
        requests = {"approval_requests": {"status": "unsubmitted", "rejection_reason": ""}}
        contents = [{**one, **requests} for one in self.contents.values()]
        return 200, {"contents": contents, "meta": {"next_page_url": None, "key": "contents"}}

    # --- what it posts

    async def _report(self, letter: Letter, url: str) -> None:
        for status in ("sent", "delivered", "read"):
            await asyncio.sleep(REPORT_SECONDS)
            letter.status = status
            form = {"MessageSid": letter.sid, "MessageStatus": status, "AccountSid": ACCOUNT, "From": letter.sender}
            await self._post(url, {**form, "To": letter.to, "ChannelPrefix": "whatsapp", "NewHere": status})

    async def _post(self, url: str, form: dict[str, str]) -> None:
        assert self._client is not None
        signed = url + "".join(name + form[name] for name in sorted(form))
        digest = hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
        headers = {
            "X-TWILIO-SIGNATURE": base64.b64encode(digest).decode(),
            "content-TYPE": "Application/X-WWW-Form-Urlencoded; Charset=utf-8",
            "X-Home-Region": "us1",
        }
        # Each time a new connection, cut as soon as the answer is there.
        async with self._client.post(url, data=aiohttp.FormData(form)(), headers=headers) as answer:
            if answer.status != 200:
                self.refusals.append(answer.status)
            elif (kind := answer.headers["content-type"].partition(";")[0]) != "text/xml":
                raise AssertionError(f"an answer of type {kind}, which would be sent to the customer")

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    def _sid(self, kind: str) -> str:
        return f"{kind}{self._numbers():032x}"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[OtherTwilio]:
        """On a free port of this machine."""
        runner = web.ServerRunner(web.Server(self.answer))  # type: ignore[arg-type]
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as self._client:
                yield self
        finally:
            for task in self._busy:
                task.cancel()
            await asyncio.gather(*self._busy, return_exceptions=True)
            await runner.cleanup()


def _problem(code: int, words: str, status: int) -> Json:
    return {"code": code, "message": words, "more_info": "", "status": status, "user_error": True}


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text

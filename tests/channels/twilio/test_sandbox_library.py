"""The sandbox's Twilio against Twilio's own library for Python, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from multidict import MultiDict
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]  # Twilio's library ships no types
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response as LibraryResponse  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]
from twilio.rest.content.v1.content import ContentList  # type: ignore[import-untyped]
from twilio.rest.content.v1.content.approval_create import ApprovalCreateList  # type: ignore[import-untyped]
from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]

from bot.clock import RealClock
from integrations.contract.exchange import Request, Response
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.twilio import TwilioSide
from tests.channels.twilio.sandbox_stage import JANE, OUR_SMS, OURS, SID, TOKEN, config
from tests.seams import SeededRandom

Found = TypeVar("Found")

TO, FROM = f"whatsapp:{JANE}", f"whatsapp:{OURS}"


class Redirecting(TwilioHttpClient):  # type: ignore[misc]  # its base has no types
    """The library's client, with every address moved to the sandbox."""

    def __init__(self, far: str) -> None:
        super().__init__(timeout=5)
        assert self.session is not None
        self.session.trust_env = False
        self._far = urlsplit(far)

    def request(self, method: str, url: str, *args: Any, **named: Any) -> LibraryResponse:
        moved = urlsplit(url)._replace(scheme=self._far.scheme, netloc=self._far.netloc).geturl()
        return super().request(method, moved, *args, **named)

    def close(self) -> None:
        assert self.session is not None
        self.session.close()


@dataclass
class Town:
    """The sandbox and our end, each on a port of its own, and a client of the library."""

    side: TwilioSide
    faults: FaultPlan
    client: Client
    far: str
    hook: str
    #: What our end got, as the library judged it.
    arrivals: list[tuple[Request, bool]] = field(default_factory=list)
    answer: str = ""

    async def asks(self, call: Callable[[], Found]) -> Found:
        """One blocking call of the library."""
        return await asyncio.to_thread(call)

    async def refused(self, **form: Any) -> tuple[int, int]:
        with pytest.raises(TwilioRestException) as refusal:
            await self.asks(partial(self.client.messages.create, **{"to": TO, "from_": FROM, **form}))
        assert refusal.value.code is not None
        return refusal.value.status, refusal.value.code

    async def serve(self, request: Request) -> Response:
        """Our end: judge the request by its public address, answer what the test wants."""
        url = self.hook.removesuffix(urlsplit(self.hook).path) + request.url
        form: MultiDict[str] = MultiDict(parse_qsl(request.body.decode(), keep_blank_values=True))
        signature = request.headers["x-twilio-signature"]
        self.arrivals.append((request, RequestValidator(TOKEN).validate(url, form, signature)))
        return Response(200, {"content-type": "text/xml"}, (self.answer or str(MessagingResponse())).encode())


@asynccontextmanager
async def town(token: str = TOKEN) -> AsyncIterator[Town]:
    clock, faults = RealClock(), FaultPlan()
    async with HttpSender(clock) as sender:
        side = TwilioSide(World(sender.send, clock, SeededRandom(), faults), config())
        side.add_user(JANE, "Jane")
        async with HttpServer(side.serve, "127.0.0.1", 0) as far:
            url = f"http://127.0.0.1:{far.port}"
            side.reach_at(url)
            moved = Redirecting(url)
            here = Town(side, faults, Client(SID, token, http_client=moved), url, "")
            async with HttpServer(here.serve, "127.0.0.1", 0) as near:
                here.hook = side.webhook_url = f"http://127.0.0.1:{near.port}/webhooks/twilio/whatsapp"
                yield here
            moved.close()


# --- messages


async def test_a_message_is_created_fetched_and_listed() -> None:
    async with town() as here:
        await here.side.say(JANE, "hi")
        await here.side.due.drain()
        create = partial(here.client.messages.create, to=TO, from_=FROM, body="Habari", validity_period=600)
        made = await here.asks(create)
        assert (made.status, made.direction, made.body, made.error_code) == ("queued", "outbound-api", "Habari", None)
        assert isinstance(made.date_created, datetime)
        await here.side.due.drain()
        assert made.sid is not None
        fetched = await here.asks(here.client.messages(made.sid).fetch)
        assert (fetched.status, fetched.to, fetched.from_) == ("delivered", TO, FROM)
        assert isinstance(fetched.date_sent, datetime)
        since = datetime(2026, 1, 1, tzinfo=UTC)
        listed = await here.asks(partial(here.client.messages.list, to=TO, date_sent_after=since))
        assert [one.sid for one in listed] == [made.sid]
        assert await here.asks(partial(here.client.messages.list, date_sent_before=since)) == []
        inbound = await here.asks(partial(here.client.messages.list, to=FROM, from_=TO))
        assert [(one.direction, one.status, one.body) for one in inbound] == [("inbound", "received", "hi")]


async def test_a_long_list_is_paged_through() -> None:
    async with town() as here:
        for number in range(7):
            create = partial(here.client.messages.create, to=JANE, from_=OUR_SMS, body=str(number))
            await here.asks(create)
        listed = await here.asks(partial(here.client.messages.list, page_size=3))
        assert [one.body for one in listed] == ["6", "5", "4", "3", "2", "1", "0"]
        assert [one.body for one in await here.asks(partial(here.client.messages.list, limit=4, page_size=3))] == [
            "6", "5", "4", "3",
        ]  # fmt: skip


async def test_each_refusal_is_an_exception_with_its_status_and_code() -> None:
    async with town() as here:
        assert await here.refused(body="x", to="whatsapp:0712") == (400, 21211)
        assert await here.refused(body="x", from_=OURS) == (400, 21910)
        assert await here.refused(body="x" * 1601) == (400, 21617)
        assert await here.refused() == (400, 21619)
        assert await here.refused(content_sid="HX" + "0" * 32) == (400, 21655)
        assert await here.refused(body="x", media_url=["https://a.test/1", "https://a.test/2"]) == (400, 21623)
        here.faults.arm("twilio_slow_down")
        assert await here.refused(body="x") == (429, 20429)
        here.faults.arm("twilio_down")
        assert await here.refused(body="x") == (500, 500)
        with pytest.raises(TwilioRestException) as missing:
            await here.asks(here.client.messages("SM" + "0" * 32).fetch)
        assert (missing.value.status, missing.value.code) == (404, 20404)


async def test_a_wrong_token_is_20003() -> None:
    async with town(token="wrong") as here:
        assert await here.refused(body="x") == (401, 20003)


# --- contents


def request_of(**types: Any) -> ContentList.ContentCreateRequest:
    form = {"friendly_name": "pay", "language": "en", "variables": {"1": "KES 500"}, "types": types}
    return ContentList.ContentCreateRequest(form)


async def test_a_content_is_created_approved_sent_and_deleted() -> None:
    async with town() as here:
        actions = [{"type": "QUICK_REPLY", "title": "Yes", "id": "n:yes"}]
        asked = request_of(**{"twilio/quick-reply": {"body": "Pay {{1}} now?", "actions": actions}})
        contents = here.client.content.v1.contents
        made = await here.asks(partial(contents.create, asked))
        assert made.sid is not None
        assert made.types == {"twilio/quick-reply": {"body": "Pay {{1}} now?", "actions": actions}}
        assert isinstance(made.date_created, datetime)
        wish = ApprovalCreateList.ContentApprovalRequest({"name": "pay", "category": "UTILITY"})
        submitted = await here.asks(partial(contents(made.sid).approval_create.create, wish))
        assert (submitted.status, submitted.content_type) == ("received", "twilio/quick-reply")
        told = await here.asks(contents(made.sid).approval_fetch().fetch)
        assert told.whatsapp is not None
        assert told.whatsapp["status"] == "approved"
        text = orjson.dumps({"1": "KES 20"}).decode()
        await here.asks(
            partial(here.client.messages.create, to=TO, from_=FROM, content_sid=made.sid, content_variables=text)
        )
        await here.side.due.drain()
        bubble = here.side.chat(JANE)[-1]
        assert (bubble.text, bubble.buttons, bubble.template) == ("Pay KES 20 now?", (("Yes", "n:yes"),), True)
        assert await here.asks(contents(made.sid).delete)
        assert await here.asks(contents.list) == []


async def test_contents_and_their_approvals_are_paged_through() -> None:
    async with town() as here:
        contents = here.client.content.v1.contents
        for _ in range(5):
            await here.asks(partial(contents.create, request_of(**{"twilio/text": {"body": "Hello {{1}}, hi"}})))
        listed = await here.asks(partial(contents.list, page_size=2))
        assert len({one.sid for one in listed}) == 5
        both = await here.asks(partial(here.client.content.v1.content_and_approvals.list, page_size=2))
        assert [one.sid for one in both] == [one.sid for one in listed]


async def test_a_content_the_api_does_not_like_is_an_exception() -> None:
    async with town() as here:
        asked = request_of(**{"twilio/list-picker": {"body": "x", "button": "y", "items": []}})
        with pytest.raises(TwilioRestException) as refusal:
            await here.asks(partial(here.client.content.v1.contents.create, asked))
        assert (refusal.value.status, refusal.value.code) == (400, 20001)


# --- webhooks


async def test_the_librarys_validator_takes_every_webhook_and_its_twiml_is_said() -> None:
    async with town() as here:
        reply = MessagingResponse()
        reply.message("Asante <sana> & karibu")
        here.answer = str(reply)
        await here.side.say(JANE, "Ñandú & 💡 = +1")
        while len(here.side.chat(JANE)) < 2:
            await here.side.due.drain()
        here.answer = ""
        status = f"{here.hook}?m=a%2Fb"
        await here.asks(partial(here.client.messages.create, to=TO, from_=FROM, body="x", status_callback=status))
        await here.side.due.drain()
        assert [judged for _, judged in here.arrivals] == [True] * 3
        assert [request.url.partition("?")[2] for request, _ in here.arrivals] == ["", "m=a%2Fb", "m=a%2Fb"]
        assert [bubble.text for bubble in here.side.chat(JANE)] == ["Ñandú & 💡 = +1", "Asante <sana> & karibu", "x"]
        assert here.side.alerts == []


async def test_a_stranger_s_webhook_is_not_valid() -> None:
    async with town() as here:
        here.side.hooks.signer = "wrong"
        await here.side.say(JANE, "hello")
        await here.side.due.drain()
        assert [judged for _, judged in here.arrivals] == [False]


async def test_a_webhook_nobody_listens_to_is_tried_twice_and_lost() -> None:
    async with town() as here:
        async with HttpServer(here.serve, "127.0.0.1", 0) as closed:
            here.side.webhook_url = f"http://127.0.0.1:{closed.port}/webhooks/twilio/whatsapp"
        await here.side.say(JANE, "hello")
        await here.side.due.drain()
        assert here.arrivals == []
        assert [alert.partition(":")[0] for alert in here.side.alerts] == ["11205"]

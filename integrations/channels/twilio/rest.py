"""Twilio's REST client over our Send.

Heavy: importing it and making the first call costs about 80 ms of CPU, so it is loaded on first use. Afterwards a call
costs about 50 µs, with a client of its own that carries the deadline of this call and no other; with one client for all
it would be 40, and 10 for a form written by hand (MAPPING.md says how that was measured).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # Twilio's library ships no types
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response as TwilioResponse  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from integrations.channels.twilio.config import TwilioConfig, basic
from integrations.channels.twilio.wire.codes import CODES_FROM, Refused
from integrations.channels.twilio.wire.inbound import Listed
from integrations.contract.exchange import NotSent, Request, Response, Send, Unknown
from integrations.contract.message import Delivered

#: Messages in one page of a list. Twenty of the longest, all of it emoji, stay below RESPONSE_BYTES_MAX.
PAGE_SIZE = 20

#: Given to the client in place of the process's environment, which it would read for an edge and a region. It must not
#: be empty: an empty one counts as none.
_NO_ENVIRONMENT = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}

#: What the library raises where an answer has other fields or types than it expects.
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)

_log = logging.getLogger("twilio.over_send")


class _NoReply(Exception):
    """Twilio did not answer, or nothing that is an answer of its API."""

    def __init__(self, outcome: NotSent | Unknown) -> None:
        super().__init__(outcome.cause)
        self.outcome = outcome


class _Line(AsyncHttpClient):  # type: ignore[misc]  # the library's class has no types
    """Carries the requests of one call, up to its deadline. Nothing is repeated, logged or followed."""

    def __init__(self, send: Send, api_url: str, deadline: float) -> None:
        super().__init__(_log, is_async=True)
        self._send = send
        self._api_url = api_url
        self._deadline = deadline
        self.answered: Response | None = None

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  our deadline holds
        allow_redirects: bool = False,  # noqa: ARG002  nothing is followed
    ) -> TwilioResponse:
        """One exchange over our Send, at our address of the API. _NoReply when there is no answer to be read."""
        parts = urlsplit(url)
        query = urlencode(params, doseq=True) if params else parts.query
        sent_headers = {name.lower(): value for name, value in (headers or {}).items()}
        if auth is not None:
            sent_headers["authorization"] = basic(*auth)
        body = urlencode(data, doseq=True).encode() if data else b""
        address = f"{self._api_url}{parts.path}{'?' + query if query else ''}"
        sent = await self._send(Request(method.upper(), address, sent_headers, body), self._deadline)
        if not isinstance(sent, Response):
            raise _NoReply(sent)
        self.answered = sent
        if not isinstance(_json(sent.body), dict):
            # A refusal by status alone is still told apart: who is too fast or unknown hears it from any proxy.
            if sent.status in {401, 429}:
                return TwilioResponse(sent.status, "{}", {})
            raise _NoReply(Unknown(f"status {sent.status} without an answer of Twilio's API"))
        return TwilioResponse(sent.status, sent.body.decode(), {})


class Rest:
    """The calls of Twilio's API that we make, each to an outcome. None of them raises, none is repeated."""

    def __init__(self, config: TwilioConfig, send: Send) -> None:
        self._account_sid = config.account_sid
        self._token = config.auth_token
        self._api_url = config.api_url
        self._send = send

    def _client(self, line: _Line) -> Any:  # the library's Client, without types
        token = self._token.reveal()
        return Client(self._account_sid, token, self._account_sid, http_client=line, environment=_NO_ENVIRONMENT)

    async def create(self, fields: Mapping[str, object], deadline: float) -> Delivered | Refused | NotSent | Unknown:
        """Send one message. `fields` are the arguments of the library's `messages.create`."""
        line = _Line(self._send, self._api_url, deadline)
        try:
            made = await self._client(line).messages.create_async(**fields)
        except _NoReply as silence:
            return silence.outcome
        except TwilioException:
            return _refused(line.answered)
        except _UNREADABLE as error:
            return Unknown(f"an answer that cannot be read: {type(error).__name__}")
        return Delivered(made.sid) if isinstance(made.sid, str) and made.sid else Unknown("an answer without an id")

    async def listed(
        self, filters: Mapping[str, object], most: int, deadline: float
    ) -> list[Listed] | Refused | NotSent | Unknown:
        """Messages of our account, the newest first, at most so many. `filters` are arguments of `messages.list`."""
        line = _Line(self._send, self._api_url, deadline)
        try:
            found = await self._client(line).messages.list_async(**filters, limit=most, page_size=PAGE_SIZE)
        except _NoReply as silence:
            return silence.outcome
        except TwilioException:
            return _refused(line.answered)
        except (
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:  # the library reads what is no list of messages
            return Unknown(f"a list that cannot be read: {type(error).__name__}")
        return [_listed(one) for one in found]


def refusal_of(answer: Response) -> Refused:
    """What an answer that is no success says, by Twilio's code in its body."""
    code, wait = 0, answer.headers.get("retry-after", "")
    match _json(answer.body):
        case {"code": int() as told} if told >= CODES_FROM:
            code = told
        case _:
            pass
    return Refused(answer.status, code, float(wait) if wait.isascii() and wait.isdigit() else None)


def _refused(answer: Response | None) -> Refused | Unknown:
    if answer is None or answer.status < 400:
        return Unknown("an answer that Twilio's library cannot read")
    return refusal_of(answer)


def _listed(message: Any) -> Listed:
    """One MessageInstance of the library. A message without any time is taken for the oldest."""
    at = message.date_sent or message.date_created or datetime.min.replace(tzinfo=UTC)
    texts = (message.sid, message.from_, message.to, message.body, message.direction)
    sid, sender, to, body, direction = (text if isinstance(text, str) else "" for text in texts)
    return Listed(sid, sender, to, body, direction, str(message.num_media or "0") != "0", at)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None

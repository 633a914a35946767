"""The Message resources of the sandbox's Twilio: how they are kept, shown and listed.

Source: the Messages resource of Twilio's OpenAPI description, 2010-04-01.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode

import orjson

from integrations.contract.exchange import Response, json_response
from integrations.sandbox.twilio_content_forms import Shown

Json: TypeAlias = Any

API_VERSION: Final = "2010-04-01"
PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 1000

Direction: TypeAlias = Literal["inbound", "outbound-api", "outbound-reply"]
Status: TypeAlias = Literal[
    "accepted", "queued", "sent", "delivered", "read", "failed", "undelivered", "received"
]  # fmt: skip


class ApiError(Exception):
    """A refusal as Twilio words it: the HTTP status, its own code and a sentence."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def response(self) -> Response:
        """The answer with this refusal in it."""
        more_info = f"https://www.twilio.com/docs/errors/{self.code}"
        body = {"code": self.code, "message": self.message, "more_info": more_info, "status": self.status}
        answer = json_response(orjson.dumps(body), self.status)
        if self.status == 401:
            return Response(401, {**answer.headers, "www-authenticate": 'Basic realm="Twilio API"'}, answer.body)
        return answer


def bad_request(code: int, message: str) -> ApiError:
    """What Twilio answers to a request it does not like."""
    return ApiError(400, code, message)


def not_found(path: str) -> ApiError:
    """What Twilio answers about something that is not there, or not this account's."""
    return ApiError(404, 20404, f"The requested resource {path} was not found")


@dataclass
class Message:
    """One message, in or out. `sender` and `to` are with `whatsapp:` where they are WhatsApp's."""

    sid: str
    direction: Direction
    sender: str
    to: str
    body: str
    status: Status
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None = None
    media: tuple[str, ...] = ()
    service_sid: str = ""
    status_callback: str = ""
    #: What the person sees of it, once it is there.
    shown: Shown = field(default_factory=Shown)
    #: The sid of the Content it was made from.
    content_sid: str = ""
    #: Sent as a template that WhatsApp approved.
    template: bool = False
    #: Until when it may wait, on the monotonic scale.
    expires_at: float = 0.0
    #: What WhatsApp will not accept about it, although Twilio took it.
    problem: str = ""
    error_code: int = 0
    error_message: str = ""

    @property
    def on_whatsapp(self) -> bool:
        """Whether WhatsApp carries it; otherwise it is an SMS."""
        return self.to.startswith("whatsapp:")

    @property
    def listed_at(self) -> datetime:
        """What the filters by date go by: when it was sent, or made while it still waits."""
        return self.sent_at or self.created_at


@dataclass
class Messages:
    """Every message of the account, in the order they were made."""

    account_sid: str
    content_body_listed: bool
    _by_sid: dict[str, Message] = field(default_factory=dict)

    def add(self, message: Message) -> None:
        """Keep one more."""
        self._by_sid[message.sid] = message

    def get(self, sid: str) -> Message | None:
        """The one with this sid."""
        return self._by_sid.get(sid)

    def show(self, message: Message) -> Json:
        """A Message resource."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{message.sid}"
        hidden = message.content_sid and not self.content_body_listed
        # A message sent through a service has no sender before one was chosen.
        unsent = message.status == "accepted"
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": "" if hidden else message.body,
            "date_created": _rfc2822(message.created_at),
            "date_sent": message.sent_at and _rfc2822(message.sent_at),
            "date_updated": _rfc2822(message.updated_at),
            "direction": message.direction,
            "error_code": message.error_code or None,
            "error_message": message.error_message or None,
            "from": None if unsent else message.sender,
            "messaging_service_sid": message.service_sid or None,
            "num_media": str(len(message.media)),
            "num_segments": "0" if unsent else "1",
            "price": None,
            "price_unit": "USD",
            "sid": message.sid,
            "status": message.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": message.to,
            "uri": f"{uri}.json",
        }

    def page(self, query: str) -> Json:
        """One page of the list a query asks for, the newest first; ApiError when it cannot be read."""
        given = dict(parse_qsl(query, keep_blank_values=True))
        asked = {name: value for name, value in given.items() if value}
        wanted = _filter(asked)
        found = [message for message in reversed(self._by_sid.values()) if wanted(message)]
        size = min(_number(asked, "PageSize", PAGE_SIZE), PAGE_SIZE_MAX) or PAGE_SIZE
        start = _start(found, asked, size)
        shown = found[start : start + size]
        return {
            "messages": [self.show(message) for message in shown],
            **self._around(asked, start, size, shown, is_last=start + size >= len(found)),
        }

    def _around(self, asked: Mapping[str, str], start: int, size: int, shown: list[Message], *, is_last: bool) -> Json:
        path = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages.json"
        filters = {name: value for name, value in asked.items() if name not in {"Page", "PageToken", "PageSize"}}

        def uri(number: int, token: str = "") -> str:
            place = {"PageSize": str(size), "Page": str(number)} | ({"PageToken": token} if token else {})
            return f"{path}?{urlencode({**filters, **place})}"

        number = _number(asked, "Page", 0)
        # A token names the message a page lies behind or before, so what has come since does not push a page along.
        next_uri = None if is_last or not shown else uri(number + 1, f"PA{shown[-1].sid}")
        previous_uri = uri(number - 1, f"PB{shown[0].sid}") if number and shown else None
        return {
            "page": number,
            "page_size": size,
            "start": start,
            "end": max(start + len(shown) - 1, 0),
            "uri": uri(number, asked.get("PageToken", "")),
            "first_page_uri": uri(0),
            "next_page_uri": next_uri,
            "previous_page_uri": previous_uri,
        }


def _start(found: list[Message], asked: Mapping[str, str], size: int) -> int:
    token = asked.get("PageToken", "")
    if token:
        places = [place for place, message in enumerate(found) if message.sid == token[2:]]
        if not places or token[:2] not in {"PA", "PB"}:
            raise bad_request(20006, "The page token is not one of this list")
        return places[0] + 1 if token.startswith("PA") else max(places[0] - size, 0)
    if _number(asked, "Page", 0):
        raise bad_request(20006, "A page other than the first is reached by its token")
    return 0


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise bad_request(20001, f"Parameter {name} is not a number")
    return int(text)


# --- filters

_Wanted: TypeAlias = Callable[[Message], bool]

#: The names as Twilio spells them: `DateSent>=2026-01-05` is the parameter "DateSent>" with the value behind the "=".
_DATES: Final = ("DateSent", "DateSent>", "DateSent<")


def _filter(asked: Mapping[str, str]) -> _Wanted:
    tests: list[_Wanted] = []
    if "To" in asked:
        tests.append(lambda message: message.to == asked["To"])
    if "From" in asked:
        tests.append(lambda message: message.sender == asked["From"])
    tests += [_dated(name, asked[name]) for name in _DATES if name in asked]
    return lambda message: all(holds(message) for holds in tests)


def _dated(name: str, text: str) -> _Wanted:
    first, last = _span(name, text)
    match name:
        case "DateSent>":
            return lambda message: message.listed_at >= first
        case "DateSent<":
            return lambda message: message.listed_at <= first
        case _:
            return lambda message: first <= message.listed_at < last


def _span(name: str, text: str) -> tuple[datetime, datetime]:
    """The day or the second a date means, in UTC."""
    for pattern, length in (("%Y-%m-%d", timedelta(days=1)), ("%Y-%m-%dT%H:%M:%S%z", timedelta(seconds=1))):
        try:
            found = datetime.strptime(text, pattern)  # noqa: DTZ007  a day alone is one of UTC, set below
        except ValueError:
            continue
        first = found if found.tzinfo else found.replace(tzinfo=UTC)
        return first, first + length
    raise bad_request(20001, f"Parameter {name.rstrip('<>')} is not a date")


def _rfc2822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC))

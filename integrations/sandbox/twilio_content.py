"""The Content store of the sandbox's Twilio: what templates are made of, and which of them WhatsApp approved.

Source: the Content API of Twilio's OpenAPI description; the rules of approval are those of "Quick reply".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from integrations.contract.exchange import Request, Response, json_response
from integrations.sandbox.far_side import World
from integrations.sandbox.twilio_config import TwilioSideConfig
from integrations.sandbox.twilio_content_forms import NEVER_APPROVED, TYPES, Unacceptable, check, places, strings
from integrations.sandbox.twilio_messages import ApiError, bad_request, not_found

Json: TypeAlias = Any

PAGE_SIZE: Final = 50
CATEGORIES: Final = ("UTILITY", "MARKETING", "AUTHENTICATION")

#: The body of what is posted is not what the Content API takes.
BAD_BODY: Final = 20001

State: TypeAlias = Literal["unsubmitted", "received", "approved", "rejected", "paused"]

_PATH = re.compile(
    r"/v1/(?P<what>ContentAndApprovals|Content)(/(?P<sid>HX[0-9a-f]{32})(?P<approval>/ApprovalRequests(/whatsapp)?)?)?/?"
)
_PLACE_AT_EDGE = re.compile(r"\A\s*\{\{|\}\}\s*\Z")
_PLACES_TOGETHER = re.compile(r"\}\}\s*\{\{")


@dataclass
class Approval:
    """One submission to WhatsApp. Its outcome is known `at`, on the monotonic scale."""

    name: str
    category: str
    at: float
    rejection: str
    paused: bool = False


@dataclass
class Content:
    """One Content resource."""

    sid: str
    friendly_name: str
    language: str
    variables: Mapping[str, str]
    types: Mapping[str, Json]
    created_at: datetime
    approval: Approval | None = None

    @property
    def kind(self) -> str:
        """The richest of its types, which is the one WhatsApp is sent."""
        return next(kind for kind in TYPES if kind in self.types)

    def state(self, now: float) -> State:
        """How far its approval is, at a monotonic time."""
        if self.approval is None:
            return "unsubmitted"
        if now < self.approval.at:
            return "received"
        if self.approval.rejection:
            return "rejected"
        return "paused" if self.approval.paused else "approved"


class Contents:
    """Every Content of the account, and the API to them."""

    def __init__(self, world: World, config: TwilioSideConfig) -> None:
        self.base_url = config.base_url
        self._world = world
        self._config = config
        self._by_sid: dict[str, Content] = {}

    def get(self, sid: str) -> Content | None:
        """The one with this sid, unless it was deleted."""
        return self._by_sid.get(sid)

    def is_approved(self, content: Content) -> bool:
        """Whether WhatsApp takes it outside the window now."""
        return content.state(self._world.clock.monotonic()) == "approved"

    def pause(self, sid: str) -> None:
        """Let WhatsApp pause an approved template, as it does when many people block it. KeyError for none."""
        approval = self._by_sid[sid].approval
        if approval is None:
            raise KeyError(sid)
        approval.paused = True

    def serve(self, request: Request) -> Response:
        """One call below /v1/Content; ApiError when it is refused."""
        parts = urlsplit(request.url)
        called = _PATH.search(parts.path)
        if called is None or called.end() != len(parts.path):
            raise not_found(parts.path)
        act = self._act(request.method, called)
        if act is None:
            raise ApiError(405, 20004, "Method not allowed")
        if not called["sid"]:
            return act(request)
        content = self._by_sid.get(called["sid"])
        if content is None:
            raise not_found(parts.path)
        return act(request, content)

    def _act(self, method: str, called: re.Match[str]) -> Callable[..., Response] | None:
        match method, called["what"], called["sid"], called["approval"]:
            case "POST", "Content", None, _:
                return self._create
            case "GET", "Content", None, _:
                return lambda request: self._list(request, self.show)
            case "GET", "ContentAndApprovals", None, _:
                return lambda request: self._list(request, self._show_with_approval)
            case "GET", "Content", _, None:
                return lambda _request, content: _ok(self.show(content))
            case "DELETE", "Content", _, None:
                return self._delete
            case "POST", "Content", _, "/ApprovalRequests/whatsapp":
                return self._submit
            case "GET", "Content", _, "/ApprovalRequests":
                return lambda _request, content: _ok(self._show_approval(content))
            case _:
                return None

    # --- contents

    def _create(self, request: Request) -> Response:
        body = _json(request)
        variables, types = body.get("variables") or {}, _types(body.get("types"))
        if not isinstance(variables, dict) or not all(isinstance(sample, str) for sample in variables.values()):
            raise bad_request(BAD_BODY, "variables must be an object of strings")
        if not isinstance(body.get("language"), str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", body["language"]):
            raise bad_request(BAD_BODY, "language is missing or unknown")
        sid = "HX" + self._world.random.hexadecimal(16)
        name, now = str(body.get("friendly_name") or ""), self._world.clock.now()
        content = Content(sid, name, body["language"], variables, types, now)
        self._by_sid[sid] = content
        return _ok(self.show(content), 201)

    def _delete(self, _request: Request, content: Content) -> Response:
        del self._by_sid[content.sid]
        return Response(204)

    def show(self, content: Content) -> Json:
        """A Content resource."""
        url = f"{self.base_url}/v1/Content/{content.sid}"
        links = {"approval_create": f"{url}/ApprovalRequests/whatsapp", "approval_fetch": f"{url}/ApprovalRequests"}
        return {**self._described(content), "url": url, "links": links}

    def _described(self, content: Content) -> Json:
        created = content.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "account_sid": self._config.account_sid,
            "date_created": created,
            "date_updated": created,
            "friendly_name": content.friendly_name,
            "language": content.language,
            "sid": content.sid,
            "types": content.types,
            "variables": content.variables,
        }

    def _list(self, request: Request, show: Callable[[Content], Json]) -> Response:
        parts = urlsplit(request.url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        number, size = _number(asked, "Page", 0), min(_number(asked, "PageSize", PAGE_SIZE), 500) or PAGE_SIZE
        found = list(self._by_sid.values())
        path = parts.path[parts.path.rindex("/v1/") :].rstrip("/")

        def url(page: int) -> str:
            return f"{self.base_url}{path}?{urlencode({'PageSize': size, 'Page': page})}"

        meta = {
            "key": "contents",
            "page": number,
            "page_size": size,
            "url": url(number),
            "first_page_url": url(0),
            "previous_page_url": url(number - 1) if number else None,
            "next_page_url": url(number + 1) if len(found) > (number + 1) * size else None,
        }
        return _ok({"meta": meta, "contents": [show(one) for one in found[number * size : (number + 1) * size]]})

    # --- approval

    def _submit(self, request: Request, content: Content) -> Response:
        body = _json(request)
        name, category = body.get("name"), body.get("category")
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]{1,512}", name):
            raise bad_request(BAD_BODY, "name is lower-case letters, digits and underscores")
        if category not in CATEGORIES:
            raise bad_request(BAD_BODY, f"category is one of {', '.join(CATEGORIES)}")
        if content.approval is not None:
            raise bad_request(BAD_BODY, "this content was submitted before")
        if any(self._taken(one, name, content.language) for one in self._by_sid.values()):
            raise bad_request(BAD_BODY, "there is a template of this name and language")
        at = self._world.clock.monotonic() + self._config.approval_seconds
        content.approval = Approval(name, category, at, _rejection(content))
        # Whatever becomes of it, the answer to the submission only says that it came.
        return _ok({**self._whatsapp(content), "status": "received", "rejection_reason": ""}, 201)

    def _taken(self, content: Content, name: str, language: str) -> bool:
        return content.approval is not None and (content.approval.name, content.language) == (name, language)

    def _show_approval(self, content: Content) -> Json:
        url = f"{self.base_url}/v1/Content/{content.sid}/ApprovalRequests"
        whatsapp = {"type": "whatsapp", **self._whatsapp(content)}
        return {"sid": content.sid, "account_sid": self._config.account_sid, "whatsapp": whatsapp, "url": url}

    def _show_with_approval(self, content: Content) -> Json:
        submitted = content.approval is not None
        return {**self._described(content), "approval_requests": self._whatsapp(content) if submitted else {}}

    def _whatsapp(self, content: Content) -> Json:
        state, approval = content.state(self._world.clock.monotonic()), content.approval
        return {
            "name": approval.name if approval else "",
            "category": approval.category if approval else "",
            "content_type": content.kind,
            "status": state,
            "rejection_reason": approval.rejection if approval and state == "rejected" else "",
            "allow_category_change": True,
        }


def _types(given: Json) -> Mapping[str, Json]:
    if not isinstance(given, dict):
        raise bad_request(BAD_BODY, "types must be an object")
    # Twilio's libraries write out the types they do not use, and the fields, as null.
    types = {kind: _without_nulls(form) for kind, form in given.items() if form is not None}
    if not types:
        raise bad_request(BAD_BODY, "types must have at least one type")
    for kind, form in types.items():
        if not isinstance(form, dict):
            raise bad_request(BAD_BODY, f"{kind} must be an object")
        try:
            check(kind, form)
        except Unacceptable as problem:
            raise bad_request(BAD_BODY, f"{kind}: {problem}") from None
    return types


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


def _rejection(content: Content) -> str:
    """Why WhatsApp does not approve this; empty when it does."""
    if content.kind in NEVER_APPROVED:
        return f"{content.kind} cannot be approved"
    missing = sorted(
        places(content.types[content.kind]) - {name for name, sample in content.variables.items() if sample}
    )
    if missing:
        return f"There are no samples for {', '.join(missing)}"
    body = content.types[content.kind].get("body") or content.types[content.kind].get("title") or ""
    if _PLACE_AT_EDGE.search(body):
        return "The body may not begin or end with a variable"
    if any(_PLACES_TOGETHER.search(text) for text in strings(content.types[content.kind])):
        return "Two variables may not stand beside each other"
    return ""


def _json(request: Request) -> Mapping[str, Json]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise bad_request(BAD_BODY, "The Content API takes JSON only")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise bad_request(BAD_BODY, "The body is not JSON") from None
    if not isinstance(body, dict):
        raise bad_request(BAD_BODY, "The body is not an object")
    return body


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else default


def _ok(body: Json, status: int = 200) -> Response:
    return json_response(orjson.dumps(body), status)

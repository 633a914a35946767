"""The Content we declare, what Twilio has stored of it, and how the two compare."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

import orjson

Json: TypeAlias = Any

_PLACE = re.compile(r"\{\{([^{}]+)\}\}")

#: Where a Content has one row for each answer.
_ROWS = ("actions", "items")

#: An approved template takes no line breaks, tabs or runs of spaces in a value.
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Declared:
    """One Content as our files have it. `category` is empty where it is for sessions only and needs no approval.

    `friendly_name` carries a digest of everything else, so a file that changes is a new Content beside the old one.
    """

    name: str
    language: str
    types: Mapping[str, Json]
    variables: Mapping[str, str]
    category: str = ""

    @property
    def friendly_name(self) -> str:
        """What Twilio calls it."""
        whole = orjson.dumps([self.types, self.variables, self.category], option=orjson.OPT_SORT_KEYS)
        return f"{self.family}{hashlib.sha256(whole).hexdigest()[:8]}"

    @property
    def family(self) -> str:
        """How the names of all its versions begin."""
        return f"bili_{self.name}_{self.language}_"

    @property
    def payload(self) -> Json:
        """The body of the request that makes it."""
        return {
            "friendly_name": self.friendly_name,
            "language": self.language,
            "variables": self.variables,
            "types": self.types,
        }

    @property
    def approval(self) -> Json:
        """The body of the request to have it approved for WhatsApp. Lower case, digits and underscores only."""
        return {"name": self.friendly_name.lower(), "category": self.category}


@dataclass(frozen=True, slots=True)
class Stored:
    """One Content as Twilio has it. `status` is WhatsApp's word on it, "unsubmitted" where it was never asked."""

    sid: str
    friendly_name: str
    language: str
    types: Mapping[str, Json]
    created_at: str
    status: str
    reason: str = ""

    @property
    def body(self) -> str:
        """The text with its places open."""
        bodies = (kind.get("body") for kind in self.types.values() if isinstance(kind, dict))
        return next((body for body in bodies if isinstance(body, str)), "")

    def filled(self, values: Sequence[str]) -> str | None:
        """The text with its places filled; None when there are more or fewer places than values."""
        if set(_PLACE.findall(self.body)) != {str(number) for number in range(1, len(values) + 1)}:
            return None
        return _PLACE.sub(lambda place: values[int(place[1]) - 1], self.body)


class State(Enum):
    """How a declared Content stands at Twilio."""

    MISSING = "missing"
    DIFFERS = "differs"
    READY = "ready"
    UNSUBMITTED = "not submitted for approval"
    WAITING = "waiting for approval"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one declared Content. `detail` is WhatsApp's reason for a no."""

    declared: Declared
    state: State
    detail: str = ""
    sid: str = ""


def read_declared(file: bytes) -> list[Declared]:
    """The Contents of one file: one, or one for each of its `counts`. ValueError and KeyError where it is not sound."""
    told = orjson.loads(file)
    name, counts = told["name"], told.get("counts")
    if counts is None:
        return [_declared(told, name, told["types"])]
    return [_declared(told, f"{name}_{count}", _repeated(told["types"], count)) for count in counts]


def _repeated(types: Json, count: int) -> Json:
    """The types with their one row repeated, each with places of its own."""

    def rows(row: Mapping[str, str]) -> list[dict[str, str]]:
        return [
            {key: _PLACE.sub(rf"{{{{\1 {number}}}}}", value) for key, value in row.items()}
            for number in range(1, count + 1)
        ]

    return {
        kind: {key: rows(value[0]) if key in _ROWS else value for key, value in fields.items()}
        for kind, fields in types.items()
    }


def _declared(told: Json, name: str, types: Json) -> Declared:
    numbers: dict[str, str] = {}

    def number(place: re.Match[str]) -> str:
        return f"{{{{{numbers.setdefault(place[1], str(len(numbers) + 1))}}}}}"

    numbered = _mapped(types, lambda text: _PLACE.sub(number, text))
    samples = {number: _sample(told["samples"], place) for place, number in numbers.items()}
    return Declared(name, told["language"], numbered, samples, told.get("category", ""))


def _sample(samples: Mapping[str, str], place: str) -> str:
    name, _, row = place.partition(" ")
    return f"{samples[name]} {row}".strip()


def _mapped(value: Json, change: Any) -> Json:
    match value:
        case str():
            return change(value)
        case list():
            return [_mapped(one, change) for one in value]
        case dict():
            return {key: _mapped(one, change) for key, one in value.items()}
        case _:
            return value


def read_page(page: Json) -> tuple[list[Stored], str] | None:
    """One page of ContentAndApprovals with the address of the next, or None where it is no such page."""
    match page:
        case {"contents": [*contents]}:
            stored = [one for content in contents if (one := read_stored(content)) is not None]
        case _:
            return None
    match page:
        case {"meta": {"next_page_url": str() as following}}:
            return stored, following
        case _:
            return stored, ""


def read_stored(content: Json) -> Stored | None:
    """One Content; None where it has no id or no name."""
    match content:
        case {"sid": str() as sid, "friendly_name": str() as name, "types": {} as types} if sid:
            asked = content.get("approval_requests")
            asked = asked.get("whatsapp", asked) if isinstance(asked, dict) else {}
            status, reason = asked.get("status"), asked.get("rejection_reason")
            return Stored(
                sid,
                name,
                str(content.get("language", "")),
                types,
                str(content.get("date_created", "")),
                status.lower() if isinstance(status, str) and status else "unsubmitted",
                reason if isinstance(reason, str) else "",
            )
        case _:
            return None


def oldest(stored: Sequence[Stored], friendly_name: str) -> Stored | None:
    """The one of this name; of several the one made first, so that every process means the same."""
    same = (one for one in stored if one.friendly_name == friendly_name)
    return min(same, key=lambda one: (one.created_at, one.sid), default=None)


def approved(stored: Sequence[Stored], declared: Declared) -> Stored | None:
    """The approved Content of a template: as it is declared now, or else the newest earlier version."""
    now = oldest(stored, declared.friendly_name)
    if now is not None and now.status == "approved":
        return now
    earlier = [one for one in stored if one.friendly_name.startswith(declared.family) and one.status == "approved"]
    return max(earlier, key=lambda one: (one.created_at, one.sid), default=None)


def check(declared: Sequence[Declared], stored: Sequence[Stored]) -> list[Finding]:
    """How each declared Content stands."""
    return [_finding(one, oldest(stored, one.friendly_name)) for one in declared]


def _finding(declared: Declared, stored: Stored | None) -> Finding:
    if stored is None:
        return Finding(declared, State.MISSING)
    if not _has(stored.types, declared.types) or stored.language != declared.language:
        return Finding(declared, State.DIFFERS, sid=stored.sid)
    if not declared.category:
        return Finding(declared, State.READY, sid=stored.sid)
    match stored.status:
        case "approved":
            return Finding(declared, State.APPROVED, sid=stored.sid)
        case "unsubmitted":
            return Finding(declared, State.UNSUBMITTED, sid=stored.sid)
        case "received" | "pending" | "submitted":
            return Finding(declared, State.WAITING, sid=stored.sid)
        case status:
            return Finding(declared, State.REJECTED, stored.reason or status, stored.sid)


def _has(stored: Json, declared: Json) -> bool:
    """Whether all that is declared is stored. Twilio adds fields of its own."""
    match declared:
        case dict():
            return isinstance(stored, dict) and all(_has(stored.get(key), value) for key, value in declared.items())
        case list():
            same = isinstance(stored, list) and len(stored) == len(declared)
            return same and all(_has(one, other) for one, other in zip(stored, declared, strict=True))
        case _:
            return bool(stored == declared)


def flat_value(value: str) -> str:
    """A value as an approved template takes it: one line, single spaces."""
    return _SPACES.sub(" ", value).strip()

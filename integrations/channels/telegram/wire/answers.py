"""What Telegram answers to a call, as the outcomes a channel has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import orjson

from integrations.channels.telegram.wire.updates import read_update
from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.contract.message import BAD_TOKEN, Delivered, Gone, Ignored, Malformed, Received, Sending, Throttled

Json: TypeAlias = Any

#: When Telegram says "slow down" and not for how long.
THROTTLED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class NotEditable:
    """The message to be edited is gone or may not be changed: nothing happened, so a new one can be sent."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody else takes this bot's updates: another poller, or a webhook is set (F-089)."""

    reason: str


Updates: TypeAlias = list[tuple[int, "Received | Ignored"]]

#: What the description of a 400 says when an edit was impossible, and when there is nobody to write to.
_NOT_EDITABLE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_UNREACHABLE = ("chat not found", "user not found", "peer_id_invalid", "upgraded to a supergroup")


def outcome(sent: Sent) -> Sending:
    """What became of a sendMessage."""
    if not isinstance(sent, Response):
        return sent
    match _json(sent.body):
        case {"ok": True, "result": {"message_id": int() as number}}:
            return Delivered(str(number))
        case {"ok": False, "error_code": int() as code} as answer:
            return _error(code, answer)
        case _:
            return Unknown(f"status {sent.status} without an answer of the Bot API")


def edit_outcome(sent: Sent, edits: str) -> Sending | NotEditable:
    """What became of an edit of the message `edits`. One that changes nothing has been done before (F-079)."""
    made = outcome(sent)
    if not isinstance(made, Malformed):
        return made
    if "message is not modified" in made.reason.lower():
        return Delivered(edits)
    return NotEditable() if any(words in made.reason.lower() for words in _NOT_EDITABLE) else made


def _error(code: int, answer: Json) -> Gone | Malformed | Throttled | Unknown:
    why = str(answer.get("description", ""))
    match code:
        case 400:
            return Gone(why) if any(words in why.lower() for words in _UNREACHABLE) else Malformed(why)
        case 429:
            return Throttled(_retry_after(answer))
        case 403:
            return Gone(why)
        case 401 | 404:
            return Malformed(BAD_TOKEN)
        case _:
            return Unknown(f"error {code}")


def _retry_after(answer: Json) -> float:
    match answer:
        case {"parameters": {"retry_after": int() | float() as seconds}}:
            return float(seconds)
        case _:
            return THROTTLED_SECONDS


def polled(sent: Sent, now: datetime) -> Updates | Conflict | Throttled | Malformed | NotSent | Unknown:
    """What getUpdates brought."""
    if not isinstance(sent, Response):
        return sent
    match _json(sent.body):
        case {"ok": True, "result": [*updates]}:
            return [one for update in updates if (one := read_update(update, now)) is not None]
        case {"ok": False, "error_code": 409} as answer:
            return Conflict(str(answer.get("description", "")))
        case {"ok": False, "error_code": int() as code} as answer:
            error = _error(code, answer)
            return Unknown(error.reason) if isinstance(error, Gone) else error
        case _:
            return Unknown(f"status {sent.status} without an answer of the Bot API")


def _json(body: bytes) -> Json:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None

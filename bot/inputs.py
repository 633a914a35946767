"""Inputs as they are stored: what a person did, the answer to a call, a fact about a payment."""

from __future__ import annotations

from typing import Any

import orjson

from bot.store.seal import Seal
from flows.turn import CallAnswered, Fact, Heard
from integrations.contract.message import Content, Edited, Reachable, SharedPhone, Tapped, Typed, Unreadable
from integrations.contract.people import Phone

NEW, HELD, ANSWERED = 0, 1, 2

#: What stands in the place of a text that is not kept (S-45).
BLANKED = Typed("")


def content_to_json(content: Content) -> list[Any]:
    """What a person did, as plain JSON."""
    match content:
        case Typed(text):
            return ["typed", text]
        case Tapped(data, on_message):
            return ["tapped", data, on_message]
        case SharedPhone(phone, own):
            return ["phone", phone.reveal(), own]
        case Edited():
            return ["edited"]
        case Unreadable(what):
            return ["unreadable", what]
        case Reachable(yes):
            return ["reachable", yes]


def content_from_json(data: list[Any]) -> Content:
    """The Content that `content_to_json` wrote."""
    match data:
        case ["typed", str() as text]:
            return Typed(text)
        case ["tapped", str() as button, str() as on_message]:
            return Tapped(button, on_message)
        case ["phone", str() as phone, bool() as own]:
            return SharedPhone(Phone(phone), own)
        case ["edited"]:
            return Edited()
        case ["unreadable", str() as what]:
            return Unreadable(what)
        case ["reachable", bool() as yes]:
            return Reachable(yes)
        case _:
            raise ValueError("not a stored input")


def sealed_content(seal: Seal, content: Content) -> str:
    """For the column `input.body_sealed`."""
    return seal.seal(orjson.dumps(content_to_json(content)).decode(), "input.body")


def heard(seal: Seal, row: dict[str, Any]) -> Heard:
    """One stored input as the driver takes it."""
    body = seal.open(row["body_sealed"], "input.body")
    match row["kind"]:
        case "answer":
            work_id, value = orjson.loads(body)
            return Heard(row["id"], row["stored_at"], CallAnswered(work_id, value))
        case "fact":
            return Heard(row["id"], row["stored_at"], Fact(body))
        case _:
            return Heard(row["id"], row["stored_at"], content_from_json(orjson.loads(body)))

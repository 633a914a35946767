"""Inputs as they are stored: what a person did, the answer to a call, a fact about a payment."""

from __future__ import annotations

from typing import Any

import orjson

from bot.store.change import Insert
from bot.store.seal import Seal
from flows.text import Json
from flows.turn import CallAnswered, Fact, Heard
from integrations.contract.message import Content, Edited, Reachable, Received, SharedPhone, Tapped, Typed, Unreadable
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


def input_row(
    seal: Seal, *, conversation_id: str, channel: str, external_id: str, kind: str, body: str, now: int, sort: int = 0
) -> Insert:
    """An input to be answered once: the same channel and external id again is no news."""
    return Insert(
        "input",
        {
            "conversation_id": conversation_id,
            "channel": channel,
            "external_id": external_id,
            "kind": kind,
            "body_sealed": seal.seal(body, "input.body"),
            "sort": sort,
            "state": NEW,
            "disposition": "",
            "stored_at": now,
        },
        or_ignore=True,
    )


def message_input(seal: Seal, conversation_id: str, channel: str, message: Received, now: int) -> Insert:
    """What a person did, as a channel reports it."""
    return input_row(
        seal, conversation_id=conversation_id, channel=channel, external_id=message.external_id, kind="message",
        body=orjson.dumps(content_to_json(message.content)).decode(), now=now, sort=message.order,
    )  # fmt: skip


def answer_input(seal: Seal, conversation_id: str, work_id: str, answer: Json, now: int) -> Insert:
    """The world's answer to a call."""
    return input_row(
        seal, conversation_id=conversation_id, channel="bili", external_id=work_id, kind="answer",
        body=orjson.dumps([work_id, answer]).decode(), now=now,
    )  # fmt: skip


def fact_input(seal: Seal, conversation_id: str, payment_id: str, event: str, now: int) -> Insert:
    """Something that happened to a payment."""
    return input_row(
        seal, conversation_id=conversation_id, channel="bili", external_id=f"{payment_id}:{event}", kind="fact",
        body=event, now=now,
    )  # fmt: skip


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

"""A channel over a Content store in memory, and the ways in which that store can fail."""

from __future__ import annotations

from typing import Any

from integrations.channels.twilio.adapter import WhatsApp
from integrations.channels.twilio.content import (
    declared,
)
from integrations.channels.twilio.wire.content import Declared
from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.contract.message import Delivered, Message
from tests.channels.twilio.stage import (
    PHONE,
    SOON,
    WITH_CONTENT,
    Answer,
    FakeClock,
    Store,
    answer,
    hello,
)

ASK = hello("Pay *KES* 500?\nNow?", ("y", "Yes"), ("n", "No"))
BY_NAME = {(one.name, one.language): one for one in declared()}


class ContentStage:
    """A channel over a Content store in memory."""

    def __init__(self, *answers: Answer, contents: list[dict[str, Any]] | None = None) -> None:
        self.store = Store(*answers, contents=contents)
        self.clock = FakeClock()
        self.channel = WhatsApp(WITH_CONTENT, self.store, self.clock)

    async def send(self, message: Message = ASK) -> dict[str, str]:
        """The form that was sent last."""
        assert isinstance(await self.channel.send(PHONE, message, SOON + self.clock.seconds), Delivered)
        return self.store.twilio.form()


def stored(one: Declared, number: int = 1, **fields: object) -> dict[str, Any]:
    return {**one.payload, "sid": f"HX{number:032x}", "date_created": f"2026-01-05T06:00:{number:02d}Z", **fields}


CREATED = answer("created_content.json")


AWAY: list[Sent] = [
    NotSent("refused"),
    Unknown("timeout"),
    Response(503, {}, b"<html>"),
    Response(401, {}, b"{}"),
    Response(200, {}, b"[]"),
    Response(200, {}, b"{}"),
    Response(200, {}, b'{"contents": 1}'),
    Response(429, {}, b""),
]

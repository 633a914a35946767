"""Polling: what is acknowledged is stored, and nothing that goes wrong ends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pytest

from bot.polling import PATIENCE_SECONDS, TROUBLE_SECONDS, WAIT_SECONDS, Polled, poll
from bot.store.change import StoreUnavailable
from bot.web.ingress import Ingress
from integrations.contract.channel import Channel
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import Ignored, Malformed, Received, Throttled, Typed
from tests.seams import HandClock

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
HELLO = Received("1", "711", Typed("hello"), NOW)


class Enough(BaseException):
    """The script is over."""


@dataclass
class Script:
    """A channel that answers each poll with the next line, and the ingress behind it."""

    answers: list[object]
    stores: list[bool | Exception] = field(default_factory=list)
    asked_after: list[int] = field(default_factory=list)
    kept: list[Sequence[Received | Ignored]] = field(default_factory=list)
    answered: list[Received | Ignored] = field(default_factory=list)
    name: str = "telegram"

    async def poll(self, after: int, wait_seconds: int, deadline: float) -> object:
        assert deadline >= wait_seconds
        self.asked_after.append(after)
        if not self.answers:
            raise Enough
        return self.answers.pop(0)

    async def answer_taps(self, received: Iterable[Received | Ignored], _deadline: float) -> None:
        self.answered += received

    async def keep(self, channel: Channel, received: Sequence[Received | Ignored]) -> bool:
        assert channel.name == self.name
        self.kept.append(received)
        stored = self.stores.pop(0) if self.stores else True
        if isinstance(stored, Exception):
            raise stored
        return stored


async def run(script: Script) -> HandClock:
    """Poll until the script is over; the clock tells how long was waited."""
    clock = HandClock(NOW)
    with pytest.raises(Enough):
        await poll(cast("Polled", script), cast("Ingress", script), clock)
    return clock


async def test_what_is_stored_is_acknowledged_by_asking_for_what_follows() -> None:
    script = Script([[(7, HELLO), (9, Ignored("a group"))], [], [(10, HELLO)]])
    clock = await run(script)
    assert script.asked_after == [-1, 9, 9, 10]
    assert [len(received) for received in script.kept] == [2, 1]
    assert script.answered == [HELLO, Ignored("a group"), HELLO]
    assert clock.monotonic() == 0


@pytest.mark.parametrize("trouble", [False, StoreUnavailable("away")])
async def test_F124_what_could_not_be_stored_is_asked_for_again(trouble: bool | Exception) -> None:
    script = Script([[(7, HELLO)], [(7, HELLO)]], stores=[trouble, True])
    clock = await run(script)
    assert script.asked_after == [-1, -1, 7]
    assert script.answered == [HELLO]
    assert clock.monotonic() == TROUBLE_SECONDS


@pytest.mark.parametrize("failure", [Malformed("refused"), NotSent("no network"), Unknown("cut"), object()])
async def test_a_poll_that_fails_is_followed_by_another_after_a_while(failure: object) -> None:
    script = Script([failure, [(7, HELLO)]])
    clock = await run(script)
    assert script.asked_after == [-1, -1, 7]
    assert clock.monotonic() == TROUBLE_SECONDS


async def test_a_channel_that_says_slow_down_is_obeyed() -> None:
    clock = await run(Script([Throttled(17.0)]))
    assert clock.monotonic() == 17.0


def test_a_poll_has_longer_than_the_channel_holds_it() -> None:
    assert PATIENCE_SECONDS > 0
    assert WAIT_SECONDS < 50, "Telegram's own limit"

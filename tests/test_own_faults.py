"""When our own code fails: it is called our fault, nothing stands still, and the log repeats nothing it was fed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.faults import note
from integrations.contract.channel import Waybill
from integrations.contract.message import Message
from tests.payments.scene import scene
from tests.town import AMINA

WORDS = "words of a customer"


@dataclass
class Broken:
    """Fails so many times, with words in its message that must not be logged."""

    left: int

    async def __call__(self, *_args: object, **_more: object) -> object:
        self.left -= 1
        raise ZeroDivisionError(WORDS)


def test_O04_the_log_tells_kind_and_place_and_not_the_words(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int(WORDS)
    except ValueError as error:
        note("thing.failed", error, outbox=7)
    logged = capsys.readouterr().out
    assert "ValueError" in logged
    assert "test_own_faults" in logged
    assert WORDS not in logged


async def test_a_lookup_that_fails_of_itself_does_not_blame_the_utility(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(sqlite_url) as one:
        [utility] = one.service.outfit.parties.utilities.values()
        monkeypatch.setattr(utility, "find", Broken(1))
        await one.town.sandbox.telegram.say(AMINA, "500 14123456783")
        await one.pass_(3)
        assert "on our side" in one.texts()[-1]
        assert "does not answer" not in one.texts()[-1]


async def test_I36_a_channel_that_fails_of_itself_holds_up_no_receipt_for_ever(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(sqlite_url) as one:
        channel = one.service.outfit.channels["telegram"]
        send, failing = channel.send, Broken(2)

        async def twice_broken(address: str, message: Message, deadline: float, waybill: Waybill) -> object:
            return await (failing if failing.left else send)(address, message, deadline, waybill)

        monkeypatch.setattr(channel, "send", twice_broken)
        await one.town.sandbox.telegram.say(AMINA, "help")
        await one.pass_(30)
        assert failing.left == 0
        assert "What I understand" in one.texts()[-1]

"""Towns for the browser: a sandbox on a real port, as it is when a person first looks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.live import Town, soon, town
from tests.sandbox.stages import AMINA, AMINAS_NUMBER


@pytest.fixture
async def here() -> AsyncIterator[Town]:
    async with town() as running:
        yield running


@pytest.fixture
async def begun(here: Town) -> Town:
    """Amina has begun on Telegram, and the bot has answered."""
    await here.host.telegram.say(AMINA, "/start")
    await soon(lambda: len(here.host.telegram.chat(AMINA)) == 2)
    return here


@pytest.fixture
async def greeted(here: Town) -> Town:
    """Amina has said hi on WhatsApp, and the bot has answered with a list of meters."""
    await here.host.twilio.say(AMINAS_NUMBER, "hi")
    await soon(lambda: len(here.host.twilio.chat(AMINAS_NUMBER)) == 2)
    return here


@pytest.fixture
async def busy(begun: Town, greeted: Town) -> Town:
    """Both chats have begun."""
    assert begun is greeted
    return begun

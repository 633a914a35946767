"""Asking a channel for what people said, where it cannot reach us."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import structlog

from bot.store.change import StoreUnavailable
from bot.web.ingress import Ingress
from integrations.contract.channel import Channel
from integrations.contract.message import Ignored, Received, Throttled
from integrations.contract.seams import Clock

log = structlog.get_logger()

#: How long a channel holds a poll open for news, and how much longer its answer may take.
WAIT_SECONDS = 25
PATIENCE_SECONDS = 10.0
#: The wait after a poll that failed, or whose news could not be stored.
TROUBLE_SECONDS = 3.0

Updates = list[tuple[int, Received | Ignored]]


class Polled(Channel, Protocol):
    """A channel that can be asked for news. Asking for what follows n says that all up to n is stored."""

    async def poll(self, after: int, wait_seconds: int, deadline: float) -> Updates | object:
        """What came after update `after`, each with its number; anything but a list is a failure."""
        ...

    async def answer_taps(self, received: Iterable[Received | Ignored], deadline: float) -> None:
        """Show those who tapped that it was heard."""
        ...


async def poll(channel: Polled, ingress: Ingress, clock: Clock) -> None:
    """Ask for updates for ever. What is stored, and only that, is acknowledged by asking for what follows."""
    after = -1
    while True:
        match await channel.poll(after, WAIT_SECONDS, clock.monotonic() + WAIT_SECONDS + PATIENCE_SECONDS):
            case list() as updates:
                after = await _keep(channel, ingress, updates, after, clock)
            case Throttled(seconds):
                await clock.sleep(seconds)
            case failure:
                log.warning("poll.failed", channel=channel.name, why=_why(failure))
                await clock.sleep(TROUBLE_SECONDS)


async def _keep(channel: Polled, ingress: Ingress, updates: Updates, after: int, clock: Clock) -> int:
    """Store updates; the number up to which everything is stored."""
    if not updates:
        return after
    received = [one for _, one in updates]
    try:
        stored = await ingress.keep(channel, received)
    except StoreUnavailable:
        stored = False
    if not stored:
        log.warning("poll.not_stored", channel=channel.name)
        await clock.sleep(TROUBLE_SECONDS)
        return after
    await channel.answer_taps(received, clock.monotonic() + PATIENCE_SECONDS)
    return max(number for number, _ in updates)


def _why(failure: object) -> str:
    return str(getattr(failure, "reason", "") or getattr(failure, "cause", "") or type(failure).__name__)

"""The real clock, randomness and the supervisor of tasks: the only place that touches them."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RealRandom:
    """Unguessable randomness from the operating system."""

    def digits(self, count: int) -> str:
        return "".join(secrets.choice("0123456789") for _ in range(count))

    def letters(self, count: int) -> str:
        return "".join(secrets.choice(CROCKFORD) for _ in range(count))

    def secret(self, size_bytes: int) -> str:
        return secrets.token_urlsafe(size_bytes)

    def fraction(self) -> float:
        return secrets.randbelow(1_000_000) / 1_000_000

"""The seams as tests hold them: a clock moved by hand, luck that is the same in every run."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from bot.clock import CROCKFORD


class HandClock:
    """Time that stands still until it is moved. `since` is where the monotonic scale begins."""

    def __init__(self, start: datetime, since: float = 0.0) -> None:
        self.start = start
        self.since = since
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.since + self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class SeededRandom:
    """Randomness from a seed."""

    def __init__(self, seed: int = 1) -> None:
        self._luck = random.Random(seed)

    def digits(self, count: int) -> str:
        return "".join(self._luck.choice("0123456789") for _ in range(count))

    def letters(self, count: int) -> str:
        return "".join(self._luck.choice(CROCKFORD) for _ in range(count))

    def secret(self, size_bytes: int) -> str:
        return self._luck.randbytes(size_bytes).hex()

    def hexadecimal(self, size_bytes: int) -> str:
        return self._luck.randbytes(size_bytes).hex()

    def fraction(self) -> float:
        return self._luck.random()

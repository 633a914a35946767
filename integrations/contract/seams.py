"""What a deterministic run must control: time, ids, randomness, new tasks. The real ones are in `bot/clock.py`."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time. `now` is an aware UTC datetime; `monotonic` is seconds on a scale of this process only."""

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


class Random(Protocol):
    """Randomness for references, secrets and jitter."""

    def digits(self, count: int) -> str:
        """So many random decimal digits."""
        ...

    def letters(self, count: int) -> str:
        """So many letters and digits of Crockford's base 32 (no I, L, O, U), upper case."""
        ...

    def secret(self, size_bytes: int) -> str:
        """An unguessable URL-safe string of at least so many random bytes."""
        ...

    def hexadecimal(self, size_bytes: int) -> str:
        """So many random bytes as lower-case hexadecimal digits."""
        ...

    def fraction(self) -> float:
        """A number in [0, 1) for jitter."""
        ...


class Spawn(Protocol):
    """The only way to start a task: it keeps a reference, and reports and restarts what dies."""

    def __call__(self, name: str, work: Coroutine[object, object, None]) -> None: ...

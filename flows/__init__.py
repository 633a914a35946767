"""What we ask and say, in order. Plain coroutines: no I/O, no clock, no database, no channel."""

from __future__ import annotations

"""Processor time: of this process, of another one, and of one part of this one."""

from __future__ import annotations

import os
import time
from collections.abc import Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: Fields of /proc/<pid>/stat, counted after the name's closing bracket: proc(5), utime and stime.
_UTIME, _STIME = 11, 12


def seconds_here() -> float:
    """Processor seconds of this process so far, all its threads together."""
    return time.process_time()


def seconds_of(pid: int) -> float:
    """Processor seconds of another process so far, in steps of a clock tick (10 ms). Needs Linux's /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS_A_SECOND


def resident_bytes_of(pid: int) -> int:
    """Memory of another process that is in RAM now. Needs Linux's /proc."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


@dataclass
class Apart:
    """Adds up the processor time of coroutines that run in this process but are not what is measured.

    What they spawn as tasks, and what happens while they wait, is not theirs.
    """

    seconds: float = 0.0

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to its end, counting every step."""
        return await _Stepped(self, work)


@dataclass(frozen=True)
class _Stepped(Generic[T]):
    apart: Apart
    work: Coroutine[Any, Any, T]

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            began = time.thread_time()
            try:
                waits_for = self.work.send(None)
            except StopIteration as end:
                value: T = end.value
                return value
            finally:
                self.apart.seconds += time.thread_time() - began
            yield waits_for

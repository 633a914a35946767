"""What a `bili serve` takes before it serves and while it works: seconds and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.report import Figure
from benchmarks.scale import Scale
from benchmarks.served import ROOT, served

AIM_SECONDS, AIM_MEGABYTES = 3.0, 150.0

_MEGABYTE = 1_000_000

#: What the project was given to be built on, loaded and put to no use; it says its memory.
_GIVEN = """
import os
import aiohttp.web, babel.dates, sqlmodel, telegram.ext, twilio.rest
from benchmarks.cpu import resident_bytes_of
print(resident_bytes_of(os.getpid()))
"""


async def measure(folder: Path, scale: Scale) -> list[Figure]:
    """Starts on a new database and on one that is there, and memory after some payments."""
    first = await _starts(folder, 1)
    warm = await _starts(folder, scale.repeats)
    memory = [await _megabytes(folder, scale.people) for _ in range(scale.repeats)]
    loads = [_given() for _ in range(scale.repeats)]
    given_seconds = Figure("load of the given libraries", "s", tuple(seconds for seconds, _ in loads))
    given_megabytes = Figure("memory of the given libraries", "MB", tuple(megabytes for _, megabytes in loads))
    return [
        given_seconds,
        Figure("start to serving", "s", warm, aim=AIM_SECONDS, baseline=given_seconds.name),
        Figure("start to serving, new database", "s", first, aim=AIM_SECONDS, baseline=given_seconds.name),
        given_megabytes,
        Figure(f"memory after {scale.people} payments", "MB", tuple(memory), AIM_MEGABYTES, given_megabytes.name),
    ]


async def _starts(folder: Path, count: int) -> tuple[float, ...]:
    seconds = []
    for _ in range(count):
        async with served(folder) as there:
            seconds.append(there.start_seconds)
    return tuple(seconds)


async def _megabytes(folder: Path, payments: int) -> float:
    async with served(folder) as there:
        await there.act("enter", payments)
        await there.act("buy", payments)
        return there.resident_bytes / _MEGABYTE


def _given() -> tuple[float, float]:
    began = perf_counter()
    says = subprocess.run([sys.executable, "-c", _GIVEN], cwd=ROOT, check=True, capture_output=True)  # noqa: S603  ours
    return perf_counter() - began, int(says.stdout) / _MEGABYTE

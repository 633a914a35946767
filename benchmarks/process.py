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
    """Starts on a new database and then on the same one, and memory after some payments."""
    new, warm, memory, loads = [], [], [], []
    for number in range(scale.repeats):
        home = folder / str(number)
        home.mkdir()
        async with served(home) as there:
            new.append(there.start_seconds)
        async with served(home) as there:
            warm.append(there.start_seconds)
            await there.act("enter", scale.people)
            await there.act("buy", scale.people)
            memory.append(there.resident_bytes / _MEGABYTE)
        loads.append(_given())
    given_seconds = Figure("load of the given libraries", "s", tuple(seconds for seconds, _ in loads))
    given_megabytes = Figure("memory of the given libraries", "MB", tuple(megabytes for _, megabytes in loads))
    return [
        given_seconds,
        Figure("start to serving", "s", tuple(warm), AIM_SECONDS, given_seconds.name),
        Figure("start to serving, new database", "s", tuple(new), AIM_SECONDS, given_seconds.name),
        given_megabytes,
        Figure(f"memory after {scale.people} payments", "MB", tuple(memory), AIM_MEGABYTES, given_megabytes.name),
    ]


def _given() -> tuple[float, float]:
    began = perf_counter()
    says = subprocess.run([sys.executable, "-c", _GIVEN], cwd=ROOT, check=True, capture_output=True)  # noqa: S603  ours
    return perf_counter() - began, int(says.stdout) / _MEGABYTE

"""`bili serve` as a process of its own, with the crowd as another one: the product as it runs, over real HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from urllib.request import Request, urlopen

import orjson
from pydantic import SecretStr

from benchmarks import crowd
from benchmarks.cpu import resident_bytes_of, seconds_of
from benchmarks.crowd import Acted

ROOT = Path(__file__).resolve().parent.parent

FIRST_WORD_SECONDS_MAX = 30.0
ACT_SECONDS_MAX = 120.0


@dataclass(frozen=True)
class Served:
    """A running service and its crowd. `start_seconds` is from the start of the service's process to its first word."""

    pid: int
    crowd_url: str
    start_seconds: float

    async def act(self, name: str, people: int) -> tuple[Acted, float]:
        """Let people act; also the processor seconds that the service's process needed for it."""
        before = seconds_of(self.pid)
        acted = await asyncio.to_thread(_act, f"{self.crowd_url}/crowd/{name}?people={people}")
        return acted, seconds_of(self.pid) - before

    @property
    def resident_bytes(self) -> int:
        """Memory of the service's process that is in RAM now."""
        return resident_bytes_of(self.pid)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    """A crowd, and a service that serves it with its database in this folder; both end with the block."""
    python = sys.executable
    async with _running(python, "-m", "benchmarks.crowd", folder=ROOT, environment=dict(os.environ)) as (_, crowd_url):
        environment, began = _environment(folder, crowd_url), perf_counter()
        serve = (python, "-m", "bot.cli", "serve", "--with-parent")
        async with _running(*serve, folder=folder, environment=environment) as (service, _):
            yield Served(service.pid, crowd_url, perf_counter() - began)


def _act(url: str) -> Acted:
    with urlopen(Request(url, method="POST"), timeout=ACT_SECONDS_MAX) as answer:  # noqa: S310  our own loopback address
        return Acted(**orjson.loads(answer.read()))


@asynccontextmanager
async def _running(*command: str, folder: Path, environment: dict[str, str]) -> AsyncIterator[tuple[Process, str]]:
    """A program until the block or this process ends, and the last word of the first line it says: its address."""
    with TemporaryFile() as log:
        process = await create_subprocess_exec(
            *command, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, stderr=log
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(FIRST_WORD_SECONDS_MAX):
                line = await process.stdout.readline()
            if not line:
                log.seek(0)
                raise RuntimeError(f"{' '.join(command)} ended: {log.read().decode()}")
            yield process, line.decode().split()[-1]
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _environment(folder: Path, crowd_url: str) -> dict[str, str]:
    """Everything set, and nothing taken from the settings of whoever runs the benchmarks."""
    port = _free_port()
    given = {
        **crowd.settings(f"http://127.0.0.1:{port}", crowd_url),
        "port": str(port),
        "database_url": f"sqlite:///{folder}/bili.db",
    }
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()}
    others = {name: value for name, value in os.environ.items() if not name.startswith("BILI_")}
    return {**others, **{f"BILI_{name.upper()}": value for name, value in plain.items()}}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

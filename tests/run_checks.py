"""What `make test` runs: each check says one line when it is content, and everything when it is not.

The cheap checks run two at a time; pytest runs last and alone, so that its clocks are its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Check:
    """A program that ends with 0 when all is well and says so in its last line."""

    name: str
    command: tuple[str, ...]


CHECKS = (
    Check("ruff", (f"{BIN}/ruff", "check", ".")),
    Check("format", (f"{BIN}/ruff", "format", "--check", ".")),
    Check("mypy", (f"{BIN}/mypy", "--strict")),
    Check("imports", (f"{BIN}/lint-imports",)),
    Check("catalogues", (sys.executable, "-m", "tests.catalogues", "check")),
)
PYTEST = Check("pytest", (sys.executable, "-m", "pytest"))


async def run(check: Check) -> bool:
    """Run a check and say how it went; whether all is well."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *check.command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await process.communicate())[0].decode(errors="replace").rstrip()
    if process.returncode:
        _say(f"{check.name:<12}FAILED\n{output}\n")
    else:
        _say(f"{check.name:<12}ok  {time.monotonic() - began:5.1f} s  {output.splitlines()[-1] if output else ''}")
    return not process.returncode


async def run_pytest() -> bool:
    """Run the tests; on a terminal their progress is shown, elsewhere only how they end, in pytest's own last line."""
    watched = sys.stdout.isatty()
    pipe = None if watched else asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*PYTEST.command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    output = ((await process.communicate())[0] or b"").decode(errors="replace").rstrip()
    if not watched:
        _say(output if process.returncode else output.splitlines()[-1])
    return not process.returncode


async def run_all(checks: Sequence[Check], at_once: int = AT_ONCE) -> bool:
    """Run checks side by side; whether all were well."""
    room = asyncio.Semaphore(at_once)

    async def wait_and_run(check: Check) -> bool:
        async with room:
            return await run(check)

    return all(await asyncio.gather(*map(wait_and_run, checks)))


async def main() -> int:
    """Everything, even after something failed; the exit code."""
    checked = await run_all(CHECKS)
    tested = await run_pytest()
    return 0 if checked and tested else 1


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

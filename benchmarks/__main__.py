"""`python -m benchmarks`, or `make bench`: everything in less than three minutes, as one table.

A benchmark is no test: whatever it finds, and whatever could not be measured, the exit status is 0.
"""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import structlog
import uvloop

from benchmarks import payments, process, store, turns
from benchmarks.report import Figure, machine, table
from benchmarks.scale import QUICK, Scale

Measure: TypeAlias = Callable[[Path, Scale], Awaitable[list[Figure]]]

#: The first is the baseline of the two after it, so it is always measured.
PARTS: Final[Mapping[str, Measure]] = {
    "baseline": turns.baseline, "turns": turns.measure, "payments": payments.measure, "process": process.measure,
    "store": store.measure,
}  # fmt: skip


def main() -> None:
    """Measure and print."""
    options = _options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    scale = QUICK if options.quick else Scale()
    wanted = {"baseline", *options.only} if options.only else PARTS.keys()
    figures = [figure for name in PARTS if name in wanted for figure in _measured(name, scale)]
    print(machine(), table(figures), sep="\n\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once each and with fewer people: a first impression")
    parser.add_argument("--only", action="append", choices=list(PARTS), metavar="PART", help=", ".join(PARTS))
    return parser.parse_args()


def _measured(name: str, scale: Scale) -> list[Figure]:
    print(f"measuring {name} …", file=sys.stderr, flush=True)

    async def run() -> list[Figure]:
        with TemporaryDirectory(prefix="bili-benchmark-") as folder:
            return await PARTS[name](Path(folder), scale)

    try:
        return uvloop.run(run())
    except Exception:  # noqa: BLE001  the other parts are still worth measuring
        traceback.print_exc()
        return []


if __name__ == "__main__":
    main()

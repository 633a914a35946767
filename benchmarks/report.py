"""Figures and the table they are printed in."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median

HEADINGS = ("figure", "median (least..most)", "aim", "beside its baseline")


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured several times. `aim` is the most that is fine, or the least where `more_is_better`.

    `baseline` names a figure of the same run; the ratio to it is what can be compared across machines.
    """

    name: str
    unit: str
    runs: tuple[float, ...]
    aim: float | None = None
    baseline: str = ""
    more_is_better: bool = False

    @property
    def median(self) -> float:
        """The middle one of the runs."""
        return median(self.runs)

    @property
    def spread(self) -> str:
        """All of it in one cell."""
        return f"{_short(self.median)} ({_short(min(self.runs))}..{_short(max(self.runs))}) {self.unit}"

    @property
    def goal(self) -> str:
        """The aim, and whether the median meets it."""
        if self.aim is None:
            return ""
        met = self.median >= self.aim if self.more_is_better else self.median <= self.aim
        return f"{'>=' if self.more_is_better else '<='} {_short(self.aim)} {'met' if met else 'MISSED'}"


def table(figures: Sequence[Figure]) -> str:
    """Columns as wide as they need to be."""
    medians = {one.name: one.median for one in figures}
    rows: list[tuple[str, ...]] = [
        HEADINGS,
        *((one.name, one.spread, one.goal, _comparison(one, medians)) for one in figures),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _comparison(figure: Figure, medians: Mapping[str, float]) -> str:
    """How many times its baseline a figure is, where that was measured too."""
    if figure.baseline not in medians:
        return ""
    return f"{_short(figure.median / medians[figure.baseline])} x {figure.baseline}"


def machine() -> str:
    """What the figures were measured on, and what else it was doing."""
    return ", ".join(_machine())


def _machine() -> Iterator[str]:
    yield f"{os.cpu_count()} cores"
    yield f"{platform.system()} {platform.machine()}"
    yield f"Python {platform.python_version()}"
    yield f"SQLite {sqlite3.sqlite_version}"
    for package in ("aiohttp", "uvloop", "sqlalchemy", "sqlmodel"):
        yield f"{package} {version(package)}"
    yield f"load {os.getloadavg()[0]:.1f}"


def _short(number: float) -> str:
    """Three figures that mean something."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"

"""What one complete payment costs: order, lookup, price, confirmation, prompt, callback, enquiry, vend, receipt."""

from __future__ import annotations

from pathlib import Path

from benchmarks.history import grow
from benchmarks.inside import inside
from benchmarks.report import Figure
from benchmarks.running import Running
from benchmarks.scale import Scale
from benchmarks.served import served
from benchmarks.turns import BASELINE

#: Milliseconds with HTTP in and out, and payments a second on two cores of which the crowd has one.
AIM, AIM_PER_SECOND = 8.0, 120.0
#: A full database may make a payment this much dearer.
AIM_GROWN_RATIO = 1.25


async def measure(folder: Path, scale: Scale) -> list[Figure]:
    """Without HTTP, as `bili serve` does it, and in a database with a long history."""
    database = folder / "payments.db"
    async with inside(f"sqlite:///{database}") as here:
        within, _ = await _runs(here, scale)
    (folder / "payments").mkdir()
    async with served(folder / "payments") as there:
        over_http, per_second = await _runs(there, scale)
    payments = grow(database, scale.history)
    async with inside(f"sqlite:///{database}", strangers=(scale.repeats + 1) * scale.people) as here:
        grown, _ = await _runs(here, scale)
    empty = Figure("payment, no HTTP", "ms CPU", within, baseline=BASELINE)
    aim = empty.median * AIM_GROWN_RATIO
    return [
        empty,
        Figure(f"payment, no HTTP, after {payments:,} others", "ms CPU", grown, aim=aim, baseline=empty.name),
        Figure("payment over HTTP", "ms CPU", over_http, aim=AIM, baseline=BASELINE),
        Figure("payments over HTTP", "a second", per_second, aim=AIM_PER_SECOND, more_is_better=True),
    ]


async def _runs(running: Running, scale: Scale) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Milliseconds of each payment, and payments a second; after one round that warms caches up."""
    costs, rates = [], []
    for number in range(scale.repeats + 1):
        await running.act("enter", scale.people)
        acted, cpu_seconds = await running.act("buy", scale.people)
        if number:
            costs.append(cpu_seconds * 1000 / acted.people)
            rates.append(acted.people / acted.seconds)
    return tuple(costs), tuple(rates)

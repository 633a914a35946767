"""What one answered message costs: stored, thought, taken to be sent, sent. 64 people write at once."""

from __future__ import annotations

from pathlib import Path

from benchmarks import sessions
from benchmarks.crowd import AT_ONCE, CHAT
from benchmarks.inside import inside
from benchmarks.report import Figure
from benchmarks.running import Running
from benchmarks.scale import Scale
from benchmarks.served import served
from benchmarks.writes import per_write
from bot.store import migrations

BASELINE = "turn through SQLModel's async session"

#: Milliseconds, with HTTP in and out.
AIM = 1.0


async def baseline(folder: Path, scale: Scale) -> list[Figure]:
    """The same rows through SQLModel's async session, without anything else that a turn does."""
    url = f"sqlite:///{folder}/orm.db"
    migrations.upgrade(url)
    async with sessions.on(url) as make:
        chats = await sessions.begin(make, AT_ONCE)
        runs = await per_write(lambda chat, number: sessions.turn(make, chat, number), chats, scale.orm_writes, scale)
    return [Figure(BASELINE, "ms CPU", tuple(run * 1000 for run in runs))]


async def measure(folder: Path, scale: Scale) -> list[Figure]:
    """Without HTTP, and as `bili serve` does it."""
    async with inside(f"sqlite:///{folder}/turns.db") as here:
        within = await _runs(here, scale)
    (folder / "turns").mkdir()
    async with served(folder / "turns") as there:
        over_http = await _runs(there, scale)
    return [
        Figure("turn, no HTTP", "ms CPU", within, baseline=BASELINE),
        Figure("turn over HTTP", "ms CPU", over_http, aim=AIM, baseline=BASELINE),
    ]


async def _runs(running: Running, scale: Scale) -> tuple[float, ...]:
    runs = []
    for _ in range(scale.repeats):
        await running.act("enter", scale.people)
        acted, cpu_seconds = await running.act("chat", scale.people)
        runs.append(cpu_seconds * 1000 / (acted.people * len(CHAT)))
    return tuple(runs)

"""What one Change through the writer costs: a guarded update and two inserts, 64 waiting at once."""

from __future__ import annotations

from pathlib import Path

from benchmarks import sessions
from benchmarks.crowd import AT_ONCE
from benchmarks.postgresql import NoServer, fresh_database
from benchmarks.report import Figure
from benchmarks.scale import Scale
from benchmarks.writes import per_write
from bot.clock import RealClock, Tasks
from bot.store import migrations
from bot.store.change import Change, Done, Guard, Insert
from bot.store.store import Store


async def measure(folder: Path, scale: Scale) -> list[Figure]:
    """On SQLite, and on PostgreSQL where there is one; the server's own processor time is not counted."""
    figures = await _measure("SQLite", f"sqlite:///{folder}/store.db", scale)
    try:
        with fresh_database() as url:
            figures += await _measure("PostgreSQL", url, scale)
    except NoServer as reason:
        print(f"No PostgreSQL: {reason}")
    return figures


async def _measure(kind: str, url: str, scale: Scale) -> list[Figure]:
    migrations.upgrade(url)
    async with sessions.on(url) as make:
        chats = await sessions.begin(make, AT_ONCE)
        theirs = await per_write(lambda chat, nth: sessions.change(make, chat, nth), chats, scale.orm_writes, scale)
    tasks = Tasks()
    store = await Store.open(url, RealClock(), tasks.spawn)
    try:
        begun = scale.orm_writes // AT_ONCE * (scale.repeats + 1)
        ours = await per_write(lambda chat, nth: _write(store, chat, begun + nth), chats, scale.writes, scale)
    finally:
        await store.close()
        await tasks.stop()
    session = Figure(f"the same rows through an async session, {kind}", "us CPU", _micro(theirs))
    return [session, Figure(f"Change through the writer, {kind}", "us CPU", _micro(ours), baseline=session.name)]


def _micro(seconds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(one * 1e6 for one in seconds)


async def _write(store: Store, conversation_id: str, number: int) -> None:
    guard = Guard(
        "conversation",
        conversation_id,
        {"version": number, "owner": "bot"},
        {"version": number + 1, "state_sealed": sessions.BODY},
    )
    heard = Insert("input", sessions.input_row(conversation_id, number), or_ignore=True)
    said = Insert("outbox", sessions.message_row(f"c{conversation_id}", conversation_id))
    written = await store.write(Change((guard,), (heard, said)))
    assert isinstance(written, Done), written

"""Commits whose answer is lost: the database is asked, and nothing is ever assumed."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.store import postgres, sqlite
from bot.store.change import Change, CommitUnknown, Done, Lost, Refused, Sql, StoreUnavailable
from bot.store.executor import Threads
from bot.store.store import Store, sqlite_path
from bot.store.writer import Writer
from tests.databases import SetClock, Tasks
from tests.store.rows import PaymentClaim, column, message_in, payment, people, turn


@dataclass
class Cuts:
    """Breaks the connection around the next commits: "before" they reach the database, or "after"."""

    faults: list[str] = field(default_factory=list)
    before_asking: Callable[[], object] = lambda: None

    def around(self, commit: Callable[[], None], cut: Callable[[], None], loss: Exception) -> None:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            cut()
        commit()
        if fault == "after":
            cut()
            raise loss


class CutSqlite(sqlite.SqliteDatabase):
    cuts: Cuts

    def commit(self) -> None:
        self.cuts.around(super().commit, self.connection.close, sqlite3.OperationalError("disk I/O error"))

    def committed(self) -> bool | None:
        self.cuts.before_asking()
        return super().committed()


class CutPostgres(postgres.PostgresDatabase):
    cuts: Cuts

    def commit(self) -> None:
        self.cuts.around(super().commit, self.connection.close, psycopg.OperationalError("the connection is lost"))

    def committed(self) -> bool | None:
        self.cuts.before_asking()
        return super().committed()


@dataclass
class Bench:
    """A writer whose commits can be cut, beside a whole store that looks at the same database."""

    store: Store
    writer: Writer
    cuts: Cuts
    refuse_connections: list[int]
    connect: Callable[[], Any]


@pytest.fixture
async def bench(store: Store, database_url: str, set_clock: SetClock, tasks: Tasks) -> AsyncIterator[Bench]:
    refused: list[int] = []
    database = _cut_database(database_url, set_clock, refused)
    database.cuts = Cuts()
    threads = Threads("test-writer", 1)
    writer = Writer(database, threads)
    writer.start(tasks)
    await store.write(people("ann") + Change(inserts=(payment("p1", "ann"),)))
    yield Bench(store, writer, database.cuts, refused, database._connect)
    await writer.stop()
    await threads.call(database.close)
    threads.stop()


def _cut_database(url: str, clock: SetClock, refused: list[int]) -> CutSqlite | CutPostgres:
    path = sqlite_path(url)
    if path:
        nowhere = path.parent / "no such folder" / "bili.db"
        return CutSqlite(lambda: sqlite.connect_writer(nowhere if refused else path), clock)
    return CutPostgres(lambda: postgres.connect_writer("postgresql://127.0.0.1:1/" if refused else url))


async def test_F128_a_commit_lost_after_it_happened_is_done(bench: Bench) -> None:
    bench.cuts.faults = ["after"]
    assert await bench.writer.write(turn("ann", 0)) == Done()
    assert await column(bench.store, "SELECT version FROM conversation") == [1]


async def test_F128_a_commit_lost_before_it_happened_is_run_again(bench: Bench) -> None:
    bench.cuts.faults = ["before"]
    assert await bench.writer.write(turn("ann", 0)) == Done()
    assert await column(bench.store, "SELECT version FROM conversation") == [1]


async def test_F128_a_batch_run_again_is_decided_again(bench: Bench) -> None:
    """Between the lost commit and the second run somebody else may win the row."""
    bench.cuts.faults = ["before"]
    bench.cuts.before_asking = lambda: turn_by_hand(bench)
    assert await bench.writer.write(turn("ann", 0, owner="ours")) == Lost("conversation", "ann")
    assert await column(bench.store, "SELECT owner FROM conversation") == ["other"]


def turn_by_hand(bench: Bench) -> None:
    statement = "UPDATE conversation SET version = 1, owner = 'other' WHERE id = 'ann'"
    with closing(bench.connect()) as connection:
        connection.execute(statement)


async def test_F128_each_lost_commit_of_several_is_told_apart(bench: Bench) -> None:
    bench.cuts.faults = ["after", "before", "after", "before", "before"]
    for version in range(4):
        assert await bench.writer.write(turn("ann", version)) == Done()
    assert await column(bench.store, "SELECT version FROM conversation") == [4]
    assert bench.cuts.faults == []


async def test_F128_commits_that_never_succeed_make_the_store_unavailable(bench: Bench) -> None:
    bench.cuts.faults = ["before"] * 5
    with pytest.raises(StoreUnavailable):
        await bench.writer.write(turn("ann", 0))
    assert await column(bench.store, "SELECT version FROM conversation") == [0]
    assert await bench.writer.write(turn("ann", 0)) == Done()


@pytest.mark.parametrize("happened", [True, False])
async def test_F128_a_database_that_cannot_be_asked_leaves_the_commit_unknown(
    bench: Bench, happened: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ASK_TRIES_MAX", 2)
    monkeypatch.setattr(postgres, "ASK_PAUSE_SECONDS", 0.001)
    await bench.writer.write(Change())
    assert await bench.writer.write(turn("ann", 0)) == Done()
    bench.cuts.faults = ["after" if happened else "before"]
    bench.refuse_connections.append(1)
    assert await bench.writer.write(turn("ann", 1)) == CommitUnknown()
    bench.refuse_connections.clear()
    assert await column(bench.store, "SELECT version FROM conversation") == [2 if happened else 1]


async def test_F128_a_claim_whose_commit_is_unknown_gives_no_plans(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ASK_TRIES_MAX", 1)
    monkeypatch.setattr(postgres, "ASK_PAUSE_SECONDS", 0.001)
    await bench.writer.write(turn("ann", 0))
    bench.cuts.faults = ["after"]
    bench.refuse_connections.append(1)
    assert await bench.writer.claim(PaymentClaim()) == CommitUnknown()


async def test_F128_a_claim_whose_lost_commit_happened_gives_its_plans(bench: Bench) -> None:
    bench.cuts.faults = ["after"]
    assert await bench.writer.claim(PaymentClaim()) == ["p1"]
    assert await column(bench.store, "SELECT fence FROM payment") == [1]


async def test_F128_a_claim_whose_lost_commit_did_not_happen_is_made_again(bench: Bench) -> None:
    bench.cuts.faults = ["before"]
    assert await bench.writer.claim(PaymentClaim()) == ["p1"]
    assert await column(bench.store, "SELECT fence FROM payment") == [1]


async def test_a_database_away_before_the_commit_stores_nothing_and_says_so(bench: Bench) -> None:
    bench.refuse_connections.append(1)
    with pytest.raises(StoreUnavailable):
        await bench.writer.write(turn("ann", 0))
    bench.refuse_connections.clear()
    assert await bench.writer.write(turn("ann", 0)) == Done()


async def test_refusals_are_told_on_a_connection_that_was_cut_before(bench: Bench) -> None:
    bench.cuts.faults = ["before"]
    change = Change(inserts=(message_in("ann", "1"), message_in("ann", "1")))
    assert await bench.writer.write(turn("ann", 0)) == Done()
    assert await bench.writer.write(change) == Refused("one_input_per_external_id")


@pytest.mark.postgres
@pytest.mark.parametrize(("end", "expected"), [("COMMIT", True), ("ROLLBACK", False)])
def test_F128_a_commit_still_in_progress_is_waited_for(postgresql_url: str, end: str, expected: bool) -> None:
    database = postgres.PostgresDatabase(partial(postgres.connect_writer, postgresql_url))
    database.begin()
    lost, database._open = database.connection, None
    answers: list[bool | None] = []
    asking = threading.Thread(target=lambda: answers.append(database.committed()))
    asking.start()
    asking.join(0.1)
    assert answers == []
    lost.execute(end.encode())
    asking.join()
    assert answers == [expected]
    lost.close()
    database.close()


@pytest.mark.postgres
async def test_a_commit_the_server_turned_into_a_rollback_is_not_done(
    postgresql_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    class Careless(PaymentClaim):
        """Overlooks an error after which PostgreSQL keeps nothing of the transaction."""

        def take(self, sql: Sql) -> list[dict[str, Any]]:
            rows = super().take(sql)
            with contextlib.suppress(psycopg.Error):
                sql.rows("SELECT id FROM nowhere")
            return rows

        def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
            return row["id"], Change()

    store = await Store.open(postgresql_url, set_clock, tasks)
    await store.write(people("ann") + Change(inserts=(payment("p1", "ann"),)))
    with pytest.raises(StoreUnavailable):
        await store.claim(Careless())
    assert await column(store, "SELECT fence FROM payment") == [0]
    await store.close()


@pytest.mark.postgres
async def test_a_server_that_ends_our_session_costs_one_more_run(
    postgresql_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    store = await Store.open(postgresql_url, set_clock, tasks)
    await store.write(people("ann"))
    with closing(psycopg.connect(postgresql_url, autocommit=True)) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert await store.write(turn("ann", 0)) == Done()
    assert await column(store, "SELECT version FROM conversation") == [1]
    await store.close()


def test_sqlite_files_are_told_from_servers() -> None:
    assert sqlite_path("sqlite:///var/bili.db") == Path("var/bili.db")
    assert sqlite_path("sqlite:////srv/bili.db") == Path("/srv/bili.db")
    assert sqlite_path("postgresql://bili@localhost/bili") is None

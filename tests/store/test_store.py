"""Opening, reading, closing; and what each database is asked to promise."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select
from structlog.testing import capture_logs

from bot.store import postgres, sqlite
from bot.store.batch import Trouble
from bot.store.change import CannotOpen, Change, Done, Insert, Refused, Sql, StoreUnavailable
from bot.store.store import Store, sides
from bot.store.tables import Customer
from tests.databases import SetClock, Tasks
from tests.store.rows import column, customer, people, posting, turn


async def test_a_new_file_is_made_with_its_folder(tmp_path: Path, set_clock: SetClock, tasks: Tasks) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'var' / 'new.db'}", set_clock, tasks)
    assert await store.write(people("ann")) == Done()
    await store.close()
    reopened = await Store.open(f"sqlite:///{tmp_path / 'var' / 'new.db'}", set_clock, tasks)
    assert await column(reopened, "SELECT id FROM customer") == ["ann"]
    await reopened.close()


@pytest.mark.parametrize(
    "url", ["mysql://localhost/bili", "bili.db", "", "sqlite://", "sqlite:///", "sqlite:///:memory:"]
)
async def test_an_address_of_no_known_kind_is_refused(url: str, set_clock: SetClock, tasks: Tasks) -> None:
    with pytest.raises(CannotOpen, match="BILI_DATABASE_URL is sqlite:///"):
        await Store.open(url, set_clock, tasks)


async def test_a_server_that_is_away_is_said_in_a_sentence(set_clock: SetClock, tasks: Tasks) -> None:
    with pytest.raises(CannotOpen, match="PostgreSQL does not let us in"):
        await Store.open("postgresql://127.0.0.1:1/bili", set_clock, tasks)


async def test_F123_two_stores_on_one_file_are_one_too_many(sqlite_url: str, set_clock: SetClock, tasks: Tasks) -> None:
    store = await Store.open(sqlite_url, set_clock, tasks)
    with pytest.raises(CannotOpen, match="another process is using"):
        await Store.open(sqlite_url, set_clock, tasks)
    await store.close()
    again = await Store.open(sqlite_url, set_clock, tasks)
    await again.close()


async def test_F125_a_damaged_file_is_refused_and_the_lock_given_back(
    tmp_path: Path, set_clock: SetClock, tasks: Tasks
) -> None:
    path = tmp_path / "bili.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(CannotOpen, match=r"bili\.db does not open as a SQLite database: file is not a database"):
        await Store.open(f"sqlite:///{path}", set_clock, tasks)
    path.unlink()
    store = await Store.open(f"sqlite:///{path}", set_clock, tasks)
    await store.close()


def test_F123_a_disk_that_cannot_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_file: object, _operation: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(CannotOpen, match=r"cannot lock files .*use a local disk"):
        sqlite.take_lock(tmp_path / "bili.db")


@pytest.mark.parametrize(("version", "warned"), [((3, 40, 1), True), ((3, 51, 2), True), ((3, 51, 3), False)])
def test_F122_the_version_with_the_log_fault_is_told(version: tuple[int, int, int], warned: bool) -> None:
    with capture_logs() as logs:
        sqlite.check_version(version)
    assert ([line["event"] for line in logs] == ["store.sqlite_version"]) is warned


def test_a_sqlite_that_lacks_what_we_use_is_refused() -> None:
    with pytest.raises(CannotOpen, match=r"SQLite 3\.34\.1 is too old; 3\.35\.0 or newer"):
        sqlite.check_version((3, 34, 1))


def test_F121_sqlite_commits_reach_the_disk(tmp_path: Path) -> None:
    with closing(sqlite.connect_writer(tmp_path / "bili.db")) as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        values = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert values == ["wal", 2, 1, 1, 5000]


def test_S45_what_is_blanked_is_gone_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bili.db"
    with closing(sqlite.connect_writer(path)) as connection:
        connection.execute("CREATE TABLE said (words TEXT)")
        connection.execute("INSERT INTO said VALUES ('canary-words')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert b"canary-words" in path.read_bytes()
        connection.execute("UPDATE said SET words = ''")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"canary-words" not in path.read_bytes()


@pytest.mark.postgres
def test_F131_locks_and_idle_transactions_end_by_themselves(postgresql_url: str) -> None:
    with closing(postgres.connect_writer(postgresql_url)) as connection:
        names = ("lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit", "application_name")
        values = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
    assert values == [("5s",), ("15s",), ("on",), ("bili",)]


@pytest.mark.postgres
def test_F129_a_server_that_does_not_wait_for_its_disk_is_made_to(postgresql_url: str) -> None:
    with closing(psycopg.connect(postgresql_url, autocommit=True)) as admin:
        admin.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        try:
            with closing(postgres.connect_writer(postgresql_url)) as connection:
                assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        finally:
            admin.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")


async def test_F124_a_full_disk_stores_nothing_and_says_so(sqlite_url: str, set_clock: SetClock, tasks: Tasks) -> None:
    store = await Store.open(sqlite_url, set_clock, tasks)
    await store.write(people("ann"))
    await _in_writer(store, "PRAGMA max_page_count = 1")
    long = Insert("house", {"name": "long", "value": "x" * 1_000_000})
    with pytest.raises(StoreUnavailable), capture_logs() as logs:
        await store.write(Change(inserts=(long,)))
    assert [line["event"] for line in logs] == ["store.batch_failed"]
    await _in_writer(store, "PRAGMA max_page_count = 1000000")
    assert await store.write(turn("ann", 0)) == Done()
    assert await column(store, "SELECT count(*) FROM house") == [0]
    await store.close()


async def _in_writer(store: Store, statement: str) -> None:
    await store._writing.call(lambda: store._database.rows(statement))


async def test_F131_a_read_whose_connection_is_lost_is_made_once_more(store: Store, database_url: str) -> None:
    await store.write(people("ann"))
    tries = []

    def look(sql: Sql) -> list[dict[str, Any]]:
        tries.append(sql)
        if len(tries) == 1:
            _lose(sql, database_url)
        return sql.rows("SELECT id FROM customer")

    assert await store.read(look) == [{"id": "ann"}]
    assert len(tries) == 2


def _lose(sql: Sql, url: str) -> None:
    if sql.dialect == "sqlite":
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHORT_READ
        raise error
    [row] = sql.rows("SELECT pg_backend_pid() AS pid")
    with closing(psycopg.connect(url, autocommit=True)) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (row["pid"],))


async def test_a_read_that_is_wrong_is_not_made_again(store: Store) -> None:
    tries = []

    def look(sql: Sql) -> list[dict[str, Any]]:
        tries.append(1)
        return sql.rows("SELECT id FROM nowhere")

    with pytest.raises(Exception, match="nowhere"):
        await store.read(look)
    assert tries == [1]


async def test_sessions_read_and_cannot_write(store: Store) -> None:
    await store.write(Change(inserts=(customer("ann"), customer("ben"))))
    with Session(store.engine()) as session:
        found = session.exec(select(Customer).order_by(Customer.id)).all()
        assert [one.id for one in found] == ["ann", "ben"]
    with Session(store.engine()) as session:
        session.add(Customer(id="eve", language="en", created_at=0))
        with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
            session.commit()
    assert store.engine() is store.engine()


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("40P01", Trouble.AGAIN), ("40001", Trouble.AGAIN), ("55P03", Trouble.AGAIN), ("57P01", Trouble.AGAIN),
        ("25P03", Trouble.AGAIN), ("08006", Trouble.AGAIN), ("53100", Trouble.DOWN), ("25006", Trouble.DOWN),
        ("58030", Trouble.DOWN), ("23503", Refused("foreign_key")), ("22003", Refused("")), ("42703", Refused("")),
    ],
)  # fmt: skip
def test_F127_the_servers_errors_are_judged(state: str, verdict: Trouble | Refused) -> None:
    error = psycopg.errors.lookup(state)("")
    assert postgres._judged(error) == verdict


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Trouble.AGAIN), (sqlite3.SQLITE_FULL, Trouble.DOWN),
        (sqlite3.SQLITE_IOERR_FSYNC, Trouble.DOWN), (sqlite3.SQLITE_READONLY_DIRECTORY, Trouble.DOWN),
        (sqlite3.SQLITE_CORRUPT, Trouble.DOWN), (sqlite3.SQLITE_ERROR, Refused("")),
    ],
)  # fmt: skip
def test_F124_sqlites_errors_are_judged(code: int, verdict: Trouble | Refused, set_clock: SetClock) -> None:
    error = sqlite3.OperationalError("")
    error.sqlite_errorcode = code
    url = "sqlite:///never-opened.db"
    assert sides(url, set_clock).writer().judge(error) == verdict


async def test_F130_a_read_after_an_acknowledgement_sees_it(store: Store) -> None:
    for n in range(20):
        await store.write(Change(inserts=(posting("e", n),)))
        assert await column(store, "SELECT count(*) FROM posting") == [n + 1]


@pytest.mark.postgres
async def test_plans_made_for_small_tables_are_right_for_large_ones(
    empty_postgresql_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    store = await Store.open(empty_postgresql_url, set_clock, tasks)
    await store.write(people("ann"))
    for version in range(10):
        assert await store.write(turn("ann", version)) == Done()
    for like in ("%FOR NO KEY UPDATE", "UPDATE conversation %"):
        plan = await store._writing.call(partial(_plan_of, store._database, like))
        assert "Index" in plan
        assert "Seq Scan" not in plan
    await store.close()


def _plan_of(sql: Sql, statement: str) -> str:
    """How the server runs a statement this connection has prepared."""
    prepared = sql.rows("SELECT name FROM pg_prepared_statements WHERE statement LIKE :like", like=statement)
    [name] = [row["name"] for row in prepared]
    return str(sql.rows(f"EXPLAIN EXECUTE {name}('[]')"))

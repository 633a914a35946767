"""The migrated schema is the one in `tables.py`, and it refuses what it must."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from bot.store import migrations
from bot.store.change import Change, Done
from bot.store.migrations.revise import revise
from bot.store.shape import shapes
from bot.store.store import Store
from tests.store.rows import column, event, payment, people, posting


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = migrations.migrating_engine(database_url)
    yield engine
    engine.dispose()


def test_the_migrated_schema_is_that_of_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_every_unique_key_has_its_declared_name(engine: Engine) -> None:
    for name, shape in shapes().items():
        declared = {str(one.name) for one in shape.table.constraints if type(one).__name__ == "UniqueConstraint"}
        assert {one["name"] for one in inspect(engine).get_unique_constraints(name)} == declared


def test_partial_indexes_are_partial(engine: Engine) -> None:
    for name, shape in shapes().items():
        partial = {
            str(index.name) for index in shape.table.indexes if index.dialect_options["sqlite"]["where"] is not None
        }
        found = inspect(engine).get_indexes(name)
        where = f"{engine.dialect.name}_where"
        assert {one["name"] for one in found if where in one.get("dialect_options", {})} == partial


@pytest.mark.parametrize("statement", ["UPDATE {} SET at = 0", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["posting", "payment_event"])
async def test_I12_I39_the_database_itself_refuses_to_change_history(
    store: Store, engine: Engine, table: str, statement: str
) -> None:
    history = (payment("p", "ann"), posting("e", 1), event("p", "k"))
    assert await store.write(people("ann") + Change(inserts=history)) == Done()
    with engine.connect() as connection, pytest.raises(DBAPIError, match=f"{table}_append_only"):
        connection.execute(text(statement.format(table)))
    assert await column(store, f"SELECT count(*) FROM {table}") == [1]  # noqa: S608  one of two names above


@pytest.mark.postgres
def test_I12_history_cannot_be_truncated(postgresql_url: str) -> None:
    with closing(psycopg.connect(postgresql_url)) as connection, pytest.raises(psycopg.Error, match="append_only"):
        connection.execute("TRUNCATE posting")


def test_the_last_file_is_the_head() -> None:
    assert ScriptDirectory(str(migrations.FOLDER)).get_current_head() == migrations.head()


def test_a_migrated_database_is_at_the_head(database_url: str) -> None:
    assert migrations.current(database_url) == migrations.head()


def test_a_database_without_a_schema_has_no_revision(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert migrations.current(url) is None
    assert not (tmp_path / "new.db").exists()
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        connection.execute("CREATE TABLE something (id)")
    assert migrations.current(url) is None


@pytest.mark.postgres
def test_an_empty_server_database_has_no_revision(empty_postgresql_url: str) -> None:
    assert migrations.current(empty_postgresql_url) is None


def test_alembic_is_not_imported_when_there_is_nothing_to_do(sqlite_url: str) -> None:
    program = (
        "import sys; from bot.store import migrations as m; m.upgrade(sys.argv[1]); print('alembic' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program, sqlite_url], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.postgres
def test_F133_two_processes_may_upgrade_at_once(empty_postgresql_url: str) -> None:
    program = "import sys; from bot.store import migrations as m; m.upgrade(sys.argv[1])"
    both = [subprocess.Popen([sys.executable, "-c", program, empty_postgresql_url]) for _ in range(2)]
    assert [one.wait() for one in both] == [0, 0]
    assert migrations.current(empty_postgresql_url) == migrations.head()


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    first = ScriptDirectory(str(migrations.FOLDER)).get_revision("head").module
    monkeypatch.setattr("alembic.op.execute", _no_triggers)
    with pytest.raises(RuntimeError, match="no triggers today"):
        migrations.upgrade(url)
    assert first.revision == migrations.head()
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []


def _no_triggers(_statement: str) -> None:
    raise RuntimeError("no triggers today")


def test_the_next_step_is_drafted_from_the_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.FOLDER, folder)
    monkeypatch.setattr(migrations, "FOLDER", folder)
    revise("nothing new")
    [written] = (folder / "versions").glob("*_nothing_new.py")
    assert written.name == f"{int(ScriptDirectory(str(folder)).get_current_head() or 0):04}_nothing_new.py"
    assert "    pass\n" in written.read_text()
    assert "op.create" not in written.read_text()

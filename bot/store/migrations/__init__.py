"""The schema, step by step. Alembic is only imported when there is a step to take."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent

_VERSION = "SELECT version_num FROM alembic_version"


def head() -> str:
    """The revision this code needs: the last file in `versions/`."""
    return max(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def upgrade(url: str) -> None:
    """Bring the database at `url` to `head`, in one transaction; several processes may try at once."""
    if current(url) == head():
        return
    from alembic import command

    with configured(url) as config:
        command.upgrade(config, "head")


@contextmanager
def configured(url: str) -> Iterator[Config]:
    """What Alembic's commands are given; there is no `alembic.ini`."""
    from alembic.config import Config

    config = Config(attributes={"engine": migrating_engine(url)})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    try:
        yield config
    finally:
        config.attributes["engine"].dispose()


def current(url: str) -> str | None:
    """The revision a database is at; None where there is no schema yet."""
    return _current_sqlite(url) if url.startswith("sqlite:") else _current_postgresql(url)


def migrating_engine(url: str) -> Engine:
    """An engine whose transactions hold schema changes too."""
    if not url.startswith("sqlite:"):
        return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    engine = create_engine(url)

    # Python's sqlite3 would begin a transaction only before changes of rows, not of the schema.
    @event.listens_for(engine, "connect")
    def _leave_transactions_to_us(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _current_sqlite(url: str) -> str | None:
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute(_VERSION).fetchone()
    except sqlite3.OperationalError:
        return None
    return str(found[0]) if found else None


def _current_postgresql(url: str) -> str | None:
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            found = connection.execute(_VERSION).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(found[0]) if found else None

"""The store as the service sees it: open it, write Changes, claim due work, read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Protocol, TypeVar

import psycopg
from sqlalchemy import Engine, create_engine

from bot.store import migrations, postgres, sqlite
from bot.store.batch import Database
from bot.store.change import CannotOpen, Change, Claim, CommitUnknown, Sql, Written
from bot.store.executor import Executor, Threads
from bot.store.writer import Writer
from integrations.contract.seams import Clock, Spawn

#: Connections that read, and the threads they live in. SQLite's reads are too short to gain from more than one.
READERS_SQLITE = 1
READERS_POSTGRESQL = 4

SQLITE_PREFIX = "sqlite:///"
POSTGRESQL_PREFIX = "postgresql://"

P = TypeVar("P")
T = TypeVar("T")


class Closable(Protocol):
    """What ends with the store."""

    def close(self) -> None: ...


class Reader(Sql, Closable, Protocol):
    """A connection that reads."""

    def lost(self, error: Exception) -> bool:
        """Whether an error means that the connection is gone and a new one may serve."""
        ...


class WritingSide(Database, Closable, Protocol):
    """The connection that writes."""


@dataclass(frozen=True)
class Sides:
    """The two ends of one database: how to write to it, how to read from it, how many may read at once."""

    writer: Callable[[], WritingSide]
    reader: Callable[[Callable[[], None]], Reader]
    readers: int
    engine: Callable[[], Engine]


def sqlite_path(url: str) -> Path | None:
    """The file behind a `sqlite:///` address; None for anything else, memory too, which would not outlive a crash."""
    name = url.removeprefix(SQLITE_PREFIX)
    return None if name in {url, "", ":memory:"} else Path(name)


def sides(url: str, clock: Clock) -> Sides:
    """How to reach the database at `url`. Raises CannotOpen for an address that is neither kind."""
    if path := sqlite_path(url):
        return Sides(
            writer=lambda: sqlite.SqliteDatabase(partial(sqlite.connect_writer, path), clock),
            reader=lambda pause: sqlite.SqliteSql(partial(sqlite.connect_reader, path), clock, pause),
            readers=READERS_SQLITE,
            engine=lambda: create_engine("sqlite://", creator=partial(sqlite.connect_reader, path)),
        )
    if url.startswith(POSTGRESQL_PREFIX):
        return Sides(
            writer=lambda: postgres.PostgresDatabase(partial(postgres.connect_writer, url)),
            reader=lambda pause: postgres.PostgresSql(partial(postgres.connect_reader, url), pause),
            readers=READERS_POSTGRESQL,
            engine=lambda: create_engine(
                url.replace(POSTGRESQL_PREFIX, "postgresql+psycopg://", 1),
                execution_options={"postgresql_readonly": True},
            ),
        )
    raise CannotOpen("BILI_DATABASE_URL is sqlite:///<path> or postgresql://<user>@<host>/<name>")


@dataclass
class Store:
    """One open database. Make it with `open`."""

    writer: Writer
    _sides: Sides
    _database: WritingSide
    _writing: Executor
    _reading: Executor
    _lock: IO[bytes] | None = None
    _engine: Engine | None = None
    _mine: threading.local = field(default_factory=threading.local)
    _readers: list[Reader] = field(default_factory=list)

    @classmethod
    async def open(
        cls,
        url: str,
        clock: Clock,
        spawn: Spawn,
        *,
        executor: Callable[[str, int], Executor] = Threads,
        alone: bool = True,
    ) -> Store:
        """Bring the schema up to date and start the writer.

        `alone` takes the file lock that keeps a second process off a SQLite file; only tests give it up.
        Raises CannotOpen with a sentence for the operator.
        """
        ends = sides(url, clock)
        path = sqlite_path(url)
        lock = _locked(path) if path and alone else None
        database, writing = ends.writer(), executor("store-writer", 1)
        try:
            await writing.call(partial(migrations.upgrade, url))
        except BaseException as error:
            if lock:
                lock.close()
            writing.stop()
            if isinstance(error, psycopg.OperationalError):
                raise CannotOpen(f"PostgreSQL does not let us in: {error}") from None
            if isinstance(error, sqlite3.DatabaseError):
                raise CannotOpen(f"{path} does not open as a SQLite database: {error}") from None
            raise
        store = cls(Writer(database, writing), ends, database, writing, executor("store-reader", ends.readers), lock)
        store.writer.start(spawn)
        return store

    async def write(self, change: Change) -> Written:
        """As `Writer.write`."""
        return await self.writer.write(change)

    async def claim(self, claim: Claim[P]) -> list[P] | CommitUnknown:
        """As `Writer.claim`."""
        return await self.writer.claim(claim)

    async def read(self, query: Callable[[Sql], T]) -> T:
        """Run a plain function over a connection that cannot write.

        Each statement sees what is committed when it begins; so read first the row whose version will be the guard,
        and what later statements find can only be newer. A lost connection makes the function run once more.
        """
        return await self._reading.call(partial(self._read, query))

    def engine(self) -> Engine:
        """A SQLAlchemy engine that cannot write, for sessions off the hot path. Its calls block."""
        if self._engine is None:
            self._engine = self._sides.engine()
        return self._engine

    async def close(self) -> None:
        """Commit what is queued, then let go of everything."""
        await self.writer.stop()
        # A read that nobody waits for any more may still run in its thread: its connection is not closed under it.
        self._reading.stop()
        for reader in self._readers:
            reader.close()
        if self._engine is not None:
            self._engine.dispose()
        await self._writing.call(self._database.close)
        self._writing.stop()
        if self._lock is not None:
            self._lock.close()

    def _read(self, query: Callable[[Sql], T]) -> T:
        reader = self._reader()
        try:
            return query(reader)
        except Exception as error:
            if not reader.lost(error):
                raise
            reader.close()
        return query(reader)

    def _reader(self) -> Reader:
        reader: Reader | None = getattr(self._mine, "reader", None)
        if reader is None:
            reader = self._mine.reader = self._sides.reader(self._reading.pause)
            self._readers.append(reader)
        return reader


def _locked(path: Path) -> IO[bytes]:
    sqlite.check_version()
    path.parent.mkdir(parents=True, exist_ok=True)
    return sqlite.take_lock(path)

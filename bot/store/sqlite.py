"""SQLite: one file, one writer, every commit on the disk before it is acknowledged."""

from __future__ import annotations

import fcntl
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import quote

import orjson
import structlog
from sqlalchemy import UniqueConstraint, bindparam, func, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql import ClauseElement

from bot.store.batch import Trouble
from bot.store.change import CannotOpen, Key, Refused, Row, Value
from bot.store.draft import Image
from bot.store.shape import Shape, shapes
from integrations.contract.seams import Clock

#: How long a statement waits for another process that is writing.
BUSY_SECONDS = 5.0

#: Statements kept compiled by each connection.
STATEMENTS_MAX = 512

#: Before this version two connections can, rarely, damage the file when one of them restarts the log (F-122).
SAFE_VERSION = (3, 51, 3)

#: The first with UPDATE … RETURNING.
OLDEST_VERSION = (3, 35, 0)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_REGISTER = "INSERT INTO writer_batch (number) VALUES (0) RETURNING writer"
_NUMBER = "UPDATE writer_batch SET number = ? WHERE writer = ?"
_NUMBERED = "SELECT number FROM writer_batch WHERE writer = ?"
_IN_IDS = re.compile(r"\bIN\s+\{ids\}")
_AGAIN = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DOWN = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
}  # fmt: skip
_PRIMARY_CODE = 0xFF  # an extended result code carries the primary one in its lowest byte

log = structlog.get_logger()


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection that may write. Commits reach the disk (F-121); erased text is overwritten (S-45)."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=STATEMENTS_MAX)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, for any one thread at a time."""
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_MAX,
    )


def take_lock(path: Path) -> IO[bytes]:
    """Make this process the only one on the file until the returned handle is closed or the process ends (F-123)."""
    handle = path.with_name(path.name + ".lock").open("ab")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise CannotOpen(f"another process is using {path}; SQLite serves one. Stop it, or use PostgreSQL.") from None
    except OSError as error:
        handle.close()
        raise CannotOpen(f"{path} is on a disk that cannot lock files ({error.strerror}); use a local disk.") from None
    return handle


def check_version(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Refuse an SQLite without RETURNING; warn of one with the write-ahead-log fault (F-122)."""
    if version < OLDEST_VERSION:
        raise CannotOpen(f"SQLite {_dotted(version)} is too old; {_dotted(OLDEST_VERSION)} or newer is needed.")
    if version < SAFE_VERSION:
        log.warning(
            "store.sqlite_version",
            version=_dotted(version),
            advice="This SQLite can, rarely, damage a database that two connections write to at once. Here only one "
            f"writes and only one checkpoints; {_dotted(SAFE_VERSION)} is free of the fault.",
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


class SqliteSql:
    """SQL for callers, on one connection that is opened when it is first needed."""

    dialect: Literal["sqlite"] = "sqlite"
    skip_locked = ""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], clock: Clock, pause: Callable[[], None] = lambda: None
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._pause = pause
        self._open: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = self._connect()
        return self._open

    def rows(self, statement: str, **params: Value) -> list[dict[str, Any]]:
        self._pause()
        cursor = self.connection.execute(statement, params)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def rows_in(self, statement: str, ids: Sequence[Key], **params: Value) -> list[dict[str, Any]]:
        return self.rows(_with_ids(statement), ids=orjson.dumps(list(ids)).decode(), **params)

    def now(self) -> int:
        return (self._clock.now() - _EPOCH) // _MILLISECOND

    def lost(self, error: Exception) -> bool:
        """Whether the file could not be read, so that opening it anew may help."""
        return isinstance(error, sqlite3.Error) and _code(error) in _DOWN

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class SqliteDatabase(SqliteSql):
    """The writer's side: what `batch` needs of a database."""

    _writer: int | None = None
    _number = 0

    def begin(self) -> None:
        if self._writer is None:
            [self._writer] = self.connection.execute(_REGISTER).fetchone()
        self.connection.execute("BEGIN IMMEDIATE")

    def lock(self, shape: Shape, columns: Sequence[str], keys: Sequence[Key]) -> dict[Key, Image]:
        """Reads; the transaction holds the only write lock there is."""
        rows = self.connection.execute(_read(shape, tuple(columns)), (orjson.dumps(keys).decode(),))
        return {key: dict(zip(columns, values, strict=True)) for key, *values in rows}

    def update(self, shape: Shape, columns: Sequence[str], rows: Mapping[Key, Row]) -> None:
        values = [(*(row[column] for column in columns), key) for key, row in rows.items()]
        self.connection.executemany(_update(shape, tuple(columns)), values)

    def insert(self, shape: Shape, rows: Sequence[Row], *, or_ignore: bool) -> None:
        values = [tuple(row[column] for column in shape.columns) for row in rows]
        self.connection.executemany(_insert(shape, or_ignore=or_ignore), values)

    def commit(self) -> None:
        self._number += 1
        self.connection.execute(_NUMBER, (self._number, self._writer))
        self.connection.execute("COMMIT")

    def rollback(self) -> None:
        try:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()

    def committed(self) -> bool | None:
        self.close()
        try:
            found = self.connection.execute(_NUMBERED, (self._writer,)).fetchone()
        except sqlite3.Error:
            self.close()
            return None
        return found == (self._number,) if found else None

    def judge(self, error: Exception) -> Trouble | Refused:
        if not isinstance(error, sqlite3.Error):
            return Refused("")
        code = _code(error)
        if code in _AGAIN:
            return Trouble.AGAIN
        return Trouble.DOWN if code in _DOWN else Refused(constraint_named(error))


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY_CODE


def constraint_named(error: sqlite3.Error) -> str:
    """The declared name behind what SQLite says: it names the columns of a unique key, not the key."""
    text = str(error)
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_CONSTRAINT_UNIQUE" | "SQLITE_CONSTRAINT_PRIMARYKEY":
            return _unique_name(text.partition(": ")[2])
        case "SQLITE_CONSTRAINT_FOREIGNKEY":
            return "foreign_key"
        case "SQLITE_CONSTRAINT_TRIGGER":
            return text
        case _:
            return ""


def _unique_name(columns: str) -> str:
    """From "input.channel, input.external_id" to the name of the unique key over them."""
    table = columns.partition(".")[0]
    names = [column.partition(".")[2] for column in columns.split(", ")]
    for constraint in shapes()[table].table.constraints:
        if isinstance(constraint, UniqueConstraint) and [column.name for column in constraint.columns] == names:
            return str(constraint.name)
    return f"{table}_pkey"


@cache
def _with_ids(statement: str) -> str:
    text, count = _IN_IDS.subn("IN (SELECT value FROM json_each(:ids))", statement)
    if count != 1:
        raise ValueError("a statement for rows_in has one `IN {ids}`")
    return text


def _text(clause: ClauseElement) -> str:
    return str(clause.compile(dialect=sqlite.dialect()))


@cache
def _read(shape: Shape, columns: tuple[str, ...]) -> str:
    rows = shape.table.c
    keys = func.json_each(bindparam("keys")).table_valued("value")
    return _text(select(rows[shape.key], *(rows[c] for c in columns)).where(rows[shape.key].in_(select(keys.c.value))))


@cache
def _update(shape: Shape, columns: tuple[str, ...]) -> str:
    rows = shape.table.c
    statement = update(shape.table).where(rows[shape.key] == bindparam("this_key"))
    return _text(statement.ordered_values(*((rows[column], bindparam(f"new_{column}")) for column in columns)))


@cache
def _insert(shape: Shape, *, or_ignore: bool) -> str:
    statement = insert(shape.table).values({column: bindparam(column) for column in shape.columns})
    return _text(statement.on_conflict_do_nothing() if or_ignore else statement)

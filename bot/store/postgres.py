"""PostgreSQL: any number of writers, whose row locks are the only machinery they share.

Rows go in as one JSON parameter a statement. Measured against an array for each column it costs this process 3 µs a
row instead of 24, and the server the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from threading import Event
from typing import Any, Literal, TypeAlias

import orjson
import psycopg
from psycopg import ClientCursor
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, dict_row
from sqlalchemy import BigInteger, ColumnClause, any_, bindparam, cast, column, func, make_url, select, update
from sqlalchemy import Sequence as Numbers
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.selectable import TableValuedAlias

from bot.store.batch import Trouble
from bot.store.change import Key, Refused, Row, Value
from bot.store.draft import Image
from bot.store.shape import Shape

Connection: TypeAlias = "psycopg.Connection[TupleRow]"

#: How long connecting may take, and how soon a silent peer is given up.
CONNECT_SECONDS = 5
SILENCE_MILLISECONDS = 10_000

#: After a commit whose answer was lost: how often the database is asked, and the wait between two times.
ASK_TRIES_MAX = 40
ASK_PAUSE_SECONDS = 0.25

# A writer finds rows by key, or the first few by index. Plans are kept, so one made while a table was small would read
# the whole of it when it has grown; these switches leave only the ways that are right at any size.
_WRITER_SETTINGS = """
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET lock_timeout = '5s';
    SET idle_in_transaction_session_timeout = '15s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
_READER_SETTINGS = """
    SET default_transaction_read_only = on;
    SET statement_timeout = '30s'
"""
_REGISTER = "INSERT INTO writer_batch (number) VALUES (0) RETURNING writer"
_BEGIN = "BEGIN; UPDATE writer_batch SET number = %s WHERE writer = %s"
_NUMBERED = "SELECT number FROM writer_batch WHERE writer = %s FOR UPDATE"
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"

_AGAIN = re.compile("40...|08...|57P0.|57014|55P03|25P0[34]")
_DOWN = re.compile("53...|58...|XX...|25006|42501")
_FOREIGN_KEY = "23503"

_DIALECT = make_url("postgresql+psycopg://").get_dialect()()
_TOKENS = re.compile(r"'[^']*'|::|:([a-z_][a-z0-9_]*)|%")
_IN_IDS = re.compile(r"\bIN\s+\{ids\}")


def connect_writer(url: str) -> Connection:
    """A connection that may write. Its locks and idle transactions end by themselves (F-131)."""
    return _connect(url, _WRITER_SETTINGS)


def connect_reader(url: str) -> Connection:
    """A connection that cannot write."""
    return _connect(url, _READER_SETTINGS)


def _connect(url: str, settings: str) -> Connection:
    connection = psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS, tcp_user_timeout=SILENCE_MILLISECONDS,
        fallback_application_name="bili",
    )  # fmt: skip
    with ClientCursor(connection) as cursor:
        cursor.execute(settings.encode())
    return connection


class PostgresSql:
    """SQL for callers, on one connection that is made when it is first needed."""

    dialect: Literal["postgresql"] = "postgresql"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def __init__(self, connect: Callable[[], Connection], pause: Callable[[], None] = lambda: None) -> None:
        self._connect = connect
        self._pause = pause
        self._open: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._open is None:
            self._open = self._connect()
        return self._open

    def rows(self, statement: str, **params: Value) -> list[dict[str, Any]]:
        self._pause()
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(_with_params(statement), params)
            return cursor.fetchall() if cursor.description else []

    def rows_in(self, statement: str, ids: Sequence[Key], **params: Value) -> list[dict[str, Any]]:
        if not ids:
            return []
        return self.rows(_with_ids(statement, numbers=isinstance(ids[0], int)), ids=_json(list(ids)), **params)

    def now(self) -> int:
        [(now,)] = self.connection.execute(_NOW)
        return int(now)

    def lost(self, error: Exception) -> bool:
        """Whether the connection is gone, so that a read may be tried on a new one."""
        return isinstance(error, psycopg.OperationalError) and (self._open is None or self._open.closed)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


class PostgresDatabase(PostgresSql):
    """The writer's side: what `batch` needs of a database."""

    _writer: int | None = None
    _number = 0
    _now: int | None = None

    def begin(self) -> None:
        if self._writer is None:
            [(self._writer,)] = self.connection.execute(_REGISTER)
        self._now = None
        self._number += 1
        with ClientCursor(self.connection) as cursor:
            cursor.execute(_BEGIN, (self._number, self._writer))

    def now(self) -> int:
        """One moment for the whole transaction; waiting for locks only shortens a lease."""
        if self._now is None:
            self._now = super().now()
        return self._now

    def lock(self, shape: Shape, columns: Sequence[str], keys: Sequence[Key]) -> dict[Key, Image]:
        found = self.connection.execute(_lock(shape, tuple(columns)), {"keys": _json(keys)})
        return {key: dict(zip(columns, values, strict=True)) for key, *values in found}

    def update(self, shape: Shape, columns: Sequence[str], rows: Mapping[Key, Row]) -> None:
        keyed = [{**row, "this_key": key} for key, row in rows.items()]
        self.connection.execute(_update(shape, tuple(columns)), {"rows": _json(keyed)})

    def insert(self, shape: Shape, rows: Sequence[Row], *, or_ignore: bool) -> None:
        numbered = [{**row, "nth": nth} for nth, row in enumerate(rows)]
        self.connection.execute(_insert(shape, or_ignore=or_ignore), {"rows": _json(numbered)})

    def commit(self) -> None:
        # The server answers ROLLBACK, and no error, when something went wrong before that nobody looked at.
        if (answer := self.connection.execute("COMMIT").statusmessage) != "COMMIT":
            raise psycopg.OperationalError(f"the server answered {answer} to COMMIT")

    def rollback(self) -> None:
        try:
            if self._open is not None and self._open.info.transaction_status is not TransactionStatus.IDLE:
                self._open.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def committed(self) -> bool | None:
        """Ask on a new connection, behind the lock that a transaction still running holds since its `begin`.

        `pg_xact_status` would not do: after a crash the server may give the id of a transaction that never reached the
        disk to another one, and then calls ours committed (seen on PostgreSQL 15).
        """
        self.close()
        for _ in range(ASK_TRIES_MAX):
            try:
                found = self.connection.execute(_NUMBERED, (self._writer,)).fetchone()
            except psycopg.OperationalError:
                self.close()
                Event().wait(ASK_PAUSE_SECONDS)
            else:
                return found == (self._number,) if found else None
        return None

    def judge(self, error: Exception) -> Trouble | Refused:
        return _judged(error)


def _judged(error: Exception) -> Trouble | Refused:
    if not isinstance(error, psycopg.Error):
        return Refused("")
    state = error.sqlstate or ""
    if _AGAIN.fullmatch(state) or (not state and isinstance(error, psycopg.OperationalError)):
        return Trouble.AGAIN
    if _DOWN.fullmatch(state):
        return Trouble.DOWN
    return Refused("foreign_key" if state == _FOREIGN_KEY else error.diag.constraint_name or "")


@cache
def _with_params(statement: str) -> bytes:
    """From `:name` to psycopg's `%(name)s`, leaving casts and quoted text alone."""
    if "SKIP LOCKED" in statement and "MATERIALIZED" not in statement:
        raise ValueError("a claim picks its rows in WITH … AS MATERIALIZED, see Claim.take")

    def one(token: re.Match[str]) -> str:
        return f"%({token[1]})s" if token[1] else token[0].replace("%", "%%")

    return _TOKENS.sub(one, statement).encode()


@cache
def _with_ids(statement: str, *, numbers: bool) -> str:
    """A comparison with an array finds rows by index whatever the planner believes of the list's length."""
    element = "::bigint" if numbers else ""
    text, count = _IN_IDS.subn(f"= ANY(ARRAY(SELECT json_array_elements_text(:ids::json){element}))", statement)
    if count != 1:
        raise ValueError("a statement for rows_in has one `IN {ids}`")
    return text


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _text(clause: ClauseElement) -> bytes:
    return str(clause.compile(dialect=_DIALECT)).encode()


@cache
def _lock(shape: Shape, columns: tuple[str, ...]) -> bytes:
    """Not FOR UPDATE: that would stand against every insert of a child of the row, in other writers too."""
    rows = shape.table.c
    keys = func.json_array_elements_text(bindparam("keys", type_=postgresql.JSON))
    wanted = func.array(select(cast(keys, shape.kind(shape.key))).scalar_subquery())
    found = select(rows[shape.key], *(rows[name] for name in columns)).where(rows[shape.key] == any_(wanted))
    return _text(found.order_by(rows[shape.key]).with_for_update(key_share=True))


@cache
def _update(shape: Shape, columns: tuple[str, ...]) -> bytes:
    given = _given(column("this_key", shape.kind(shape.key)), *(column(name, shape.kind(name)) for name in columns))
    values = {name: given.c[name] for name in columns}
    return _text(update(shape.table).values(values).where(shape.table.c[shape.key] == given.c.this_key))


@cache
def _insert(shape: Shape, *, or_ignore: bool) -> bytes:
    """Numbers are given in the order of the rows, keys are touched in their own."""
    given = _given(column("nth", BigInteger), *(column(name, shape.kind(name)) for name in shape.columns))
    names, rows = shape.columns, select(*(given.c[name] for name in shape.columns)).order_by(given.c.nth)
    if shape.numbered:
        names = (shape.key, *names)
        rows = rows.add_columns(Numbers(f"{shape.table.name}_{shape.key}_seq").next_value().label(shape.key))
    numbered = rows.subquery()
    ordered = select(*(numbered.c[name] for name in names)).order_by(*(numbered.c[name] for name in shape.ordered_by))
    statement = insert(shape.table).from_select(names, ordered)
    return _text(statement.on_conflict_do_nothing() if or_ignore else statement)


def _given(*columns: ColumnClause[Any]) -> TableValuedAlias:
    rows = func.json_to_recordset(bindparam("rows", type_=postgresql.JSON))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)

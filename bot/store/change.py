"""What callers say to the store and what they hear back. Values only; nothing here knows a database.

A `Change` is everything one decision writes. It is handed to the writer, which stores all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

Key: TypeAlias = "str | int"
Value: TypeAlias = "int | str | None"
Row: TypeAlias = Mapping[str, Value]

P_co = TypeVar("P_co", covariant=True)


@dataclass(frozen=True, slots=True)
class DueAgain:
    """The due time a finish writes, in milliseconds; a hint that came meanwhile wins over it.

    `seen` is what the claimer read. Where the column still holds that, it becomes `at`; where it holds anything
    else somebody asked for the row during the lease, and what they wrote stays.
    """

    at: int | None
    seen: int | None


Setting: TypeAlias = "Mapping[str, int | str | DueAgain | None]"


@dataclass(frozen=True, slots=True)
class Guard:
    """Row `key` must exist and hold `expect` at the moment of writing; then `set` is written to it.

    Whoever guards by a version puts the next one into `set`. Of two Changes in one batch the later sees what the
    earlier wrote.
    """

    table: str
    key: Key
    expect: Row
    set: Setting = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row. Columns left out take their declared default; a numbered table gives the id itself.

    With `or_ignore` a row that any unique key already knows is passed over in silence.
    """

    table: str
    row: Row
    or_ignore: bool = False


@dataclass(frozen=True, slots=True)
class Update:
    """A hint: written where row `key` exists and holds `only_if`; otherwise nothing happens and nobody hears of it."""

    table: str
    key: Key
    set: Setting
    only_if: Row = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What one decision writes: all of it, if every guard holds, or nothing.

    Guards and updates act on rows that were there before this Change; inserts come after them, parents before
    children. Numbered rows (outbox, postings) get rising ids in the order given.
    """

    guards: tuple[Guard, ...] = ()
    inserts: tuple[Insert, ...] = ()
    updates: tuple[Update, ...] = ()

    def __add__(self, other: Change) -> Change:
        return Change(self.guards + other.guards, self.inserts + other.inserts, self.updates + other.updates)


@dataclass(frozen=True, slots=True)
class Done:
    """Stored, durably."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A guard did not hold: somebody wrote that row first, or it is gone. Read again and think again."""

    table: str
    key: Key


@dataclass(frozen=True, slots=True)
class Refused:
    """A constraint said no. `constraint` is its declared name, which is an answer to think with (F-136).

    A missing parent row is "foreign_key", a repeated primary key "<table>_pkey", a touched append-only row
    "<table>_append_only". Without a name it is a bug; the log has the cause.
    """

    constraint: str


@dataclass(frozen=True, slots=True)
class CommitUnknown:
    """The database may or may not have stored it and cannot be asked (F-128). Never assume either."""


Written: TypeAlias = Done | Lost | Refused | CommitUnknown


class StoreUnavailable(Exception):
    """The database cannot be written now. Nothing of the Change is stored."""


class CannotOpen(Exception):
    """This database must not be opened; the message is a sentence for whoever starts the program."""


class Sql(Protocol):
    """A connection as callers see it: SQL text with `:name` parameters on both databases."""

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]: ...

    @property
    def skip_locked(self) -> str:
        """What ends the SELECT of a claim, so that rows another replica is taking are passed over."""
        ...

    def rows(self, statement: str, **params: Value) -> list[dict[str, Any]]:
        """Every row of one statement, as dicts by column name."""
        ...

    def rows_in(self, statement: str, ids: Sequence[Key], **params: Value) -> list[dict[str, Any]]:
        """As `rows`, for a statement with one `IN {ids}` in it. The ids are all numbers or all texts."""
        ...

    def now(self) -> int:
        """Milliseconds since 1970: by PostgreSQL's own clock there, by the Clock the store was given on SQLite."""
        ...


class Claim(Protocol[P_co]):
    """How due rows are taken. All three run in the writer's thread, inside its transaction."""

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        """Lease what is due: one statement that sets `lease_until` and `fence`, returning the rows.

            WITH taken AS MATERIALIZED (SELECT id FROM … WHERE … ORDER BY … LIMIT :slots {skip_locked})
            UPDATE … SET lease_until = …, fence = fence + 1 WHERE id IN (SELECT id FROM taken) RETURNING *

        With the SELECT inside IN, PostgreSQL may run it once for each row it looks at and then takes them all.
        """
        ...

    def plan(self, row: dict[str, Any]) -> tuple[P_co, Change]:
        """What to do with a taken row and what to write about it first.

        Pure, and it may run more than once: only the plan of the run that was committed is acted upon.
        """
        ...

    def push_back(self, row: dict[str, Any]) -> Change:
        """What is written instead when this row alone cannot be planned or stored: later, with its tries raised."""
        ...

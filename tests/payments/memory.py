"""The store's tables as dicts, with their unique keys: what a Change does, without a database.

The deciding is the store's own (`Draft`); only keeping the rows is done here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import UniqueConstraint

from bot.store.change import Change, Done, Key, Lost, Refused, Row, Value
from bot.store.draft import Draft
from bot.store.shape import Shape


class KeyTaken(Exception):
    """A unique key is held by another row; the message is its name."""


class Tables:
    """Rows by table and key."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Key, dict[str, Value]]] = defaultdict(dict)

    def __getitem__(self, table: str) -> list[dict[str, Value]]:
        """The rows of a table in the order they came."""
        return list(self._tables[table].values())

    def row(self, table: str, key: Key) -> dict[str, Value]:
        """One row."""
        return self._tables[table][key]

    def write(self, change: Change) -> Done | Lost | Refused:
        """All of a Change, or nothing."""
        before = {name: {key: dict(row) for key, row in rows.items()} for name, rows in self._tables.items()}
        draft = Draft()
        draft.load(self, [change])
        decided = draft.decide(change)
        if isinstance(decided, Lost):
            return decided
        try:
            draft.write(self)
        except KeyTaken as taken:
            self._tables = defaultdict(dict, before)
            return Refused(str(taken))
        return decided

    # --- what a Draft reads from and is written to

    def lock(self, shape: Shape, columns: Sequence[str], keys: Sequence[Key]) -> dict[Key, dict[str, Value]]:
        rows = self._tables[shape.table.name]
        return {key: {column: rows[key][column] for column in columns} for key in keys if key in rows}

    def update(self, shape: Shape, _columns: Sequence[str], rows: Mapping[Key, Row]) -> None:
        table = self._tables[shape.table.name]
        for key, row in rows.items():
            table[key].update(row)
        for key in rows:
            self._refuse_taken(shape, key, table[key])

    def insert(self, shape: Shape, rows: Sequence[Row], *, or_ignore: bool) -> None:
        table = self._tables[shape.table.name]
        for row in rows:
            key: Key = len(table) + 1 if shape.numbered else str(row[shape.key])
            try:
                self._refuse_taken(shape, key, row, fresh=True)
            except KeyTaken:
                if or_ignore:
                    continue
                raise
            table[key] = {shape.key: key, **row}

    def _refuse_taken(self, shape: Shape, key: Key, row: Row, *, fresh: bool = False) -> None:
        if fresh and key in self._tables[shape.table.name]:
            raise KeyTaken(f"{shape.table.name}_pkey")
        for constraint in shape.table.constraints:
            if not isinstance(constraint, UniqueConstraint):
                continue
            names = [column.name for column in constraint.columns]
            wanted = [row[name] for name in names]
            others = (other for held, other in self._tables[shape.table.name].items() if held != key)
            if None not in wanted and any([other[name] for name in names] == wanted for other in others):
                raise KeyTaken(str(constraint.name))

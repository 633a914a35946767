"""What the writer needs to know of each table, read once from `tables.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import PydanticUndefined
from sqlalchemy import BigInteger, Integer, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

from bot.store import tables
from bot.store.change import Row


@dataclass(frozen=True, eq=False)
class Shape:
    """One table. `place` is its turn when rows are locked and written: parents before children.

    `columns` are those an insert names, every one each time, so that one statement serves all rows of a table and
    `defaults` fills what a caller leaves out. `ordered_by` is the unique key inserts are sorted by, empty where the
    order callers gave is kept; `indexed_once` are columns that an index alone keeps unique, which nulls pass by.
    """

    table: Table
    place: int
    key: str
    numbered: bool
    columns: tuple[str, ...]
    names: frozenset[str]
    defaults: Row
    ordered_by: tuple[str, ...]
    indexed_once: tuple[str, ...]

    def full(self, row: Row) -> dict[str, int | str | None]:
        """The row with its defaults. Raises ValueError for a column the table has not, or must be given."""
        full = {**self.defaults, **row}
        if full.keys() != self.names:
            wrong = full.keys() ^ self.names
            raise ValueError(f"a row of {self.table.name} has wrong or missing columns: {', '.join(sorted(wrong))}")
        return full

    def kind(self, column: str) -> TypeEngine[int] | TypeEngine[str]:
        """Whole numbers or text: there is nothing else in the tables."""
        return BigInteger() if isinstance(self.table.c[column].type, Integer) else Text()


@cache
def shapes() -> Mapping[str, Shape]:
    """Every table by name, in locking order."""
    models = {str(model.__tablename__): model for model in _models()}
    order = [table for table in SQLModel.metadata.sorted_tables if table.name in models]
    return {table.name: _shape(models[table.name], table, place) for place, table in enumerate(order)}


def _models() -> list[type[SQLModel]]:
    return [m for m in vars(tables).values() if isinstance(m, type) and issubclass(m, SQLModel) and m is not SQLModel]


def _shape(model: type[SQLModel], table: Table, place: int) -> Shape:
    [key] = table.primary_key.columns
    numbered = key is table.autoincrement_column
    columns = tuple(column.name for column in table.c if not (numbered and column is key))
    return Shape(
        table=table,
        place=place,
        key=key.name,
        numbered=numbered,
        columns=columns,
        names=frozenset(columns),
        defaults={name: default for name in columns if (default := _default(model, name)) is not PydanticUndefined},
        ordered_by=_ordered_by(model, key.name, numbered=numbered),
        indexed_once=tuple(str(column.name) for index in table.indexes if index.unique for column in index.columns),
    )


def _default(model: type[SQLModel], column: str) -> Any:
    return model.model_fields[column].default


def _ordered_by(model: type[SQLModel], key: str, *, numbered: bool) -> tuple[str, ...]:
    args = getattr(model, "__table_args__", ())
    uniques = [arg for arg in args if isinstance(arg, UniqueConstraint)]
    first = tuple(column.name for column in uniques[0].columns) if uniques else ()
    return first if numbered else (*first, key)

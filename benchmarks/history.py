"""A long past for a database: every row of a few payments again and again, as other people's."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Text

from bot.store.shape import Shape, shapes

#: Columns that name something, so that a copy needs a name of its own.
_NAMES = re.compile(r"(^|_)(id|hash|key|code|reference|proof|address|theirs|entry|payer|folded)$")
#: Facts about the database itself.
_NOT_COPIED = {"house", "writer_batch"}


def grow(database: Path, doublings: int) -> int:
    """Double a database that nobody has open so many times; the number of payments in it then."""
    with closing(sqlite3.connect(database)) as connection:
        for number in range(doublings):
            for shape in shapes().values():
                if shape.table.name not in _NOT_COPIED:
                    connection.execute(_doubled(shape, f"~{number}"))
        # The far sides of a new crowd begin their receipt numbers anew.
        connection.execute("UPDATE attempt SET proof_key = proof_key || '~'")
        connection.commit()
        [(payments,)] = connection.execute("SELECT count(*) FROM payment")
    return int(payments)


def _doubled(shape: Shape, suffix: str) -> str:
    # A name that is null stays null, and what points at a copied row points at its copy.
    copies = [f"{name} || '{suffix}'" if _is_name(shape, name) else name for name in shape.columns]
    table, columns = shape.table.name, ", ".join(shape.columns)
    return f"INSERT INTO {table} ({columns}) SELECT {', '.join(copies)} FROM {table}"  # noqa: S608  names of ours


def _is_name(shape: Shape, column: str) -> bool:
    return isinstance(shape.kind(column), Text) and bool(_NAMES.search(column))

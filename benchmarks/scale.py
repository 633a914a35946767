"""How much is done for a figure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`repeats` of everything, with so many people, or writes by AT_ONCE writers, each time."""

    repeats: int = 3
    people: int = 200
    writes: int = 1_920
    orm_writes: int = 192
    #: How often the database is doubled for a long past.
    history: int = 4


QUICK = Scale(repeats=1, people=64, writes=640, orm_writes=64, history=4)

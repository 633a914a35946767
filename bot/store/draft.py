"""Deciding in memory what a batch writes: rows are locked and read once, Changes are tried on them in turn. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from bot.store.change import Change, Done, DueAgain, Guard, Insert, Key, Lost, Row, Setting, Update, Value
from bot.store.shape import Shape, shapes

Image: TypeAlias = "dict[str, Value]"
Images: TypeAlias = "dict[str, dict[Key, Image]]"


class Rows(Protocol):
    """The part of a database a draft reads from and is written to."""

    def lock(self, shape: Shape, columns: Sequence[str], keys: Sequence[Key]) -> dict[Key, Image]:
        """Lock the rows that exist, in the order of their keys, and read these columns as they are now."""
        ...

    def update(self, shape: Shape, columns: Sequence[str], rows: Mapping[Key, Row]) -> None: ...

    def insert(self, shape: Shape, rows: Sequence[Row], *, or_ignore: bool) -> None: ...


@dataclass
class Draft:
    """What the Changes of one transaction come to. Load before deciding, write at the end."""

    images: Images = field(default_factory=dict)
    updated: Images = field(default_factory=lambda: defaultdict(dict))
    inserted: dict[tuple[str, bool], list[Row]] = field(default_factory=lambda: defaultdict(list))

    @property
    def tables(self) -> set[str]:
        """Every table that will have been written."""
        return {*self.updated, *(table for table, _ in self.inserted)}

    def load(self, rows: Rows, changes: Iterable[Change]) -> None:
        """Lock and read every row the Changes name, in (table, key) order, so that two writers never cross (F-127)."""
        keys, columns = _named(changes)
        for table in _in_order(keys):
            shape = shapes()[table]
            self.images[table] = rows.lock(shape, sorted(columns[table]), sorted(keys[table]))

    def decide(self, change: Change) -> Done | Lost:
        """Whether every guard holds on what earlier Changes left; if so, this Change is part of the draft."""
        after: dict[tuple[str, Key], Image] = {}
        for guard in change.guards:
            image = self._seen(guard, after)
            if image is None or not _holds(guard.expect, image):
                return Lost(guard.table, guard.key)
            _apply(guard.set, image, after.setdefault((guard.table, guard.key), {}))
        for update in change.updates:
            image = self._seen(update, after)
            if image is not None and _holds(update.only_if, image):
                _apply(update.set, image, after.setdefault((update.table, update.key), {}))
        for (table, key), wrote in after.items():
            if wrote:
                self.images[table][key].update(wrote)
                self.updated[table].setdefault(key, {}).update(wrote)
        for insert in change.inserts:
            self._insert(insert)
        return Done()

    def write(self, rows: Rows) -> None:
        """Store the draft: what existed first, so that a key one row gives up another can take, then what is new."""
        for table in _in_order(self.updated):
            for columns, group in _by_columns(self.updated[table]).items():
                rows.update(shapes()[table], columns, group)
        for table, or_ignore in sorted(self.inserted, key=lambda one: (shapes()[one[0]].place, one[1])):
            rows.insert(shapes()[table], self.inserted[table, or_ignore], or_ignore=or_ignore)

    def _seen(self, one: Guard | Update, after: Mapping[tuple[str, Key], Image]) -> Image | None:
        image = self.images[one.table].get(one.key)
        wrote = after.get((one.table, one.key))
        return {**image, **wrote} if image is not None and wrote else image

    def _insert(self, insert: Insert) -> None:
        shape = shapes()[insert.table]
        # Where nothing but the number is unique nothing can be ignored, and one statement keeps the order of all rows.
        unique = bool(shape.ordered_by) or any(insert.row.get(column) is not None for column in shape.indexed_once)
        or_ignore = insert.or_ignore and unique
        self.inserted[insert.table, or_ignore].append(shape.full(insert.row))


def _named(changes: Iterable[Change]) -> tuple[dict[str, set[Key]], dict[str, set[str]]]:
    keys: dict[str, set[Key]] = defaultdict(set)
    columns: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        for guard in change.guards:
            keys[guard.table].add(guard.key)
            columns[guard.table].update(guard.expect, _looked_at(guard.set))
        for update in change.updates:
            keys[update.table].add(update.key)
            columns[update.table].update(update.only_if, _looked_at(update.set))
    return keys, columns


def _looked_at(setting: Setting) -> list[str]:
    return [column for column, value in setting.items() if isinstance(value, DueAgain)]


def _in_order(tables: Iterable[str]) -> list[str]:
    return sorted(tables, key=lambda table: shapes()[table].place)


def _holds(expected: Row, image: Row) -> bool:
    return all(image[column] == value for column, value in expected.items())


def _apply(setting: Setting, image: Row, wrote: Image) -> None:
    for column, value in setting.items():
        if not isinstance(value, DueAgain):
            wrote[column] = value
        elif image[column] == value.seen:
            wrote[column] = value.at


def _by_columns(rows: Mapping[Key, Image]) -> dict[tuple[str, ...], dict[Key, Row]]:
    groups: dict[tuple[str, ...], dict[Key, Row]] = defaultdict(dict)
    for key in sorted(rows):
        groups[tuple(sorted(rows[key]))][key] = rows[key]
    return groups

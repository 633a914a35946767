"""Deciding a batch in memory comes to what writing its Changes one after the other would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.store.change import Change, Done, DueAgain, Guard, Key, Lost, Row, Update, Value
from bot.store.draft import Draft, Image
from bot.store.shape import Shape

Table = dict[Key, Image]

COLUMNS = ("version", "epoch", "reachable")
SMALL = st.integers(0, 3)
SETTINGS = st.dictionaries(st.sampled_from(COLUMNS), st.one_of(SMALL, st.builds(DueAgain, SMALL, SMALL)), max_size=2)
EXPECTED = st.dictionaries(st.sampled_from(COLUMNS), SMALL, max_size=2)
KEYS = st.sampled_from(("a", "b", "missing"))
GUARDS = st.builds(Guard, st.just("conversation"), KEYS, EXPECTED, SETTINGS)
UPDATES = st.builds(Update, st.just("conversation"), KEYS, SETTINGS, EXPECTED)
CHANGES = st.builds(
    Change, guards=st.lists(GUARDS, max_size=2).map(tuple), updates=st.lists(UPDATES, max_size=2).map(tuple)
)


class Memory:
    """One table, and what was done to it."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.locked: list[Key] = []

    def lock(self, _shape: Shape, columns: Sequence[str], keys: Sequence[Key]) -> dict[Key, Image]:
        self.locked += keys
        return {key: {name: self.table[key][name] for name in columns} for key in keys if key in self.table}

    def update(self, _shape: Shape, columns: Sequence[str], rows: Mapping[Key, Row]) -> None:
        for key, row in rows.items():
            assert tuple(row.keys() & set(columns)) != ()
            self.table[key].update({name: row[name] for name in columns})

    def insert(self, _shape: Shape, _rows: Sequence[Row], *, or_ignore: bool) -> None:
        raise AssertionError(f"nothing is inserted here, {or_ignore=}")


def fresh() -> Table:
    return {key: dict.fromkeys(COLUMNS, 0) for key in ("a", "b")}


def one_after_the_other(table: Table, change: Change) -> Done | Lost:
    """The meaning of a Change, in the plainest words."""
    after = {key: dict(row) for key, row in table.items()}
    for guard in change.guards:
        row = after.get(guard.key)
        if row is None or any(row[name] != value for name, value in guard.expect.items()):
            return Lost(guard.table, guard.key)
        row.update({name: plain(value, row[name]) for name, value in guard.set.items()})
    for update in change.updates:
        row = after.get(update.key)
        if row is not None and all(row[name] == value for name, value in update.only_if.items()):
            row.update({name: plain(value, row[name]) for name, value in update.set.items()})
    table.update(after)
    return Done()


def plain(value: Value | DueAgain, present: Value) -> Value:
    if not isinstance(value, DueAgain):
        return value
    return value.at if present == value.seen else present


@given(st.lists(CHANGES, max_size=6))
def test_a_batch_is_its_changes_one_after_the_other(changes: list[Change]) -> None:
    memory, expected = Memory(fresh()), fresh()
    draft = Draft()
    draft.load(memory, changes)
    answers = [draft.decide(change) for change in changes]
    draft.write(memory)
    assert answers == [one_after_the_other(expected, change) for change in changes]
    assert memory.table == expected


@given(st.lists(CHANGES, max_size=6))
def test_hole_7_rows_are_locked_once_and_in_the_order_of_their_keys(changes: list[Change]) -> None:
    memory = Memory(fresh())
    Draft().load(memory, changes)
    assert memory.locked == sorted(set(memory.locked), key=str)


def test_tables_are_locked_parents_first() -> None:
    seen: list[str] = []

    class Noting(Memory):
        def lock(self, shape: Shape, columns: Sequence[str], keys: Sequence[Key]) -> dict[Key, Image]:
            seen.append(shape.table.name)
            return super().lock(shape, columns, keys)

    tables = ("attempt", "conversation", "payment", "customer", "outbox")
    Draft().load(Noting({}), [Change(updates=tuple(Update(table, "x", {}) for table in tables))])
    assert seen == sorted(seen, key=["customer", "conversation", "outbox", "payment", "attempt"].index)


def test_two_changes_joined_are_one() -> None:
    left, right = Change((Guard("payment", "a", {}),)), Change(updates=(Update("payment", "b", {"tries": 1}),))
    assert left + right == Change(left.guards, (), right.updates)


def test_a_draft_knows_the_tables_it_will_write() -> None:
    draft = Draft()
    changes = [
        Change((Guard("conversation", "a", {"version": 0}, {"version": 1}),)),
        Change((Guard("customer", "missing", {}, {"version": 1}),)),
        Change(updates=(Update("conversation", "b", {"epoch": 1}, only_if={"epoch": 5}),)),
    ]
    draft.load(Memory(fresh()), changes[:1] + changes[2:])
    draft.images["customer"] = {}
    assert [type(draft.decide(change)) for change in changes] == [Done, Lost, Done]
    assert draft.tables == {"conversation"}

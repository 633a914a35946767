"""Guards: who wins, who loses, and what a loser leaves behind."""

from __future__ import annotations

import asyncio

import pytest

from bot.store.change import Change, Done, Guard, Lost, Update
from bot.store.store import Store
from tests.store.rows import column, every, hint, message_out, payment, people, together, turn


@pytest.fixture
async def held(store: Store) -> Store:
    """A store with two people in it, one with a payment."""
    assert await store.write(people("ann", "ben") + Change(inserts=(payment("p1", "ann"),))) == Done()
    return store


async def test_a_guard_that_holds_writes_its_columns(held: Store) -> None:
    assert await held.write(turn("ann", 0, owner="waiting")) == Done()
    rows = await every(held, "SELECT id, version, owner FROM conversation ORDER BY id")
    assert rows == [{"id": "ann", "version": 1, "owner": "waiting"}, {"id": "ben", "version": 0, "owner": "bot"}]


async def test_a_guard_that_does_not_hold_loses_and_writes_nothing(held: Store) -> None:
    change = turn("ann", 7) + Change(inserts=(message_out("ann", "never"),)) + hint("p1", 1)
    assert await held.write(change) == Lost("conversation", "ann")
    assert await column(held, "SELECT count(*) FROM outbox") == [0]
    assert await column(held, "SELECT due_at FROM payment WHERE due_at = 1") == []


async def test_a_guard_on_a_missing_row_loses(held: Store) -> None:
    assert await held.write(turn("nobody", 0)) == Lost("conversation", "nobody")


async def test_a_guard_may_expect_nothing_but_that_the_row_is_there(held: Store) -> None:
    assert await held.write(Change((Guard("conversation", "ann", {}, {"reachable": 0}),))) == Done()
    assert await held.write(Change((Guard("conversation", "nobody", {}, {"reachable": 0}),))) != Done()


async def test_a_guard_may_expect_null(held: Store) -> None:
    guard = Guard("payment", "p1", {"live_payer": None}, {"live_payer": "payer"})
    assert await held.write(Change((guard,))) == Done()
    assert await held.write(Change((guard,))) == Lost("payment", "p1")


async def test_one_lost_guard_of_several_loses_all(held: Store) -> None:
    assert await held.write(turn("ann", 0) + turn("ben", 1)) == Lost("conversation", "ben")
    assert await column(held, "SELECT sum(version) FROM conversation") == [0]


async def test_of_two_changes_in_one_batch_the_first_wins(held: Store) -> None:
    first, second = turn("ann", 0, owner="first"), turn("ann", 0, owner="second")
    assert await together(held, first, second) == [Done(), Lost("conversation", "ann")]
    assert await column(held, "SELECT owner FROM conversation WHERE id = 'ann'") == ["first"]


async def test_the_second_of_a_batch_sees_what_the_first_wrote(held: Store) -> None:
    answers = await together(held, turn("ann", 0), turn("ann", 1, owner="second"))
    assert answers == [Done(), Done()]
    assert await every(held, "SELECT version, owner FROM conversation WHERE id = 'ann'") == [
        {"version": 2, "owner": "second"}
    ]


async def test_a_loser_leaves_no_trace_for_those_behind_it(held: Store) -> None:
    loser = turn("ann", 0, owner="loser") + turn("ben", 9)
    answers = await together(held, loser, turn("ann", 0, owner="winner"))
    assert answers == [Lost("conversation", "ben"), Done()]
    assert await column(held, "SELECT owner FROM conversation WHERE id = 'ann'") == ["winner"]


async def test_two_guards_of_one_change_on_one_row_follow_each_other(held: Store) -> None:
    assert await held.write(turn("ann", 0) + turn("ann", 1)) == Done()
    assert await column(held, "SELECT version FROM conversation WHERE id = 'ann'") == [2]


async def test_a_hint_on_a_missing_row_is_nothing(held: Store) -> None:
    assert await held.write(hint("gone", 5)) == Done()


async def test_a_hint_is_written_only_if_its_condition_holds(held: Store) -> None:
    for state, due_at in (("vended", 1), ("confirmed", 2)):
        update = Update("payment", "p1", {"due_at": due_at}, only_if={"state": state})
        assert await held.write(Change(updates=(update,))) == Done()
    assert await column(held, "SELECT due_at FROM payment") == [2]


async def test_the_last_of_two_hints_in_one_batch_stays(held: Store) -> None:
    assert await together(held, hint("p1", 1), hint("p1", 2)) == [Done(), Done()]
    assert await column(held, "SELECT due_at FROM payment") == [2]


async def test_an_empty_change_is_done(held: Store) -> None:
    assert await held.write(Change()) == Done()


async def test_reads_see_only_what_is_committed(held: Store) -> None:
    seen: list[object] = []

    async def look() -> None:
        seen.extend(await column(held, "SELECT version FROM conversation WHERE id = 'ann'"))

    await asyncio.gather(held.write(turn("ann", 0)), look())
    await look()
    assert seen[-1] == 1
    assert set(seen) <= {0, 1}

"""What the constraints say no to: by name, and alone."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bot.store.change import Change, Done, Guard, Insert, Refused, Update, Written
from bot.store.store import Store
from tests.store.rows import (
    column,
    conversation,
    event,
    message_in,
    message_out,
    payment,
    people,
    posting,
    together,
    turn,
)


@pytest.fixture
async def held(store: Store) -> Store:
    """A store with two people and two payments of them."""
    change = people("ann", "ben") + Change(inserts=(payment("p1", "ann"), payment("p2", "ben")))
    assert await store.write(change) == Done()
    return store


def live(name: str, payer: str | None) -> Change:
    """Say that a prompt is on a phone."""
    return Change((Guard("payment", name, {}, {"live_payer": payer}),))


def new(*inserts: Insert) -> Change:
    return Change(inserts=inserts)


async def test_F136_a_unique_key_answers_with_its_name(held: Store) -> None:
    assert await held.write(live("p1", "payer")) == Done()
    assert await held.write(live("p2", "payer")) == Refused("one_live_prompt_per_payer")


async def test_F136_a_unique_key_over_several_columns_answers_with_its_name(held: Store) -> None:
    assert await held.write(new(message_in("ann", "7"))) == Done()
    assert await held.write(new(message_in("ann", "7"))) == Refused("one_input_per_external_id")


async def test_a_repeated_primary_key_answers_with_its_name(held: Store) -> None:
    assert await held.write(new(payment("p1", "ann", code="OTHER"))) == Refused("payment_pkey")


async def test_a_missing_parent_is_refused(held: Store) -> None:
    assert await held.write(new(message_out("nobody", "hello"))) == Refused("foreign_key")


@pytest.mark.parametrize("table", ["posting", "payment_event"])
async def test_I12_I39_append_only_rows_are_never_changed(held: Store, table: str) -> None:
    await held.write(new(posting("e1", 5), event("p1", "k1")))
    [row] = await column(held, f"SELECT id FROM {table}")  # noqa: S608  one of two names above
    change = Change(updates=(Update(table, row, {"at": 1}),))
    assert await held.write(change) == Refused(f"{table}_append_only")
    assert await column(held, f"SELECT count(*) FROM {table} WHERE at = 1") == [0]  # noqa: S608  as above


async def test_what_or_ignore_knows_already_is_passed_over(held: Store) -> None:
    first, again = message_in("ann", "7", or_ignore=True), message_in("ben", "7", or_ignore=True)
    assert await together(held, new(first), new(again, message_out("ben", "x"))) == [Done(), Done()]
    assert await column(held, "SELECT conversation_id FROM input") == ["ann"]
    assert await column(held, "SELECT count(*) FROM outbox") == [1]


async def test_poison_in_a_batch_fails_alone(held: Store) -> None:
    good = [new(message_in("ann", f"m{n}")) for n in range(40)]
    poison: dict[int, tuple[Change, Written]] = {
        3: (live("p1", "payer") + live("p2", "payer"), Refused("one_live_prompt_per_payer")),
        17: (new(message_in("ann", "m1")), Refused("one_input_per_external_id")),
        18: (new(conversation("stranger")), Refused("foreign_key")),
        39: (new(message_in("ben", "x"), message_in("ben", "x")), Refused("one_input_per_external_id")),
    }
    changes = [poison[n][0] if n in poison else good[n] for n in range(40)]
    expected = [poison[n][1] if n in poison else Done() for n in range(40)]
    assert await together(held, *changes) == expected
    assert await column(held, "SELECT count(*) FROM input") == [36]
    assert await column(held, "SELECT count(*) FROM payment WHERE live_payer IS NOT NULL") == [0]


async def test_what_poison_guards_is_not_lost_for_those_behind_it(held: Store) -> None:
    poison = turn("ann", 0, owner="poison") + new(message_in("ann", "a"), message_in("ann", "a"))
    answers = await together(held, poison, turn("ann", 0, owner="next"))
    assert answers == [Refused("one_input_per_external_id"), Done()]
    assert await column(held, "SELECT owner FROM conversation WHERE id = 'ann'") == ["next"]


async def test_one_row_may_take_the_key_another_gives_up_in_the_same_change(held: Store) -> None:
    await held.write(live("p1", "payer"))
    assert await held.write(live("p1", None) + new(payment("p3", "ann", live_payer="payer"))) == Done()
    assert await column(held, "SELECT id FROM payment WHERE live_payer = 'payer'") == ["p3"]


BUGS = (
    new(Insert("house", {"name": "a", "value": "b", "colour": "red"})),
    new(Insert("house", {"name": "a"})),
    new(Insert("house", {"name": "a", "value": None})),
    new(Insert("no_such_table", {})),
    new(Insert("house", {"name": "a", "value": "\ud800"})),
    new(posting("too large", 2**70)),
    Change((Guard("payment", "p1", {"no_such_column": 1}, {}),)),
    Change(updates=(Update("payment", "p1", {"no_such_column": 1}),)),
)


@pytest.mark.parametrize("bug", BUGS, ids=range(len(BUGS)))
async def test_a_change_that_is_a_bug_is_refused_without_a_name_and_alone(held: Store, bug: Change) -> None:
    with capture_logs() as logs:
        answers = await together(held, turn("ann", 0), bug, turn("ben", 0))
    assert answers == [Done(), Refused(""), Done()]
    assert [line["event"] for line in logs] == ["store.change_refused"]


async def test_the_log_of_a_refusal_holds_nothing_a_customer_wrote(held: Store) -> None:
    with capture_logs() as logs:
        await held.write(new(Insert("house", {"name": "canary-1", "value": None})))
        await held.write(new(Insert("input", {"body_sealed": "canary-2"})))
    assert logs
    assert "canary" not in str(logs)


async def test_left_out_columns_take_their_declared_default(held: Store) -> None:
    await held.write(new(message_out("ann", "hello")))
    assert await column(held, "SELECT done + fence + tries + lease_until FROM outbox WHERE outcome = ''") == [0]


async def test_a_full_batch_of_poison_ends(held: Store) -> None:
    changes = [new(message_out("nobody", str(n))) for n in range(128)]
    assert await together(held, *changes) == [Refused("foreign_key")] * 128
    assert await held.write(turn("ann", 0)) == Done()

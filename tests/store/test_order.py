"""Numbers rise in the order callers gave, which is the order messages leave in."""

from __future__ import annotations

from bot.store.change import Change, Done
from bot.store.store import Store
from tests.store.rows import column, event, message_in, message_out, payment, people, posting, together


async def test_messages_are_numbered_in_the_order_they_were_given(store: Store) -> None:
    await store.write(people("zoe", "ann", "mia"))
    order = [("zoe", "3"), ("ann", "1"), ("zoe", "2"), ("mia", "9"), ("ann", "0")]
    changes = [Change(inserts=(message_out(who, f"{n} a"), message_out(who, f"{n} b"))) for who, n in order]
    assert await together(store, *changes) == [Done()] * 5
    expected = [f"{n} {which}" for _, n in order for which in "ab"]
    assert await column(store, "SELECT body_sealed FROM outbox ORDER BY id") == expected


async def test_messages_with_different_columns_keep_their_order(store: Store) -> None:
    await store.write(people("ann"))
    inserts = [message_out("ann", str(n)) for n in range(6)]
    mixed = [
        type(one)(one.table, {**one.row, "thread": "t"} if n % 2 else one.row, or_ignore=n % 3 == 0)
        for n, one in enumerate(inserts)
    ]
    await store.write(Change(inserts=tuple(mixed)))
    assert await column(store, "SELECT body_sealed FROM outbox ORDER BY id") == ["0", "1", "2", "3", "4", "5"]


async def test_rows_with_a_unique_key_are_numbered_in_the_order_given_too(store: Store) -> None:
    await store.write(people("ann") + Change(inserts=(payment("p", "ann"),)))
    keys = ["paid", "a", "vending", "b"]
    await together(store, *(Change(inserts=(event("p", key), message_in("ann", key))) for key in keys))
    assert await column(store, "SELECT key FROM payment_event ORDER BY id") == keys
    assert await column(store, "SELECT external_id FROM input ORDER BY id") == keys


async def test_later_batches_have_higher_numbers(store: Store) -> None:
    for n in (3, 1, 2):
        await store.write(Change(inserts=(posting("e", n), posting("e", -n))))
    assert await column(store, "SELECT minor FROM posting ORDER BY id") == [3, -3, 1, -1, 2, -2]


async def test_F132_numbers_and_amounts_have_64_bits(store: Store) -> None:
    await store.write(Change(inserts=(posting("e", 2**63 - 1),)))
    assert await column(store, "SELECT minor FROM posting") == [2**63 - 1]


async def test_children_may_come_before_their_parents_in_one_change(store: Store) -> None:
    parents = people("ann").inserts
    assert await store.write(Change(inserts=(message_out("ann", "x"), *reversed(parents)))) == Done()

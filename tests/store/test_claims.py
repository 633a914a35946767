"""Claims: leases and fences, plans that run again, rows that cannot be planned, hints during a lease."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.store.change import Change, Done, Guard, Insert, Lost, Refused, Sql, StoreUnavailable, Update
from bot.store.store import Store
from tests.databases import SetClock, Tasks
from tests.store.rows import NOW, PaymentClaim, column, event, every, finish, hint, message_in, payment, people, turn

NESTED = "UPDATE payment SET fence = 1 WHERE id IN (SELECT id FROM payment LIMIT 1 {skip_locked}) RETURNING *"


@pytest.fixture
async def held(store: Store) -> Store:
    """A store with three payments, due long ago by any clock."""
    owed = tuple(payment(f"p{n}", "ann", due_at=n) for n in (1, 2, 3))
    assert await store.write(people("ann") + Change(inserts=owed)) == Done()
    return store


async def row_of(store: Store, name: str) -> dict[str, Any]:
    [row] = await every(store, "SELECT * FROM payment WHERE id = :id", id=name)
    return row


def test_the_tests_clock_begins_at_now() -> None:
    assert SetClock().now().timestamp() * 1000 == NOW


async def test_a_claim_leases_what_is_due_and_returns_its_plans(held: Store) -> None:
    assert await held.claim(PaymentClaim(slots=2)) == ["p1", "p2"]
    rows = await every(held, "SELECT id, state, fence, lease_until > :now AS leased FROM payment ORDER BY id", now=NOW)
    assert [tuple(row.values()) for row in rows] == [
        ("p1", "prompting", 1, True), ("p2", "prompting", 1, True), ("p3", "confirmed", 0, False),
    ]  # fmt: skip


async def test_what_is_leased_is_not_claimed_again(held: Store) -> None:
    assert await held.claim(PaymentClaim()) == ["p1", "p2", "p3"]
    assert await held.claim(PaymentClaim()) == []


async def test_a_claim_takes_no_more_than_its_slots_whatever_the_planner_knows(store: Store) -> None:
    await store.write(people("ann") + Change(inserts=(payment("p0", "ann", due_at=None),)))
    await store._writing.call(lambda: store._database.rows("ANALYZE payment"))
    await store.write(Change(inserts=tuple(payment(f"p{n}", "ann", due_at=n) for n in range(1, 30))))
    assert await store.claim(PaymentClaim(slots=2)) == ["p1", "p2"]


@pytest.mark.postgres
async def test_a_claim_that_postgresql_might_run_more_than_once_is_not_run(
    postgresql_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    class Nested(PaymentClaim):
        def take(self, sql: Sql) -> list[dict[str, Any]]:
            return sql.rows(NESTED.format(skip_locked=sql.skip_locked))

    store = await Store.open(postgresql_url, set_clock, tasks)
    with pytest.raises(ValueError, match="WITH … AS MATERIALIZED"):
        await store.claim(Nested())
    await store.close()


async def test_two_claims_of_one_batch_share_what_is_due(held: Store) -> None:
    answers = await asyncio.gather(held.claim(PaymentClaim(slots=2)), held.claim(PaymentClaim(slots=2)))
    assert list(answers) == [["p1", "p2"], ["p3"]]


async def test_a_claim_that_finds_nothing_writes_nothing(held: Store) -> None:
    before = await column(held, "SELECT max(number) FROM writer_batch")
    assert await held.claim(PaymentClaim(slots=0)) == []
    assert await column(held, "SELECT max(number) FROM writer_batch") == before


async def test_hole_2_the_worker_gets_the_plan_of_the_run_that_was_committed(held: Store) -> None:
    class Wary(PaymentClaim):
        """Plans by how often it was asked, as one would that looks at something another Change can undo."""

        def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
            name, change = super().plan(row)
            number = self.planned.count(name)
            return f"{name} plan {number}", change + Change(inserts=(event(name, f"plan {number}"),))

    poison = Change(inserts=(message_in("ann", "1"), message_in("ann", "1")))
    plans, refused = await asyncio.gather(held.claim(Wary(slots=1)), held.write(poison))
    assert refused == Refused("one_input_per_external_id")
    assert plans == ["p1 plan 2"]
    assert await column(held, "SELECT key FROM payment_event ORDER BY id") == ["claim 1", "plan 2"]


async def test_hole_2_a_rerun_takes_no_second_lease(held: Store) -> None:
    poison = Change(inserts=(message_in("ann", "1"), message_in("ann", "1")))
    await asyncio.gather(held.claim(PaymentClaim(slots=1)), held.write(poison))
    assert (await row_of(held, "p1"))["fence"] == 1


class Poisoned(PaymentClaim):
    """Cannot store what it plans for p1: a prompt is on that payer's phone already."""

    def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
        name, change = super().plan(row)
        guard = Guard("payment", name, {}, {"live_payer": "payer" if name == "p1" else name})
        return name, change + Change((guard,))


async def test_hole_3_a_row_that_fails_alone_is_pushed_back_and_the_rest_goes_on(held: Store) -> None:
    await held.write(Change(inserts=(payment("other", "ann", live_payer="payer", due_at=None),)))
    before = await row_of(held, "p1")
    assert await held.claim(Poisoned()) == ["p2", "p3"]
    after = await row_of(held, "p1")
    assert (after["due_at"], after["tries"], after["lease_until"]) == (before["due_at"] + 3_600_000, 1, 0)
    assert (after["state"], after["live_payer"]) == ("confirmed", None)


async def test_hole_3_poison_never_stands_at_the_head(held: Store) -> None:
    await held.write(Change(inserts=(payment("other", "ann", live_payer="payer", due_at=None),)))
    assert [await held.claim(Poisoned(slots=1)) for _ in range(3)] == [[], ["p2"], ["p3"]]


async def test_hole_3_poison_beside_others_fails_nobody_else(held: Store) -> None:
    await held.write(Change(inserts=(payment("other", "ann", live_payer="payer", due_at=None),)))
    plans, wrote = await asyncio.gather(held.claim(Poisoned()), held.write(turn("ann", 0)))
    assert (plans, wrote) == (["p2", "p3"], Done())


async def test_hole_3_two_rows_of_one_claim_that_exclude_each_other_are_settled(held: Store) -> None:
    class OnePayer(PaymentClaim):
        def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
            name, change = super().plan(row)
            return name, change + Change((Guard("payment", name, {}, {"live_payer": "payer"}),))

    assert await held.claim(OnePayer()) == ["p1"]
    assert await column(held, "SELECT id FROM payment WHERE tries = 1 ORDER BY id") == ["p2", "p3"]


async def test_hole_3_a_plan_that_raises_is_pushed_back(held: Store) -> None:
    class Broken(PaymentClaim):
        def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
            if row["id"] == "p2":
                raise ValueError("what is sealed here does not open")
            return super().plan(row)

    assert await held.claim(Broken()) == ["p1", "p3"]
    assert (await row_of(held, "p2"))["tries"] == 1


async def test_a_plan_whose_guard_is_lost_is_pushed_back(held: Store) -> None:
    class Late(PaymentClaim):
        def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
            name, change = super().plan(row)
            return name, change + (turn("ann", 5) if name == "p1" else Change())

    assert await held.claim(Late()) == ["p2", "p3"]
    assert (await row_of(held, "p1"))["tries"] == 1


async def test_a_row_that_cannot_even_be_pushed_back_keeps_its_lease(held: Store) -> None:
    class Hopeless(Poisoned):
        def push_back(self, row: dict[str, Any]) -> Change:
            return Change(inserts=(Insert("house", {"name": row["id"], "value": None}),))

    await held.write(Change(inserts=(payment("other", "ann", live_payer="payer", due_at=None),)))
    assert await held.claim(Hopeless()) == ["p2", "p3"]
    assert (await row_of(held, "p1"))["fence"] == 1
    assert await held.claim(PaymentClaim()) == []


async def test_a_claim_whose_statement_is_wrong_raises_to_its_caller_alone(held: Store) -> None:
    class Wrong(PaymentClaim):
        def take(self, sql: Sql) -> list[dict[str, Any]]:
            return sql.rows("SELECT id FROM nowhere")

    raised, wrote = await asyncio.gather(held.claim(Wrong()), held.write(turn("ann", 0)), return_exceptions=True)
    assert wrote == Done()
    assert isinstance(raised, Exception)
    assert not isinstance(raised, StoreUnavailable)


async def test_hole_8_a_finish_writes_when_the_row_is_due_again(held: Store) -> None:
    await held.claim(PaymentClaim(slots=1))
    row = await row_of(held, "p1")
    assert await held.write(finish(row, again_at=NOW + 600_000)) == Done()
    after = await row_of(held, "p1")
    assert (after["due_at"], after["lease_until"]) == (NOW + 600_000, 0)


async def test_hole_8_a_hint_during_a_lease_outlives_the_finish(held: Store) -> None:
    await held.claim(PaymentClaim(slots=1))
    row = await row_of(held, "p1")
    await held.write(hint("p1", NOW - 1))
    assert await held.write(finish(row, again_at=None)) == Done()
    after = await row_of(held, "p1")
    assert (after["due_at"], after["lease_until"]) == (NOW - 1, 0)


async def test_hole_8_a_hint_in_the_same_batch_as_the_finish_outlives_it(held: Store) -> None:
    await held.claim(PaymentClaim(slots=1))
    row = await row_of(held, "p1")
    await asyncio.gather(held.write(hint("p1", NOW - 1)), held.write(finish(row, again_at=None)))
    assert (await row_of(held, "p1"))["due_at"] == NOW - 1


async def test_hole_8_a_hint_does_not_end_a_lease(held: Store) -> None:
    await held.claim(PaymentClaim())
    await held.write(hint("p1", 1))
    assert await held.claim(PaymentClaim()) == []


async def test_a_zombies_finish_loses_to_the_claim_in_its_own_batch(held: Store) -> None:
    await held.claim(PaymentClaim(slots=1))
    row = await row_of(held, "p1")
    await held.write(Change(updates=(Update("payment", "p1", {"lease_until": 0}),)))
    late, plans = await asyncio.gather(held.write(finish(row, again_at=None)), held.claim(PaymentClaim(slots=1)))
    assert (late, plans) == (Lost("payment", "p1"), ["p1"])


async def test_F135_leases_follow_the_stores_clock(held: Store, set_clock: SetClock) -> None:
    set_clock.pass_by(-10 * 365 * 86_400)
    await held.claim(PaymentClaim(lease_ms=60_000))
    [until] = await column(held, "SELECT max(lease_until) FROM payment")
    by_our_clock = int(set_clock.now().timestamp()) * 1000 + 60_000
    on_postgresql = (await held.read(lambda sql: sql.dialect)) == "postgresql"
    assert (until == by_our_clock) is not on_postgresql

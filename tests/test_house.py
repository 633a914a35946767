"""What happens when a service moves into a database: its mode, its key, and the leases of who was there before."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.clock import RealClock, Tasks
from bot.house import enter, open_store, take_over, unlock
from bot.settings import Settings, SettingsError
from bot.store.change import Change, Done, Insert, Sql, Value
from bot.store.seal import Seal
from bot.store.store import Store
from integrations.contract.people import Secret
from tests.store.rows import message_out, payment, people

LATER = 9_000_000_000_000


def seal(key: str) -> Seal:
    return Seal(Secret(f"{key}-key-that-opens-nothing-at-all"))


async def rows(store: Store, statement: str) -> list[dict[str, Any]]:
    def read(sql: Sql) -> list[dict[str, Any]]:
        return sql.rows(statement)

    return await store.read(read)


# --- whose money


async def test_a_new_database_takes_the_mode_of_who_comes_first(store: Store) -> None:
    await enter(store, "real")
    await enter(store, "real")
    with pytest.raises(SettingsError, match="This database is for real payments; --sandbox takes one of its own"):
        await enter(store, "sandbox")


async def test_real_money_never_meets_play_money(store: Store) -> None:
    await enter(store, "sandbox")
    with pytest.raises(SettingsError, match="This database is for practice; real payments take one of their own"):
        await enter(store, "real")


async def test_of_two_who_come_at_once_one_is_first(store: Store) -> None:
    outcomes = await asyncio.gather(enter(store, "real"), enter(store, "sandbox"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), SettingsError]


# --- whose key


async def test_F149_another_key_is_refused_before_anything_is_sealed_with_it(store: Store) -> None:
    await unlock(store, seal("first"))
    await unlock(store, seal("first"))
    with pytest.raises(SettingsError, match="BILI_SECRET_KEY does not open this database") as refused:
        await unlock(store, seal("second"))
    assert "opens-nothing" not in str(refused.value)


async def test_a_key_that_was_changed_opens_with_the_one_before_beside_it(store: Store) -> None:
    first, second = (Secret(f"{key}-key-that-opens-nothing-at-all") for key in ("first", "second"))
    await unlock(store, Seal(first))
    await unlock(store, Seal(second, [first]))


# --- whose work


async def leased(store: Store, until: int) -> None:
    """A payment, a question to the world and a message, each taken by somebody until then; and a payment at rest."""
    taken = {"lease_until": until, "due_at": 5}
    payments = (payment("p1", "c1", **taken), payment("p2", "c1", lease_until=until, due_at=None))
    work: dict[str, Value] = {"id": "w1", "conversation_id": "c1", "name": "find", "args_sealed": "", "created_at": 1}
    message = message_out("c1", "")
    rest = (Insert("work", {**work, **taken}), Insert("outbox", {**message.row, **taken}))
    assert await store.write(people("c1") + Change(inserts=payments + rest)) == Done()


LEASES = (
    "SELECT id, lease_until, due_at, fence FROM payment UNION ALL SELECT id, lease_until, due_at, fence FROM work"
    " UNION ALL SELECT 'message', lease_until, due_at, fence FROM outbox ORDER BY 1"
)


async def test_F137_leases_of_a_process_that_is_gone_are_given_back_at_once(store: Store) -> None:
    await leased(store, LATER)
    await take_over(store)
    found = {row["id"]: (row["lease_until"], row["due_at"], row["fence"]) for row in await rows(store, LEASES)}
    assert found == {"message": (0, 5, 0), "p1": (0, 5, 0), "p2": (LATER, None, 0), "w1": (0, 5, 0)}
    await take_over(store)


async def test_a_lease_that_ran_out_is_left_alone(store: Store) -> None:
    await leased(store, 7)
    await take_over(store)
    assert {row["lease_until"] for row in await rows(store, LEASES)} == {7}


# --- opening


@pytest.mark.parametrize("url", ["sqlite:////proc/nobody/bili.db", "sqlite:////dev/null/bili.db"])
async def test_a_file_that_cannot_be_opened_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match="BILI_DATABASE_URL: the database cannot be opened"):
        await open_store(Settings.model_construct(database_url=url), RealClock(), Tasks())

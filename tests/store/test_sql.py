"""SQL for callers: one text, two databases."""

from __future__ import annotations

import pytest

from bot.store import postgres, sqlite
from bot.store.change import Change, Done, Sql
from bot.store.store import Store
from tests.databases import SetClock
from tests.store.rows import NOW, message_in, message_out, payment, people


@pytest.fixture
async def held(store: Store) -> Store:
    """A store with three people and what they said."""
    said = tuple(message_in(name, name) for name in ("ann", "ben", "eve"))
    assert await store.write(people("ann", "ben", "eve") + Change(inserts=(*said, payment("p", "ann")))) == Done()
    return store


async def test_rows_come_as_dicts(held: Store) -> None:
    rows = await held.read(lambda sql: sql.rows("SELECT id, version, phone_hash FROM customer WHERE id = 'ann'"))
    assert rows == [{"id": "ann", "version": 0, "phone_hash": None}]


async def test_parameters_are_named(held: Store) -> None:
    statement = "SELECT id FROM customer WHERE id >= :least AND created_at = :at AND id <> :least ORDER BY id"
    rows = await held.read(lambda sql: sql.rows(statement, least="ann", at=NOW))
    assert [row["id"] for row in rows] == ["ben", "eve"]


async def test_colons_percents_and_casts_are_left_alone(held: Store) -> None:
    statement = "SELECT ':name 10%' AS words, 7 % 4 AS rest FROM customer WHERE id LIKE 'a%' AND id = :id"
    assert await held.read(lambda sql: sql.rows(statement, id="ann")) == [{"words": ":name 10%", "rest": 3}]


def test_casts_are_no_parameters() -> None:
    assert postgres._with_params("SELECT :a::bigint, '::b', a%b") == b"SELECT %(a)s::bigint, '::b', a%%b"


async def test_rows_in_finds_texts(held: Store) -> None:
    statement = "SELECT id FROM customer WHERE id IN {ids} AND created_at = :at ORDER BY id"
    rows = await held.read(lambda sql: sql.rows_in(statement, ["eve", "ann", "nobody"], at=NOW))
    assert [row["id"] for row in rows] == ["ann", "eve"]


async def test_rows_in_finds_numbers(held: Store) -> None:
    def look(sql: Sql) -> list[str]:
        ids = [row["id"] for row in sql.rows("SELECT id FROM input WHERE external_id <> 'ben'")]
        found = sql.rows_in("SELECT external_id FROM input WHERE id IN {ids} ORDER BY id", ids)
        return [row["external_id"] for row in found]

    assert await held.read(look) == ["ann", "eve"]


async def test_rows_in_takes_hundreds_and_none(held: Store) -> None:
    def look(sql: Sql) -> list[int]:
        statement = "SELECT id FROM customer WHERE id IN {ids}"
        return [len(sql.rows_in(statement, ids)) for ids in ([f"x{n}" for n in range(999)] + ["ben"], [])]

    assert await held.read(look) == [1, 0]


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT 1 WHERE 1 IN {ids} OR 2 IN {ids}"])
async def test_rows_in_wants_one_list(held: Store, statement: str) -> None:
    with pytest.raises(ValueError, match=r"has one `IN \{ids\}`"):
        await held.read(lambda sql: sql.rows_in(statement, ["a"]))


async def test_readers_cannot_write(held: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await held.read(lambda sql: sql.rows("DELETE FROM outbox RETURNING id"))


async def test_now_is_the_clocks_on_sqlite_and_the_servers_on_postgresql(held: Store, set_clock: SetClock) -> None:
    set_clock.pass_by(-30 * 365 * 86_400)
    now, dialect = await held.read(lambda sql: (sql.now(), sql.dialect))
    ours = int(set_clock.now().timestamp()) * 1000
    assert now == ours if dialect == "sqlite" else now > ours + 86_400_000


async def test_the_dialects_differ_in_how_a_claim_passes_over_rows(held: Store) -> None:
    expected = {"sqlite": "", "postgresql": "FOR UPDATE SKIP LOCKED"}
    assert await held.read(lambda sql: expected[sql.dialect] == sql.skip_locked)


async def test_a_statement_without_rows_gives_none(held: Store) -> None:
    assert await held.read(lambda sql: sql.rows("SELECT id FROM outbox")) == []


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("UNIQUE constraint failed: payment.live_payer", "one_live_prompt_per_payer"),
        ("UNIQUE constraint failed: input.channel, input.external_id", "one_input_per_external_id"),
        ("UNIQUE constraint failed: attempt.id", "attempt_pkey"),
    ],
)
def test_F136_sqlites_words_are_turned_into_declared_names(error: str, name: str) -> None:
    assert sqlite._unique_name(error.partition(": ")[2]) == name


async def test_hot_statements_find_rows_by_key(held: Store) -> None:
    """A lookup that scans would be slow only in production."""
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}

    def plan(sql: Sql) -> str:
        if sql.dialect == "postgresql":
            sql.rows("SET enable_seqscan = off")
        statement = f"{explain[sql.dialect]} SELECT kind FROM outbox WHERE id IN {{ids}}"  # noqa: S608  a constant
        return str(sql.rows_in(statement, [1, 2]))

    await held.write(Change(inserts=(message_out("ann", "x"),)))
    assert "outbox_pkey" in (found := await held.read(plan)) or "USING INTEGER PRIMARY KEY" in found

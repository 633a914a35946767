"""A post office on each kind of database, whose time is the test's, and a second replica beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.postgres import PostgresSql
from bot.store.store import Store
from tests.databases import SetClock, Tasks
from tests.outbox.post import Post


@pytest.fixture(autouse=True)
def _one_time(monkeypatch: pytest.MonkeyPatch, set_clock: SetClock) -> None:
    """PostgreSQL's clock, which decides leases, is the test's too."""

    def now(_sql: PostgresSql) -> int:
        return int(set_clock.now().timestamp() * 1000)

    monkeypatch.setattr(PostgresSql, "now", now)


@pytest.fixture
async def post(store: Store, set_clock: SetClock) -> Post:
    """One replica; Amina can be reached on WhatsApp and wrote a minute ago."""
    one = Post(store, set_clock)
    await one.meet("amina")
    return one


@pytest.fixture
async def second(database_url: str, set_clock: SetClock, tasks: Tasks) -> AsyncIterator[Post]:
    """A second replica on the database of `post`."""
    store = await Store.open(database_url, set_clock, tasks, alone=False)
    yield Post(store, set_clock)
    await store.close()

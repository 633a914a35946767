"""A stage on each kind of database, and a second replica beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.store.store import Store
from flows.turn import Flows
from tests.databases import SetClock, Tasks
from tests.turns.stage import Stage, counts, flows


@pytest.fixture
def played() -> Flows:
    """The flows on stage; a test module may have others."""
    return flows(counts)


@pytest.fixture
async def stage(store: Store, set_clock: SetClock, played: Flows) -> Stage:
    """One replica, with the conversation `v1` of the customer `c1`."""
    one = Stage(store, set_clock, played)
    await one.meet("v1")
    return one


@pytest.fixture
async def second(database_url: str, set_clock: SetClock, tasks: Tasks, played: Flows) -> AsyncIterator[Stage]:
    """A second replica on the database of `stage`."""
    store = await Store.open(database_url, set_clock, tasks, alone=False)
    yield Stage(store, set_clock, played)
    await store.close()

"""Real processes: two writers on one database, and one that is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO

import psycopg
import pytest

from bot.store.change import CannotOpen, Change, Done
from bot.store.store import Store
from tests.databases import SetClock, Tasks
from tests.store.hammer import BATCH, BATCHES, ROWS, ROWS_PER_CHANGE
from tests.store.rows import column, payment, people

pytestmark = pytest.mark.processes


class Hammer:
    """A running `tests.store.hammer`, open and waiting."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.store.hammer", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: list[str] = []
        while self._line() != "open":
            assert self.process.poll() is None, "the hammer did not open"

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def listen(self, lines: int) -> None:
        """Hear so many acknowledgements."""
        while len(self.said) < lines:
            self.said.append(self._line())

    def listen_to_the_end(self) -> None:
        """Hear everything; it must have come to its end by itself."""
        self.said += [line.strip() for line in self._out()]
        assert self.process.wait() == 0
        assert self.said.pop() == "end"

    def kill(self) -> None:
        """SIGKILL; what it had said by then counts."""
        self.process.kill()
        rest, _ = self.process.communicate()
        self.said += [line.strip() for line in rest.splitlines(keepends=True) if line.endswith("\n")]

    def _line(self) -> str:
        return self._out().readline().strip()

    def _out(self) -> IO[str]:
        assert self.process.stdout
        return self.process.stdout


@contextmanager
def two_hammers(url: str, what: str) -> Iterator[list[Hammer]]:
    hammers = [Hammer(url, name, what) for name in ("left", "right")]
    try:
        yield hammers
    finally:
        for hammer in hammers:
            hammer.process.kill()
            hammer.process.communicate()


async def fill(store: Store) -> None:
    """Conversations and payments for two processes to quarrel about."""
    assert await store.write(people(*(f"c{n}" for n in range(ROWS)))) == Done()
    assert await store.write(Change(inserts=tuple(payment(f"p{n}", f"c{n}") for n in range(ROWS)))) == Done()


def deadlocks(url: str) -> int:
    """How many the server has counted in this database."""
    with closing(psycopg.connect(url, autocommit=True)) as admin:
        row = admin.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
    assert row
    return int(row[0])


@pytest.mark.postgres
@pytest.mark.parametrize("what", ["redelivered", "hints", "crossed", "claimed"])
async def test_hole_7_F127_two_writers_never_deadlock(
    postgresql_url: str, set_clock: SetClock, tasks: Tasks, what: str
) -> None:
    store = await Store.open(postgresql_url, set_clock, tasks)
    await fill(store)
    before = deadlocks(postgresql_url)
    with two_hammers(postgresql_url, what) as hammers:
        for hammer in hammers:
            hammer.go()
        for hammer in hammers:
            hammer.listen_to_the_end()
    assert deadlocks(postgresql_url) == before
    messages = 2 * BATCHES * BATCH * (ROWS_PER_CHANGE - 1)
    expected = {"redelivered": None, "hints": 0, "crossed": messages, "claimed": 0}[what]
    heard = {line for hammer in hammers for line in hammer.said}
    stored = await column(store, "SELECT external_id FROM input")
    assert set(stored) == heard
    assert expected in {None, len(stored)}
    await store.close()


async def test_F120_two_writers_on_one_sqlite_file_wait_for_each_other(
    sqlite_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    store = await Store.open(sqlite_url, set_clock, tasks, alone=False)
    await fill(store)
    with two_hammers(sqlite_url, "crossed") as hammers:
        for hammer in hammers:
            hammer.go()
        for hammer in hammers:
            hammer.listen_to_the_end()
    heard = {line for hammer in hammers for line in hammer.said}
    assert set(await column(store, "SELECT external_id FROM input")) == heard
    assert len(heard) == 2 * BATCHES * BATCH * (ROWS_PER_CHANGE - 1)
    await store.close()


async def test_what_was_acknowledged_is_there_after_kill_9(
    database_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    store = await Store.open(database_url, set_clock, tasks)
    await store.write(people("c0"))
    await store.close()
    hammer = Hammer(database_url, "victim", "endless", "endless", "alone")
    hammer.go()
    hammer.listen(3 * BATCH + 7)
    hammer.kill()
    reopened = await Store.open(database_url, set_clock, tasks)
    stored = set(await column(reopened, "SELECT external_id FROM input"))
    assert len(hammer.said) >= 3 * BATCH + 7
    assert set(hammer.said) <= stored
    await reopened.close()


async def test_F123_a_second_process_is_kept_off_a_sqlite_file(
    sqlite_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    hammer = Hammer(sqlite_url, "first", "hints", "alone")
    with pytest.raises(CannotOpen, match=r"another process is using .*bili\.db"):
        await Store.open(sqlite_url, set_clock, tasks)
    hammer.kill()
    store = await Store.open(sqlite_url, set_clock, tasks)
    await store.close()

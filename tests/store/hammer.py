"""A process that writes as fast as it may: `python -m tests.store.hammer <url> <name> <what> [alone]`.

It opens the store, says "open", waits for a line on its input, writes batch after batch in an order of its own, and
prints what was acknowledged.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Callable

from bot.clock import RealClock
from bot.store.change import Change, Done, Lost, Update
from bot.store.store import Store
from tests.databases import Tasks
from tests.store.rows import PaymentClaim, every, message_in, message_out, turn

BATCHES = 12
BATCH = 64

#: Many rows a Change, so that locking them takes long enough for two processes to meet in the middle of it.
ROWS_PER_CHANGE = 12
ROWS = 1000
CLAIMED = 100

Writes = Callable[[random.Random, str, int], list[Change]]


def redelivered(order: random.Random, _name: str, batch: int) -> list[Change]:
    """The same messages come in at both, in different orders."""
    return [
        Change(inserts=tuple(message_in(f"c{n}", f"{batch}/{n}", or_ignore=True) for n in some))
        for some in _handfuls(order)
    ]


def hints(order: random.Random, _name: str, batch: int) -> list[Change]:
    """Both want the same payments looked at."""
    return [
        Change(updates=tuple(Update("payment", f"p{n}", {"due_at": batch}) for n in some)) for some in _handfuls(order)
    ]


def crossed(order: random.Random, name: str, batch: int) -> list[Change]:
    """Turns lock some conversations and messages come in for others, which the other process locks."""
    changes = []
    for some in _handfuls(order):
        first, *others = (f"c{n}" for n in some)
        answer = turn(first, batch) + Change(inserts=(message_out(first, name),))
        incoming = tuple(message_in(other, f"{name}/{batch}/{other}") for other in others)
        changes += [answer, Change(inserts=incoming)]
    return changes


def claimed(order: random.Random, name: str, batch: int) -> list[Change]:
    """Hints and turns as above, on rows that both claim as well."""
    return [one + two for one, two in zip(hints(order, name, batch), crossed(order, name, batch)[::2], strict=True)]


def endless(_order: random.Random, name: str, batch: int) -> list[Change]:
    """Messages one by one, each with a number of its own."""
    return [Change(inserts=(message_in("c0", f"{name}/{batch}/{n}"),)) for n in range(BATCH)]


WRITES: dict[str, Writes] = {one.__name__: one for one in (redelivered, hints, crossed, claimed, endless)}


def _handfuls(order: random.Random) -> list[list[int]]:
    mixed = order.sample(range(ROWS), BATCH * ROWS_PER_CHANGE)
    return [mixed[start : start + ROWS_PER_CHANGE] for start in range(0, len(mixed), ROWS_PER_CHANGE)]


async def main(url: str, name: str, what: str, *options: str) -> None:
    """Open, wait to be told, write."""
    store = await Store.open(url, RealClock(), Tasks(), alone="alone" in options)
    _say("open")
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    order = random.Random(name)
    batch = 0
    while batch < BATCHES or "endless" in options:
        await _one_batch(store, WRITES[what](order, name, batch), claiming=what == "claimed")
        batch += 1
    await store.close()
    _say("end")


async def _one_batch(store: Store, changes: list[Change], *, claiming: bool) -> None:
    async def write(change: Change) -> None:
        written = await store.write(change)
        if not isinstance(written, Done | Lost):
            raise TypeError(f"not an answer that was expected: {written}")
        for insert in change.inserts:
            if insert.table == "input" and isinstance(written, Done):
                _say(str(insert.row["external_id"]))

    versions = {row["id"]: row["version"] for row in await every(store, "SELECT id, version FROM conversation")}
    claims = [store.claim(PaymentClaim(slots=CLAIMED, lease_ms=0))] if claiming else []
    await asyncio.gather(*claims, *(write(_as_read(change, versions)) for change in changes))


def _as_read(change: Change, versions: dict[str, int]) -> Change:
    if not change.guards:
        return change
    [guard] = change.guards
    return turn(str(guard.key), versions[str(guard.key)]) + Change((), change.inserts, change.updates)


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""What a database is told when a service moves in: whose money it holds, and that nobody else is at work on it."""

from __future__ import annotations

from typing import Any, Literal

import psycopg
import structlog

from bot.clock import Tasks
from bot.settings import Settings, SettingsError
from bot.store.change import Change, Insert, Sql
from bot.store.seal import BrokenSeal, Seal
from bot.store.store import Store
from integrations.contract.message import BAD_TOKEN
from integrations.contract.seams import Clock

log = structlog.get_logger()

Mode = Literal["real", "sandbox"]

#: Where the sealed text stands that tells whether a key is the right one.
_SAMPLE = "house.sample"

#: What may be leased, by the condition under which anything is still wanted of it; each has an index for that.
_LEASED = {"payment": "due_at IS NOT NULL", "work": "done = 0", "outbox": "done = 0"}


async def open_store(settings: Settings, clock: Clock, tasks: Tasks) -> Store:
    """The store. CannotOpen or SettingsError, with a sentence, where there is none to be had."""
    try:
        return await Store.open(settings.database_url, clock, tasks.spawn)
    except OSError as error:
        raise SettingsError(f"BILI_DATABASE_URL: the database cannot be opened ({error})") from None
    except psycopg.ProgrammingError:
        raise SettingsError("BILI_DATABASE_URL: PostgreSQL cannot make anything of this address") from None


async def enter(store: Store, mode: Mode) -> None:
    """Mark a new database with its mode, and refuse one of the other: play money never meets real money.

    Raises SettingsError with a sentence.
    """
    await store.write(Change(inserts=(Insert("house", {"name": "mode", "value": mode}, or_ignore=True),)))

    def read(sql: Sql) -> str:
        return str(sql.rows("SELECT value FROM house WHERE name = 'mode'")[0]["value"])

    found = await store.read(read)
    if found == "real" and mode == "sandbox":
        raise SettingsError("This database is for real payments; --sandbox takes one of its own (BILI_DATABASE_URL).")
    if found != mode:
        raise SettingsError("This database is for practice; real payments take one of their own (BILI_DATABASE_URL).")


async def unlock(store: Store, seal: Seal) -> None:
    """Make sure that our key opens what is sealed here. Raises SettingsError with a sentence (F-149)."""
    sealed = seal.seal("bili", _SAMPLE)
    await store.write(Change(inserts=(Insert("house", {"name": "sample", "value": sealed}, or_ignore=True),)))

    def read(sql: Sql) -> str:
        return str(sql.rows("SELECT value FROM house WHERE name = 'sample'")[0]["value"])

    try:
        seal.open(await store.read(read), _SAMPLE)
    except BrokenSeal:
        raise SettingsError("BILI_SECRET_KEY does not open this database: it was sealed with another one.") from None


async def take_over(store: Store) -> None:
    """Give back what the last process on this database had taken, so that nothing waits for a lease to run out.

    Only for a database that one process at a time can open: who held these leases is gone, and can neither call nor
    write any more. What it may have sent before it went is asked about, as after any answer that never came.
    """
    freed = await store.claim(_GiveBack())
    if isinstance(freed, list) and freed:
        log.info("house.leases_given_back", count=len(freed))


class _GiveBack:
    """A claim that takes nothing and ends every lease, and every wait for credentials."""

    def take(self, sql: Sql) -> list[dict[str, Any]]:
        now, freed = sql.now(), list[dict[str, Any]]()
        for table, wanted in _LEASED.items():
            freed += sql.rows(
                f"UPDATE {table} SET lease_until = 0 WHERE {wanted} AND lease_until > :now RETURNING id",  # noqa: S608  two names of our own
                now=now,
            )
        # Whoever starts anew may have mended the credentials that messages wait for.
        waiting = "UPDATE outbox SET due_at = :now WHERE done = 0 AND outcome = :token AND due_at > :now RETURNING id"
        return freed + sql.rows(waiting, now=now, token=BAD_TOKEN)

    def plan(self, row: dict[str, Any]) -> tuple[str, Change]:
        return str(row["id"]), Change()

    def push_back(self, row: dict[str, Any]) -> Change:  # noqa: ARG002  the protocol's signature
        return Change()

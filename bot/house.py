"""Which money a database has seen: play money never meets real money."""

from __future__ import annotations

from typing import Literal

from bot.settings import SettingsError
from bot.store.change import Change, Insert, Sql
from bot.store.store import Store

Mode = Literal["real", "sandbox"]


async def enter(store: Store, mode: Mode) -> None:
    """Mark a new database with its mode, and refuse one of the other. Raises SettingsError with a sentence."""
    await store.write(Change(inserts=(Insert("house", {"name": "mode", "value": mode}, or_ignore=True),)))

    def read(sql: Sql) -> str:
        return str(sql.rows("SELECT value FROM house WHERE name = 'mode'")[0]["value"])

    found = await store.read(read)
    if found == "real" and mode == "sandbox":
        raise SettingsError("This database has held real payments; --sandbox takes one of its own (BILI_DATABASE_URL).")
    if found != mode:
        raise SettingsError("This database has held practice payments; real ones take a new one (BILI_DATABASE_URL).")

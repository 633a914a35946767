"""Run by Alembic: one transaction for all steps, one process at a time."""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import Engine, text
from sqlmodel import AutoString, SQLModel

import bot.store.tables  # noqa: F401  fills the metadata

#: Any number will do, so long as every version of Bili uses the same.
ADVISORY_LOCK = 0x62696C69


def _rendered(kind: str, item: object, _context: object) -> str | Literal[False]:
    """How a column type is written into a new step: SQLModel's own string type as what it is."""
    return "sa.String()" if kind == "type" and isinstance(item, AutoString) else False


def run() -> None:
    """Take the steps that are missing."""
    engine: Engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=SQLModel.metadata, transactional_ddl=True, render_item=_rendered
        )
        with context.begin_transaction():
            if engine.dialect.name == "postgresql":
                # A step that cannot get its lock gives up instead of stopping every writer behind it (F-133).
                connection.execute(text("SET LOCAL lock_timeout = '10s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
            context.run_migrations()


run()

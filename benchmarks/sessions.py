"""The baseline: the same rows through SQLModel's async sessions, as an application would write it without our store.

Nothing is parsed, thought, sealed, rendered or sent here, so it errs in the baseline's favour.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.store import sqlite_path
from bot.store.tables import Conversation, Customer, Input, Outbox, SavedMeter, Work

#: As long as a sealed input or message is.
BODY = "1.00000000." + "x" * 200
NOW = 1_760_000_000_000

PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")
POSTGRESQL_CONNECTIONS = 16

Sessions: TypeAlias = "async_sessionmaker[AsyncSession]"


@asynccontextmanager
async def on(database_url: str) -> AsyncIterator[Sessions]:
    """Sessions on a migrated database, set as durable as our own store sets it.

    SQLite has one connection: with more, most transactions of a busy moment fail with "database is locked".
    """
    engine = _engine(database_url)
    try:
        yield async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
    finally:
        await engine.dispose()


def _engine(database_url: str) -> AsyncEngine:
    path = sqlite_path(database_url)
    if path is None:
        url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
        return create_async_engine(url, pool_size=POSTGRESQL_CONNECTIONS)
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0)

    @event.listens_for(engine.sync_engine, "connect")
    def durable(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


async def begin(make: Sessions, people: int) -> list[str]:
    """So many customers with a conversation each; the conversations."""
    ids = [f"v{number}" for number in range(people)]
    async with make() as session:
        session.add_all(Customer(id=f"c{one}", language="en", created_at=NOW) for one in ids)
        await session.flush()
        chats = (Conversation(id=one, customer_id=f"c{one}", channel="x", address=one, created_at=NOW) for one in ids)
        session.add_all(chats)
        await session.commit()
    return ids


async def change(make: Sessions, conversation_id: str, number: int) -> None:
    """What `benchmarks/store.py` writes as one Change."""
    async with make() as session:
        conversation = await session.get_one(Conversation, conversation_id)
        conversation.version += 1
        conversation.state_sealed = BODY
        session.add(Input(**input_row(conversation_id, number)))
        session.add(Outbox(**message_row(conversation.customer_id, conversation.id)))
        await session.commit()


async def turn(make: Sessions, conversation_id: str, number: int) -> None:
    """One message in and one out, with the four commits of ours: stored, answered, taken to be sent, sent."""
    async with make() as session:
        session.add(Input(**input_row(conversation_id, number)))
        await session.commit()
    async with make() as session:
        await _answer(session, conversation_id)
    async with make() as session:
        message = await _head(session, conversation_id)
        message.lease_until, message.fence, message.tries = NOW, message.fence + 1, message.tries + 1
        await session.commit()
    async with make() as session:
        message = await session.get_one(Outbox, message.id)
        message.done, message.outcome, message.external_id = 1, "delivered", str(number)
        await session.commit()


async def _answer(session: AsyncSession, conversation_id: str) -> None:
    """Read all that a turn is thought from, and write what it comes to."""
    wanted = select(Conversation, Customer).join(Customer, col(Customer.id) == Conversation.customer_id)
    conversation, customer = (await session.exec(wanted.where(Conversation.id == conversation_id))).one()
    asked = select(Input).where(Input.conversation_id == conversation_id, col(Input.state) < 2).order_by(col(Input.id))
    inputs = (await session.exec(asked)).all()
    pending = select(Work).where(Work.conversation_id == conversation_id, Work.done == 0)
    (await session.exec(pending)).all()
    meters = select(SavedMeter).where(SavedMeter.customer_id == customer.id, SavedMeter.forgotten == 0)
    (await session.exec(meters)).all()
    for one in inputs:
        one.state, one.disposition = 2, "answered"
    conversation.version += 1
    conversation.state_sealed = BODY
    session.add(Outbox(**message_row(conversation.customer_id, conversation.id)))
    await session.commit()


async def _head(session: AsyncSession, conversation_id: str) -> Outbox:
    unsent = select(Outbox).where(Outbox.conversation_id == conversation_id, Outbox.done == 0)
    return (await session.exec(unsent.order_by(col(Outbox.id)).limit(1))).one()


def input_row(conversation_id: str, number: int) -> dict[str, Any]:
    """A message that came in."""
    return {
        "conversation_id": conversation_id, "channel": "x", "external_id": f"{conversation_id}.{number}",
        "kind": "message", "body_sealed": BODY, "stored_at": NOW,
    }  # fmt: skip


def message_row(customer_id: str, conversation_id: str) -> dict[str, Any]:
    """A message to be sent."""
    return {
        "customer_id": customer_id, "conversation_id": conversation_id, "kind": "say", "body_sealed": BODY,
        "created_at": NOW, "due_at": NOW,
    }  # fmt: skip

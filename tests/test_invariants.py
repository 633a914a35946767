"""Each invariant sees what it is there to see: a sound town, and the same town with one thing spoilt."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.change import Change, Done, Insert, Update
from tests.invariants import addresses_of, readable_in, secrets_of, violations
from tests.town import Town, town
from tests.transcripts.chats import PHONE
from tests.transcripts.performance import Performance
from tests.transcripts.transcript import read

SOLD = Path(__file__).parent / "transcripts" / "one_line.txt"


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "bili.db"))


@pytest.fixture
async def sound(database: Path) -> AsyncIterator[Town]:
    """A town in which one purchase was paid and sold."""
    async with town(f"sqlite:///{database}") as place:
        await Performance(place, read(SOLD)).play()
        yield place


async def found(place: Town) -> str:
    assert place.store is not None
    return "\n".join(await violations(place.store, place.sandbox))


async def write(place: Town, change: Change) -> None:
    assert place.store is not None
    assert await place.store.write(change) == Done()


async def payment_id(place: Town) -> str:
    assert place.store is not None
    return str((await place.store.read(lambda sql: sql.rows("SELECT id FROM payment")))[0]["id"])


async def spoil(place: Town, **columns: str) -> None:
    await write(place, Change(updates=(Update("payment", await payment_id(place), columns),)))


async def test_a_sound_town_has_no_violations(sound: Town) -> None:
    assert await found(sound) == ""


async def test_I11_a_leg_without_its_counterpart_is_seen(sound: Town) -> None:
    leg: dict[str, int | str | None] = {
        "entry": "e",
        "account": "fees",
        "minor": 5,
        "currency": "KES",
        "payment_id": None,
        "at": 0,
    }
    await write(sound, Change(inserts=(Insert("posting", leg),)))
    assert "entry e sums to 5 KES" in await found(sound)


async def test_I10_money_held_for_nobody_is_seen(sound: Town) -> None:
    await spoil(sound, state="refund_due")
    assert "is refund_due and 0 are held for it instead of -51000" in await found(sound)


async def test_money_that_the_ledger_does_not_know_is_seen(sound: Town) -> None:
    sound.sandbox.daraja.transactions.append(sound.sandbox.daraja.transactions[0])
    assert "payers paid 102000 and the ledger knows of 51000" in await found(sound)


async def test_I08_a_second_sale_is_seen(sound: Town) -> None:
    sound.sandbox.xmlvend.sales.append(sound.sandbox.xmlvend.sales[0])
    assert "was sold 2 times" in await found(sound)


async def test_a_sale_that_nobody_ordered_is_seen(sound: Town) -> None:
    sale = sound.sandbox.xmlvend.sales[0]
    sound.sandbox.xmlvend.sales[0] = dataclasses.replace(sale, message_id="20260105100000-999999")
    assert "belongs to no payment" in await found(sound)


async def test_a_sale_of_another_amount_is_seen(sound: Town) -> None:
    sale = sound.sandbox.xmlvend.sales[0]
    sound.sandbox.xmlvend.sales[0] = dataclasses.replace(sale, amount=sale.amount + sale.amount)
    assert "is of 50000 and 100000 were sold" in await found(sound)


async def test_a_payment_said_to_be_sold_without_a_sale_is_seen(sound: Town) -> None:
    sound.sandbox.xmlvend.sales.clear()
    assert "is vended with 0 sales" in await found(sound)


async def test_I35_a_payment_that_nobody_looks_after_is_seen(sound: Town) -> None:
    await spoil(sound, state="prompted")
    assert "rests in prompted and nobody looks after it" in await found(sound)


async def test_a_phone_that_stays_locked_is_seen(sound: Town) -> None:
    await spoil(sound, live_payer="someone")
    assert "keeps its payer's phone locked" in await found(sound)


async def test_I26_what_is_not_answered_or_not_sent_is_seen(sound: Town) -> None:
    assert sound.store is not None
    (chat,) = await sound.store.read(lambda sql: sql.rows("SELECT id, customer_id FROM conversation"))
    said = {"conversation_id": chat["id"], "channel": "telegram", "external_id": "1", "kind": "message"}
    asked = {"id": "w", "conversation_id": chat["id"], "name": "find_meter", "args_sealed": "", "created_at": 0}
    owed = {"customer_id": chat["customer_id"], "conversation_id": chat["id"], "kind": "fact", "created_at": 0}
    inserts = (
        Insert("input", {**said, "body_sealed": "", "stored_at": 0}),
        Insert("work", {**asked, "due_at": 0}),
        Insert("outbox", {**owed, "body_sealed": "", "due_at": 0}),
    )
    await write(sound, Change(inserts=inserts))
    sentences = await found(sound)
    assert "an input (message) is not answered" in sentences
    assert "a question to the world (find_meter) is not answered" in sentences
    assert "a message (fact) is not sent" in sentences


async def test_S19_a_phone_a_meter_and_a_token_in_plain_digits_are_seen(sound: Town, database: Path) -> None:
    planted = secrets_of(sound.sandbox)
    token = sound.sandbox.xmlvend.sales[0].tokens[0]
    assert {PHONE.removeprefix("+"), "14123456783", token, "PETER OTIENO"} <= planted
    assert readable_in(database, planted) == []
    for value in (PHONE, "meter 14123456783", f"token {token}"):
        await spoil(sound, owner_masked=value)
        assert len(readable_in(database, planted)) >= 1, value
        await spoil(sound, owner_masked="P")


async def test_S19_a_number_may_be_an_address_and_nothing_else(database: Path) -> None:
    on_whatsapp = SOLD.parent / "whatsapp" / "one_line.txt"
    async with town(f"sqlite:///{database}") as place:
        await Performance(place, read(on_whatsapp)).play()
        planted, addresses = secrets_of(place.sandbox), addresses_of(place.sandbox)
        assert addresses == {PHONE.removeprefix("+")}
        assert readable_in(database, planted, addresses) == []
        assert readable_in(database, planted) != []
        await spoil(place, owner_masked=PHONE)
        assert readable_in(database, planted, addresses) != []

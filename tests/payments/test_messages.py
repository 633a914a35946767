"""What people hear of their money: in order, at least once, and a repeat reads as one."""

from __future__ import annotations

import pytest

from bot.outbox import message_row
from bot.store.change import Change
from flows.text import T
from tests.payments.scene import MINUTE, Scene, scene
from tests.town import AMINA


async def said(one: Scene, kind: str, words: str) -> None:
    """A message of this kind waits to be sent."""
    row = await one.one("SELECT id, customer_id FROM conversation")
    now = int(one.town.clock.now().timestamp() * 1000)
    message = message_row(
        one.parties.seal, customer_id=row["customer_id"], conversation_id=row["id"], kind=kind,
        body=(T("{words}", words=words),), now=now,
    )  # fmt: skip
    await one.write(Change(inserts=(message,)))


@pytest.mark.parametrize(
    ("first", "second", "arrive"),
    [
        ("question", "fact", ["one", "two"]),
        ("question", "say", ["one", "two"]),
        ("fact", "question", ["one", "two"]),
        ("fact", "fact", ["one", "two"]),
        ("question", "question", ["two"]),
        ("say", "fact", ["two"]),
        ("say", "question", ["two"]),
    ],
)
async def test_only_what_is_overtaken_may_be_dropped_after_a_send_without_an_answer(
    first: str, second: str, arrive: list[str], sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("telegram_down")
        await said(one, first, "one")
        await one.town.settle()
        await said(one, second, "two")
        await one.pass_(MINUTE)
        assert [text for text in one.texts() if text in {"one", "two"}] == arrive


async def test_a_message_after_which_nothing_came_is_sent_again_whatever_its_kind(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("telegram_down")
        await said(one, "say", "one")
        await one.pass_(MINUTE)
        assert "one" in one.texts()


async def test_I28_a_money_message_sent_twice_carries_its_payments_code_both_times(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        one.faults.arm("telegram_answer_lost", 2)
        await one.pin()
        await one.pass_(MINUTE)
        code = (await one.one("SELECT code FROM payment WHERE id = :id", id=payment))["code"]
        [sale] = one.town.sandbox.xmlvend.sales
        receipts = [text for text in one.texts() if sale.credit_token[:4] in text]
        assert len(receipts) == 2
        assert all(code in text for text in receipts)
        await one.sound()


async def test_F081_messages_of_one_customer_keep_their_order_through_failures(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        for place in range(6):
            one.faults.arm(("telegram_down", "telegram_slow_down")[place % 2])
            await said(one, "fact", f"fact {place}")
            await one.pass_(1)
        await one.pass_(30 * MINUTE)
        facts = [text for text in one.texts() if text.startswith("fact")]
        assert facts == sorted(facts)
        assert set(facts) == {f"fact {place}" for place in range(6)}


async def test_F080_a_customer_who_blocked_the_bot_stops_nobodys_money(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.town.sandbox.telegram.block(AMINA)
        await one.pin()
        await one.pass_(MINUTE)
        assert (await one.state(payment), one.sales) == ("vended", 1)
        assert await one.all("SELECT id FROM outbox WHERE done = 0") == []
        await one.town.sandbox.telegram.unblock(AMINA)
        await one.town.sandbox.telegram.say(AMINA, "token")
        await one.pass_(5)
        [sale] = one.town.sandbox.xmlvend.sales
        assert sale.credit_token[:4] in one.texts()[-1], "the token is had again for the asking"

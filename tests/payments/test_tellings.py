"""What people are told when they ask about their money: the truth as it stands, and only of their own."""

from __future__ import annotations

import pytest

from bot.lookups import LOOKUPS_IN_TEN_MINUTES_MAX
from flows.questions import OFFER_SECONDS
from tests.payments.scene import HOUR, Row, Scene, scene
from tests.town import AMINA, OTIENO


async def asked(one: Scene, words: str, user: int = AMINA) -> str:
    """The bot's answer to a message."""
    await one.town.sandbox.telegram.say(user, words)
    await one.pass_(3)
    return one.texts(user)[-1]


async def tapped(one: Scene, data: str, user: int = AMINA) -> str:
    """The bot's answer to a button, wherever its data comes from."""
    last = [message for message in one.town.sandbox.telegram.chat(user) if message.from_bot][-1]
    await one.town.sandbox.telegram.tap(user, last.message_id, data)
    await one.pass_(3)
    return one.texts(user)[-1]


async def code(one: Scene, payment: str) -> str:
    row: Row = await one.one("SELECT code FROM payment WHERE id = :id", id=payment)
    return str(row["code"])


async def test_status_follows_a_payment_from_the_prompt_to_the_token(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        prompted = await asked(one, "status")
        await one.pin()
        vended = await asked(one, "status")
        assert (await code(one, payment)) in prompted
        assert (await code(one, payment)) in vended
        assert "Paid" not in prompted
        assert "Paid" in vended


async def test_status_names_the_person_who_has_the_case(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.order()
        one.faults.arm("blocked_after_quote")
        await one.pin()
        told = await asked(one, "status")
        assert "0800 000 000" in told
        assert "token was sent" not in told


async def test_a_newer_order_that_is_settled_does_not_hide_one_that_is_still_open(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        owed = await one.order()
        one.faults.arm("blocked_after_quote")
        await one.pin()
        served = await one.order(units=300)
        await one.pin()
        told = await asked(one, "status")
        assert (await code(one, owed)) in told
        assert (await code(one, served)) not in told
        assert "goes back to the phone that paid" in told


async def test_I33_a_receipt_number_of_another_customer_tells_nothing(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        payment = await one.order()
        prompt = await one.pin()
        sms = one.town.sandbox.daraja.handset(prompt.msisdn).sms[-1]
        mine, his = await asked(one, sms), await asked(one, sms, OTIENO)
        assert (await code(one, payment)) in mine
        assert (await code(one, payment)) not in his
        assert "14123456783" not in his


async def test_I33_the_last_token_is_the_customers_own(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        await one.order()
        await one.pin()
        [sale] = one.town.sandbox.xmlvend.sales
        assert sale.credit_token[:4] in await asked(one, "token")
        assert sale.credit_token[:4] not in await asked(one, "token", OTIENO)


async def test_I33_nobody_tries_again_for_somebody_elses_order(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        payment = await one.order()
        await one.cancel()
        await tapped(one, f"retry:{payment}:1", OTIENO)
        assert (await one.state(payment), one.pushes) == ("declined", 1)
        await tapped(one, f"retry:{payment}:1")
        assert (await one.state(payment), one.pushes) == ("prompted", 2)


@pytest.mark.parametrize("data", ["retry:nothing:1", "retry:{id}:7", "retry:{id}:0", "retry:{id}:x", "retry:{id}"])
async def test_a_button_that_was_made_up_prompts_nobody(data: str, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.cancel()
        await tapped(one, data.format(id=payment))
        assert (await one.state(payment), one.pushes) == ("declined", 1)
        await one.sound()


async def test_I04_the_button_of_an_earlier_attempt_prompts_nobody(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.cancel()
        await tapped(one, f"retry:{payment}:1")
        await one.cancel()
        await tapped(one, f"retry:{payment}:1")
        assert (await one.state(payment), one.pushes) == ("declined", 2)
        await tapped(one, f"retry:{payment}:2")
        assert one.pushes == 3


async def test_F017_a_try_after_ten_minutes_is_a_new_order(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.cancel()
        await one.pass_(OFFER_SECONDS)
        await tapped(one, f"retry:{payment}:1")
        assert (await one.state(payment), one.pushes) == ("declined", 1)


async def test_I04_a_try_after_the_money_came_says_so_and_prompts_nobody(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.pin()
        await tapped(one, f"retry:{payment}:1")
        assert (await one.state(payment), one.pushes) == ("vended", 1)


async def test_F056_with_the_utility_away_no_price_is_offered_and_no_money_asked_for(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("utility_down", -1)
        told = await asked(one, "500 14123456783")
        await asked(one, "yes")
        assert "does not answer" in " ".join(one.texts())
        assert told
        assert await one.all("SELECT id FROM payment") == []
        assert one.pushes == 0


async def test_F051_an_order_just_like_the_last_is_pointed_out_before_it_is_confirmed(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        first = await one.order()
        await one.pin()
        await asked(one, "500 14123456783")
        before = await code(one, first)
        assert any(before in text and "another order" in text for text in one.texts())


async def test_S48_who_types_many_meters_to_learn_names_is_stopped(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        finds = []
        for place in range(LOOKUPS_IN_TEN_MINUTES_MAX + 2):
            before = sum(path == "/xmlvend" for _, path in one.town.network.seen)
            await asked(one, f"500 1412345{place:04}")
            await asked(one, "yes")
            await asked(one, "cancel")
            finds.append(sum(path == "/xmlvend" for _, path in one.town.network.seen) > before)
        assert finds[:LOOKUPS_IN_TEN_MINUTES_MAX] == [True] * LOOKUPS_IN_TEN_MINUTES_MAX
        assert finds[-1] is False
        await one.pass_(HOUR)
        before = sum(path == "/xmlvend" for _, path in one.town.network.seen)
        await asked(one, "500 14123456783")
        assert sum(path == "/xmlvend" for _, path in one.town.network.seen) > before

"""Whose phone rings and how often: one live prompt a payer, caps for others' phones, and STOP."""

from __future__ import annotations

from typing import Any

import pytest

from bot.payments.limits import COUNTS, DAY_MS, HOUR_MS, Counts
from tests.payments.scene import HOUR, MINUTE, PHONES, STRANGER, Scene, scene
from tests.town import AMINA, OTIENO


async def live(one: Scene) -> int:
    """The most prompts that any one phone has now."""
    phones = [prompt.msisdn for prompt in one.shown]
    return max((phones.count(phone) for phone in phones), default=0)


async def test_I01_two_orders_of_one_payer_never_ring_together_and_both_finish(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payments = [await one.order(settle=False), await one.order(units=200, settle=False)]
        most = 0
        for _ in range(2):
            await one.pass_(10)
            most = max(most, await live(one))
            await one.pin()
            await one.pass_(10)
        assert ([await one.state(payment) for payment in payments], most) == (["vended"] * 2, 1)
        assert (one.pushes, one.taken, one.sales) == (2, 720, 2)
        await one.sound()


async def test_I01_five_orders_by_two_senders_for_one_phone_ring_one_after_the_other(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        for place in range(5):
            await one.order(AMINA if place % 2 else OTIENO, payer=PHONES[AMINA], units=100 + place, settle=False)
        seen = []
        for _ in range(60):
            await one.pass_(20)
            seen.append(await live(one))
            for prompt in one.shown:
                await one.town.sandbox.daraja.cancel(prompt.id)
        assert max(seen) == 1
        await one.sound()


async def test_I01_a_payers_phone_stays_taken_while_a_second_prompt_of_a_paid_order_stands(sqlite_url: str) -> None:
    """The first prompt is paid late, while the second is on the phone: no third may join it."""
    async with scene(sqlite_url) as one:
        one.faults.arm("success_after_expiry")
        payment = await one.order()
        await one.pass_(90)
        await one.retry(payment, 1)
        await one.pass_(30)
        assert (await one.state(payment), len(one.shown)) == ("vended", 1)
        other = await one.order(units=100)
        await one.pass_(10)
        assert (await one.state(other), await live(one), one.pushes) == ("confirmed", 1, 2)
        await one.cancel()
        await one.pass_(3 * MINUTE)
        assert one.pushes == 3
        await one.pass_(HOUR)
        await one.sound()


async def test_an_order_behind_a_prompt_without_an_end_is_told_after_ten_minutes(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("query_pending_long", -1)
        one.faults.arm("lose_callback", -1)
        await one.order()
        second = await one.order(units=200)
        await one.pass_(9 * MINUTE)
        assert await one.state(second) == "confirmed"
        await one.pass_(2 * MINUTE)
        assert (await one.state(second), one.pushes) == ("declined", 1)
        assert sum("waited too long" in text for text in one.texts()) == 1


async def test_late_money_is_heard_while_another_order_has_the_payers_phone(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("success_after_expiry")
        first = await one.order()
        await one.pass_(70)
        second = await one.order(units=200)
        assert await one.state(second) == "prompted"
        await one.pass_(40)
        assert (await one.state(first), await one.state(second)) == ("vended", "prompted")


async def test_a_wish_while_another_order_has_the_phone_is_told_so_at_once(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        first = await one.order()
        await one.cancel()
        second = await one.order(units=200)
        await one.retry(first, 1)
        assert (await one.state(first), await one.state(second), one.pushes) == ("declined", "prompted", 2)
        assert sum("Another payment request is open" in text for text in one.texts()) == 1
        await one.pin()
        await one.retry(first, 1)
        await one.pin()
        assert [await one.state(payment) for payment in (first, second)] == ["vended"] * 2
        await one.sound()


# --- other people's phones (S-43)


async def cancelled(one: Scene, user: int, payer: str, units: int) -> str:
    """An order for somebody's phone, whose prompt is dismissed if it came; the state it ended in."""
    payment = await one.order(user, payer=payer, units=units)
    for prompt in one.shown:
        await one.town.sandbox.daraja.cancel(prompt.id)
    await one.pass_(MINUTE)
    return await one.state(payment)


async def test_S43_a_strangers_phone_rings_twice_an_hour_across_all_senders(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        for place, user in enumerate((AMINA, OTIENO, AMINA, OTIENO)):
            await cancelled(one, user, STRANGER, 100 + place)
        assert one.pushes == 2
        assert sum("several requests within the hour" in text for user in PHONES for text in one.texts(user)) == 2
        await one.pass_(HOUR)
        for place, user in enumerate((AMINA, OTIENO, AMINA)):
            await cancelled(one, user, STRANGER, 200 + place)
        assert one.pushes == 4
        await one.pass_(2 * HOUR)
        await cancelled(one, OTIENO, STRANGER, 300)
        assert one.pushes == 4, "four a day"
        await one.sound()


async def test_S43_one_sender_rings_three_others_a_day(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        phones = [f"+25473300000{digit}" for digit in range(1, 6)]
        for place, phone in enumerate(phones):
            await cancelled(one, AMINA, phone, 100 + place)
        assert len({prompt.msisdn for prompt in one.prompts}) == 3
        await cancelled(one, AMINA, phones[0], 200)
        assert one.pushes == 4, "one of the three may be asked again"
        await one.order(AMINA, units=300)
        assert one.pushes == 5, "and one's own phone always"


async def test_S43_who_writes_stop_is_left_alone_by_others_and_may_still_pay(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        await one.town.sandbox.telegram.say(OTIENO, "STOP")
        await one.pass_(5)
        refused = await one.order(AMINA, payer=PHONES[OTIENO])
        assert (await one.state(refused), one.pushes) == ("declined", 0)
        assert sum("does not want requests" in text for text in one.texts(AMINA)) == 1
        await one.order(OTIENO)
        assert one.pushes == 1


async def test_S43_at_night_only_ones_own_phone_rings(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.pass_(11 * HOUR)  # nine in the evening in Nairobi
        assert await cancelled(one, AMINA, STRANGER, 100) == "declined"
        assert one.pushes == 0
        await one.order(AMINA)
        assert one.pushes == 1
        await one.pass_(10 * HOUR)
        await one.order(AMINA, payer=STRANGER, units=200)
        assert one.pushes == 2


@pytest.mark.parametrize(
    ("age_ms", "hour", "day"), [(0, 1, 1), (HOUR_MS - 1, 1, 1), (HOUR_MS, 0, 1), (DAY_MS - 1, 0, 1), (DAY_MS, 0, 0)]
)
async def test_S43_an_attempt_counts_for_an_hour_and_for_a_day(
    age_ms: int, hour: int, day: int, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(payer=STRANGER)
        [attempt] = await one.attempts(payment)

        def counts(now: int) -> dict[str, Any]:
            return {"payer": attempt["payer_hash"], "payment": "", "customer": attempt["customer_id"], "now": now}

        counted = Counts.of(await one.one(COUNTS, **counts(attempt["created_at"] + age_ms)))
        assert (counted.hour, counted.day, counted.live) == (hour, day, 1)

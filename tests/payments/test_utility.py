"""The utility at its worst, once the money is there: sold in silence, down for a day, crossed, empty, or refusing."""

from __future__ import annotations

import pytest

from integrations.contract.exchange import NotSent, Request, Sent
from integrations.contract.money import Money
from tests.payments.scene import EMPTY_FLOAT, HOUR, MINUTE, PHONES, Scene, scene
from tests.town import AMINA, OTIENO


async def paid(one: Scene, *faults: str, times: int = 1) -> str:
    """An order whose money is there when these faults strike; its id."""
    payment = await one.order()
    for fault in faults:
        one.faults.arm(fault, times)
    await one.pin()
    return payment


@pytest.mark.parametrize("fault", ["sell_then_timeout", "answer_garbled_after_sale", "crossed_reply"])
async def test_F053_F063_a_sale_whose_answer_is_lost_or_not_ours_is_asked_about_and_sold_once(
    fault: str, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        payment = await paid(one, fault)
        assert (await one.state(payment), one.sales) == ("vending", 1)
        await one.pass_(10)
        assert (await one.state(payment), one.sales) == ("vended", 1)
        [sale] = one.town.sandbox.xmlvend.sales
        assert any(sale.credit_token[:4] in text for text in one.texts()), "the token that was sold is the one sent"
        await one.sound()


async def test_F054_a_requery_that_comes_too_early_is_no_proof_of_absence(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        one.faults.arm("sell_then_timeout")
        one.faults.arm("advice_not_yet", 10)
        await one.pin()
        await one.pass_(HOUR)
        assert one.faults.fired["advice_not_yet"] >= 1
        assert (await one.state(payment), one.sales, len(await one.attempts(payment))) == ("vended", 1, 2)
        await one.sound()


async def test_F054_nor_is_it_when_the_sale_went_out_long_after_it_was_committed(sqlite_url: str) -> None:
    """Ten minutes of refused connections, then a sale in silence, then "no such transaction"."""
    async with scene(sqlite_url) as one:
        payment, down = await one.order(), True
        send = one.town.network.send

        async def gate(request: Request, deadline: float) -> Sent:
            refused = down and "/xmlvend" in request.url
            return NotSent("connection refused") if refused else await send(request, deadline)

        one.parties.utilities["xmlvend"]._send = gate  # type: ignore[attr-defined]  # the adapter behind the protocol
        await one.pin()
        await one.pass_(10 * MINUTE)
        one.faults.arm("sell_then_timeout")
        one.faults.arm("advice_not_yet", 5)
        down = False
        await one.pass_(HOUR)
        assert (await one.state(payment), one.sales, len(await one.attempts(payment))) == ("vended", 1, 2)
        await one.sound()


async def test_a_busy_utility_sells_later_under_a_fresh_reference_and_once(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await paid(one, "busy")
        await one.pass_(HOUR)
        references = [row["reference"] for row in await one.attempts(payment) if row["kind"] == "vend"]
        assert (await one.state(payment), one.sales, len(set(references))) == ("vended", 1, 2)
        await one.sound()


async def test_F056_after_eighteen_hours_without_the_utility_everyone_gets_their_token_once(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        payments = [await one.order(AMINA), await one.order(OTIENO)]
        one.faults.arm("utility_down", -1)
        for prompt in one.shown:
            await one.town.sandbox.daraja.enter_pin(prompt.id, "1234")
        await one.pass_(5)
        payments.append(await one.order(AMINA, units=200))
        await one.pin()
        calls = one.faults.fired["utility_down"]
        await one.pass_(18 * HOUR)
        assert [await one.state(payment) for payment in payments] == ["vending"] * 3
        assert (one.taken, one.sales, one.faults.fired["utility_down"] - calls < 120) == (1230, 0, True)
        one.faults.arm("utility_down", 0)
        await one.pass_(3 * HOUR)
        assert ([await one.state(payment) for payment in payments], one.sales) == (["vended"] * 3, 3)
        assert [sum("slow to answer" in text for text in one.texts(user)) for user in PHONES] == [2, 1]
        await one.sound()


@pytest.mark.parametrize("fault", ["blocked_after_quote", "refuse_after_money"])
async def test_F060_a_sale_refused_after_the_money_is_owed_back_and_said_so(fault: str, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await paid(one, fault)
        await one.pass_(HOUR)
        assert (await one.state(payment), await one.cases(payment), one.sales) == ("refund_due", ["refund_due"], 0)
        assert await one.balance(f"customer_held:{payment}") == -510
        last = one.texts()[-1]
        assert "not lost" in last
        assert "try again" not in last.lower()
        await one.sound()


async def test_F064_an_empty_float_is_our_fault_and_goes_to_a_person(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(meter=EMPTY_FLOAT)
        await one.pin()
        await one.pass_(HOUR)
        assert (await one.state(payment), await one.cases(payment), one.sales) == ("refund_due", ["no_float"], 0)
        await one.sound()


async def test_F063_a_token_of_another_meter_is_never_sent(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await paid(one, "crossed_reply")
        assert await one.state(payment) == "vending"
        assert not any("Token" in text for text in one.texts())
        await one.pass_(MINUTE)
        assert await one.state(payment) == "vended"


async def test_one_customers_silent_utility_holds_up_nobody_else(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        mine = await paid(one, "busy")
        his = await one.order(OTIENO)
        await one.pin(settle=False)
        await one.pass_(2)
        assert (await one.state(his), await one.state(mine)) == ("vended", "vending")
        await one.pass_(HOUR)
        assert await one.state(mine) == "vended"
        await one.sound()


async def test_the_float_that_runs_out_between_two_orders_stops_the_second_only(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.town.sandbox.xmlvend.float_left = Money.of(700, "KES")
        first, second = await one.order(), await one.order(settle=False)
        await one.pin()
        await one.pass_(10)
        await one.pin()
        assert [await one.state(payment) for payment in (first, second)] == ["vended", "refund_due"]
        await one.sound()

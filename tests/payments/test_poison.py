"""One row that cannot be worked stands in nobody's way (I-36), and a person hears of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from bot.payments import plan, worker
from bot.payments.worker import TRIES_BEFORE_CASE
from bot.store.change import Change, Update
from tests.payments.scene import HOUR, MINUTE, PHONES, Scene, scene
from tests.payments.test_callbacks import body
from tests.town import AMINA, OTIENO


async def spoiled(one: Scene, payment: str, **columns: Any) -> None:
    """Something in this row is not as the program thinks."""
    await one.write(Change(updates=(Update("payment", payment, columns),)))


@pytest.mark.parametrize(
    "spoil",
    [{"state": "no such state"}, {"currency": "XXX"}, {"meter_sealed": "damaged"}, {"payer_sealed": "damaged"}],
    ids=["a state nobody knows", "a currency nobody knows", "a meter that does not open", "a phone that does not open"],
)
async def test_I36_a_row_that_cannot_be_planned_is_pushed_back_and_becomes_a_case(
    spoil: dict[str, str], sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        poison = await one.order(AMINA, settle=False)
        await spoiled(one, poison, **spoil)
        fine = await one.order(OTIENO)
        assert await one.state(fine) == "prompted"
        await one.pin()
        assert await one.state(fine) == "vended"
        row = await one.one("SELECT tries, due_at, lease_until FROM payment WHERE id = :id", id=poison)
        assert (row["tries"], row["lease_until"]) == (1, 0)
        await one.pass_(2 * HOUR)
        assert await one.cases(poison) == ["cannot_be_worked"]
        again = await one.order(OTIENO, units=200)
        await one.pin()
        assert await one.state(again) == "vended"


async def test_I36_a_row_that_cannot_be_worked_is_looked_at_ever_more_seldom(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(sqlite_url) as one:
        poison = await one.order(settle=False)
        planned: list[float] = []
        make_plan = plan.make_plan

        def broken(payment: Any, *rest: Any) -> Any:
            if payment.id != poison:
                return make_plan(payment, *rest)
            planned.append(one.town.clock.monotonic())
            raise RuntimeError("a bug")

        monkeypatch.setattr(worker, "make_plan", broken)
        await one.pass_(4 * HOUR)
        at = sorted(set(planned))
        waits = [round(later - earlier) for earlier, later in itertools.pairwise(at)]
        assert waits[:6] == [60, 120, 240, 480, 960, 1920]
        assert set(waits[6:]) == {1920}
        assert len(at) > TRIES_BEFORE_CASE


async def test_a_row_whose_bug_is_mended_goes_on_by_itself(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order(settle=False)
        await spoiled(one, payment, currency="XXX")
        await one.pass_(MINUTE)
        await spoiled(one, payment, currency="KES")
        await one.pass_(2 * MINUTE)
        assert await one.state(payment) == "prompted"


async def test_F032_I07_a_proof_that_paid_another_order_is_quarantined_and_a_person_looks(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        first = await one.order(AMINA)
        paid = await one.pin()
        second = await one.order(OTIENO)
        [prompt] = one.shown
        one.faults.arm("lose_callback")
        await one.town.sandbox.daraja.enter_pin(prompt.id, "1234")
        prompt.receipt = paid.receipt
        await one.call_back(body(prompt.id, receipt=paid.receipt))
        await one.pass_(5 * MINUTE)
        assert (await one.state(first), await one.state(second)) == ("vended", "prompted")
        assert (await one.cases(second), one.sales) == (["refused_by_store"], 1)
        one.faults.arm("lose_callback", 0)
        await one.order(AMINA, payer=PHONES[AMINA], units=100)
        await one.pin()
        assert one.sales == 2, "the others flow"


async def test_a_message_that_cannot_be_rendered_holds_up_nothing_its_customer_hears_later(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        [row] = await one.all("SELECT max(id) AS id FROM outbox")
        await one.write(
            Change(updates=(Update("outbox", row["id"], {"body_sealed": "no seal", "done": 0, "due_at": 0}),))
        )
        await one.pin()
        assert (await one.state(payment), await one.all("SELECT id FROM outbox WHERE done = 0")) == ("vended", [])
        [case] = await one.all("SELECT reason FROM trouble_case")
        assert case["reason"] == "message_malformed"
        assert any("electricity" in text for text in one.texts())

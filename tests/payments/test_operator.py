"""The operator at its worst: answers and callbacks that are lost, late or out of order, and money that is late."""

from __future__ import annotations

import pytest

from integrations.contract.exchange import NotSent, Request, Sent
from integrations.sandbox.daraja import PUSH_PATH, TOKEN_PATH
from tests.payments.scene import HOUR, MINUTE, Scene, scene
from tests.town import AMINA, SANDBOX


async def test_F026_F023_without_any_callback_polling_alone_reaches_the_end(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("lose_callback", -1)
        payments = []
        for _ in range(3):
            payments.append(await one.order())
            await one.pin()
            await one.pass_(15 * MINUTE)
        assert [await one.state(payment) for payment in payments] == ["vended"] * 3
        assert await one.all("SELECT id FROM callback") == []
        await one.sound()


async def test_F027_a_callback_that_overtakes_the_answer_to_the_push_ends_alike(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("callback_before_answer")
        payment = await one.order()
        await one.pass_(1)
        assert await one.state(payment) == "vended"
        [prompt, _] = await one.attempts(payment)
        assert prompt["proof"] == one.prompts[0].receipt
        await one.sound()


async def test_F014_a_lost_push_answer_is_made_good_by_the_callback_at_its_own_address(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("push_answer_lost")
        payment = await one.order()
        assert await one.state(payment) == "prompting"
        await one.pin()
        assert (await one.state(payment), one.pushes, one.sales) == ("vended", 1, 1)
        await one.sound()


async def test_F014_with_answer_and_callback_lost_a_person_looks_and_nothing_is_sent_again(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("push_answer_lost")
        one.faults.arm("lose_callback")
        payment = await one.order()
        await one.pin()
        await one.pass_(HOUR)
        assert (await one.state(payment), await one.cases(payment)) == ("prompting", ["prompt_slow", "prompt_unknown"])
        assert (one.taken, one.pushes, one.sales) == (510, 1, 0)
        # The statement line names the payment, although M-Pesa's own id of it was never heard.
        code = (await one.one("SELECT code FROM payment"))["code"].replace("-", "")
        assert code in one.town.sandbox.daraja.transactions[0].account


async def test_F014_the_payers_phone_is_free_again_after_the_prompts_lifetime(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("push_blocked")
        await one.order()
        second = await one.order(settle=False)
        await one.pass_(5 * MINUTE)
        assert (await one.state(second), one.pushes) == ("confirmed", 1)
        await one.pass_(2 * MINUTE + 40)
        assert (await one.state(second), len(one.shown)) == ("prompted", 1)
        await one.pin()
        assert await one.state(second) == "vended"
        await one.sound()


async def test_F030_I17_late_success_after_expiry_is_receipted_booked_and_vended(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("success_after_expiry")
        payment = await one.order()
        await one.pass_(70)
        assert await one.state(payment) == "expired"
        await one.pass_(MINUTE)
        assert (await one.state(payment), one.sales) == ("vended", 1)
        assert sum("arrived after all" in text for text in one.texts()) == 1
        await one.sound()


async def test_late_success_whose_callback_is_lost_is_found_at_rest(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("success_after_expiry")
        payment = await one.order()
        await one.pass_(70)
        one.faults.arm("lose_callback")
        await one.pass_(MINUTE)
        assert (await one.state(payment), one.taken) == ("expired", 510)
        await one.pass_(11 * MINUTE)
        assert (await one.state(payment), one.sales) == ("vended", 1)
        await one.sound()


async def test_a_second_prompt_that_is_paid_as_well_is_a_surplus_and_told(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("success_after_expiry")
        payment = await one.order()
        await one.pass_(70)
        await one.retry(payment, 1)
        await one.pin()
        assert (await one.state(payment), one.taken) == ("vended", 510)
        await one.pass_(MINUTE)
        assert (one.taken, one.sales, await one.cases(payment)) == (1020, 1, ["surplus"])
        assert await one.balance("suspense:surplus") == -510
        assert sum("A second payment" in text for text in one.texts()) == 1
        await one.sound()


async def test_a_second_prompts_late_money_is_found_even_when_nobody_calls_back(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("success_after_expiry")
        payment = await one.order()
        await one.pass_(70)
        await one.retry(payment, 1)
        await one.pin()
        one.faults.arm("lose_callback")
        await one.pass_(MINUTE)
        assert (one.taken, await one.balance("suspense:surplus")) == (1020, 0)
        await one.pass_(15 * MINUTE)
        assert (await one.balance("suspense:surplus"), await one.cases(payment)) == (-510, ["surplus"])
        await one.sound()


async def test_F042_an_operator_that_says_pending_for_hours_is_believed_and_told_of_once(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("query_pending_long", -1)
        one.faults.arm("lose_callback")
        payment = await one.order()
        await one.pin()
        await one.pass_(6 * HOUR)
        assert (await one.state(payment), await one.cases(payment)) == ("prompted", ["prompt_slow"])
        assert sum("has not told us yet" in text for text in one.texts()) == 1
        one.faults.arm("query_pending_long", 0)
        await one.pass_(HOUR)
        assert await one.state(payment) == "vended"


async def test_F015_an_expired_access_token_costs_one_renewal_and_no_second_prompt(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("token_expired")
        payment = await one.order()
        assert (await one.state(payment), len(one.prompts), one.pushes) == ("prompted", 1, 2)


class Gate:
    """Stands before the sandbox and refuses connections while it is shut, to all or to one address."""

    def __init__(self, one: Scene, path: str = "") -> None:
        self.shut = True
        self.refused = 0
        self._path = path
        self._network = one.town.network
        self._send = one.town.network.send
        one.parties.money["mpesa"]._send = self.send  # type: ignore[attr-defined]  # the adapter behind the protocol
        one.parties.money["mpesa"]._tokens._send = self.send  # type: ignore[attr-defined]

    async def send(self, request: Request, deadline: float) -> Sent:
        if self.shut and request.url.startswith(SANDBOX + self._path):
            self.refused += 1
            return NotSent("connection refused")
        return await self._send(request, deadline)


@pytest.mark.parametrize("path", [PUSH_PATH, TOKEN_PATH, ""])
async def test_F003_an_operator_that_is_down_at_the_push_gets_the_same_reference_later(
    path: str, sqlite_url: str
) -> None:
    async with scene(sqlite_url) as one:
        gate = Gate(one, path)
        payment = await one.order()
        [before] = await one.attempts(payment)
        await one.pass_(2 * MINUTE)
        assert (before["state"], await one.state(payment), one.prompts) == ("unsent", "prompting", [])
        gate.shut = False
        await one.pass_(2 * MINUTE)
        [after] = await one.attempts(payment)
        assert (after["reference"], one.prompts[0].asked.description) == (before["reference"],) * 2
        assert gate.refused < 12, "ever more slowly (I-36)"
        await one.sound_but_for_open_prompts()


async def test_F017_after_ten_minutes_a_prompt_that_was_never_sent_is_closed_and_told(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        gate = Gate(one)
        payment = await one.order()
        await one.pass_(HOUR)
        assert (await one.state(payment), await one.cases(payment), one.prompts) == ("declined", [], [])
        assert sum("waited too long" in text for text in one.texts()) == 1
        gate.shut = False
        await one.pass_(HOUR)
        assert (await one.state(payment), one.prompts) == ("declined", [])
        await one.sound()


async def test_F011_a_phone_that_is_busy_elsewhere_is_told_and_may_try_again(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm("push_busy")
        payment = await one.order()
        assert (await one.state(payment), await one.cases(payment)) == ("declined", [])
        await one.retry(payment, 1)
        await one.pin()
        assert (await one.state(payment), one.taken, len(one.prompts)) == ("vended", 510, 1)
        await one.sound()


@pytest.mark.parametrize("fault", ["wrong_amount_callback"])
async def test_F031_another_amount_than_was_asked_never_vends_and_frees_the_phone(fault: str, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        one.faults.arm(fault)
        payment = await one.order()
        await one.pin()
        await one.pass_(HOUR)
        assert (await one.state(payment), one.sales) == ("prompted", 0)
        assert await one.cases(payment) == ["amount_mismatch", "prompt_slow"]
        second = await one.order(units=100)
        await one.pin()
        assert await one.state(second) == "vended"


async def test_I29_nothing_is_called_failed_while_its_outcome_is_open(sqlite_url: str) -> None:
    """One application told its users to try again after their money had moved."""
    async with scene(sqlite_url) as one:
        one.faults.arm("push_answer_lost")
        one.faults.arm("late_callback")
        one.faults.arm("sell_then_timeout")
        await one.order()
        await one.pin()
        await one.pass_(HOUR)
        said = " ".join(one.texts(AMINA)).lower()
        assert not any(word in said for word in ("failed", "declined", "try again", "no money was taken"))

"""Callbacks from anybody: they are kept, they wake an enquiry, and they move nothing by themselves."""

from __future__ import annotations

import asyncio
import json

import orjson
import pytest

from bot.payments.schedule import HINT_EVERY_MS
from tests.payments.scene import DAY, HOUR, MINUTE, Row, Scene, scene
from tests.town import OTIENO


def body(theirs: str, *, code: int = 0, receipt: str = "SKF0RGED99", amount: int = 510) -> bytes:
    """A callback in Daraja's own shape."""
    told: dict[str, object] = {
        "MerchantRequestID": "1-1-1", "CheckoutRequestID": theirs, "ResultCode": code, "ResultDesc": "words",
    }  # fmt: skip
    if code == 0:
        items = [{"Name": "Amount", "Value": amount}, {"Name": "MpesaReceiptNumber", "Value": receipt}]
        told["CallbackMetadata"] = {"Item": [*items, {"Name": "PhoneNumber", "Value": 254711000001}]}
    return json.dumps({"Body": {"stkCallback": told}}).encode()


async def callbacks(one: Scene) -> list[Row]:
    return await one.all("SELECT * FROM callback ORDER BY id")


async def test_F028_fifty_copies_at_once_are_kept_and_count_once(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        one.faults.arm("lose_callback")
        prompt = await one.pin(settle=False)
        enquiries = one.enquiries
        copies = [one.call_back(body(prompt.id, receipt=prompt.receipt)) for _ in range(50)]
        answers = await asyncio.gather(*copies)
        await one.pass_(MINUTE)
        assert {answer.status for answer in answers} == {200}
        assert len(await callbacks(one)) == 50
        assert (await one.state(payment), one.sales, one.enquiries - enquiries) == ("vended", 1, 1)
        assert len(await one.all("SELECT id FROM payment_event WHERE event = 'collected'")) == 1
        await one.sound()


async def test_F039_I24_a_forged_success_moves_nothing_while_the_operator_says_pending(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        for _ in range(50):
            await one.call_back(body(one.prompts[0].id))
            await one.pass_(1)
        assert (await one.state(payment), one.sales, one.taken) == ("prompted", 0, 0)
        assert await one.all("SELECT id FROM posting") == []
        assert one.enquiries <= 50 / (HINT_EVERY_MS / 1000) + 6, "a flood wakes few enquiries (S-07)"
        await one.pass_(MINUTE)
        assert await one.state(payment) == "expired"
        await one.sound()


async def test_F039_a_forged_success_for_every_live_prompt_sells_nothing(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        mine, his = await one.order(), await one.order(OTIENO)
        for place in (0, 1):
            await one.call_back(body(one.prompts[place].id), prompt=place)
        await one.pass_(HOUR)
        assert ([await one.state(payment) for payment in (mine, his)], one.sales) == (["expired"] * 2, 0)
        await one.sound()


@pytest.mark.parametrize("token", ["0" * 32, "x", "%00", "a" * 4000])
async def test_S11_an_unknown_address_is_answered_like_a_known_one_and_kept(token: str, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        known = await one.call_back(body("ws_CO_nothing"))
        unknown = await one.call_back(body(one.prompts[0].id), url=f"/c/{token}")
        assert (unknown.status, unknown.body, unknown.headers) == (known.status, known.body, known.headers)
        [_, row] = await callbacks(one)
        assert (row["verdict"], row["attempt_id"], row["remote"]) == ("unknown", None, "203.0.113.9")
        await one.pass_(30)
        assert (await one.state(payment), one.sales) == ("prompted", 0)


async def test_S07_the_right_address_with_another_prompts_id_wakes_nobody(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        mine = await one.order()
        await one.order(OTIENO)
        await one.pin()
        enquiries = one.enquiries
        await one.call_back(body(one.prompts[1].id, receipt=one.prompts[1].receipt), prompt=0)
        await one.pass_(1)
        assert (await one.state(mine), one.sales, one.enquiries) == ("prompted", 1, enquiries)


async def test_S07_where_our_own_id_was_lost_anothers_money_is_not_taken_for_ours(sqlite_url: str) -> None:
    """The push's answer is lost, so any id could be ours; but one that names another prompt of ours is not."""
    async with scene(sqlite_url) as one:
        await one.meet(OTIENO)
        his = await one.order(OTIENO)
        paid = await one.pin()
        one.faults.arm("push_answer_lost")
        mine = await one.order()
        await one.call_back(body(paid.id, receipt="SKF0RGED99"), prompt=1)
        await one.town.settle()
        assert (await one.state(mine), (await one.attempts(mine))[0]["hinted"]) == ("prompting", 0)
        await one.pass_(HOUR)
        assert (await one.state(his), await one.state(mine), one.sales) == ("vended", "expired", 1)
        await one.sound()


async def test_F040_an_old_callback_replayed_after_the_token_does_nothing(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        prompt = await one.pin()
        before = (one.enquiries, one.pushes, one.sales, await one.attempts(payment), one.texts())
        for wait in (1, MINUTE, DAY):
            await one.pass_(wait)
            answer = await one.call_back(body(prompt.id, receipt=prompt.receipt))
            assert answer.status == 200
        await one.pass_(DAY)
        assert (one.enquiries, one.pushes, one.sales, await one.attempts(payment), one.texts()) == before
        assert await one.state(payment) == "vended"
        await one.sound()


async def test_F040_an_old_no_replayed_after_a_later_yes_does_nothing(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        await one.cancel()
        await one.retry(payment, 1)
        await one.pin()
        await one.call_back(body(one.prompts[0].id, code=1032), prompt=0)
        await one.pass_(HOUR)
        assert (await one.state(payment), await one.cases(payment), one.sales, one.taken) == ("vended", [], 1, 510)
        await one.sound()


async def test_F029_a_no_after_the_yes_never_takes_the_token_back(sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        prompt = await one.pin()
        await one.call_back(body(prompt.id, code=1032))
        await one.pass_(HOUR)
        assert (await one.state(payment), await one.cases(payment), one.sales) == ("vended", [], 1)
        await one.sound()


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"null", b"[]", b'{"Body":1}', b"\xff\xfe", b'{"Body":{"stkCallback":{"ResultCode":0}}}', b"[" * 9999],
)
async def test_F036_a_body_that_is_no_callback_is_kept_answered_and_without_effect(raw: bytes, sqlite_url: str) -> None:
    async with scene(sqlite_url) as one:
        payment = await one.order()
        assert (await one.call_back(raw)).status == 200
        [row] = await callbacks(one)
        assert row["verdict"] == "malformed"
        stored = orjson.loads(one.parties.seal.open(row["raw_sealed"], "callback.raw"))
        assert stored[2].encode() == raw or b"\xff" in raw
        assert (await one.attempts(payment))[0]["hinted"] == 0

"""How the sandbox hands over updates: per-person order, the ladder of retries, expiry, methods in answers."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest

from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.contract.message import Tapped, Typed
from integrations.sandbox.far_side import DELIVERY_TIMEOUT_SECONDS
from tests.channels.telegram.stage import JANE, SECRET, WEBHOOK_URL, Stage, hello

OTIENO = 6022


async def hooked() -> Stage:
    stage = Stage()
    stage.side.add_user(OTIENO, "Otieno", "+254798765432")
    await stage.use_webhook()
    return stage


def method_answer(**call: object) -> Response:
    return Response(200, {"content-type": "application/json"}, orjson.dumps(call))


async def test_an_update_is_posted_as_json_with_the_secret() -> None:
    stage = await hooked()
    await stage.side.say(JANE, "hello")
    assert stage.bot.arrivals == []
    await stage.pass_time()
    (request,) = stage.bot.arrivals
    assert (request.method, request.url) == ("POST", WEBHOOK_URL)
    assert request.headers["x-telegram-bot-api-secret-token"] == SECRET
    assert list(orjson.loads(request.body)) == ["update_id", "message"]
    assert stage.bot.contents() == [Typed("hello")]


FAILURES: list[Sent] = [Response(500), Response(302), Response(404), Unknown("hung up"), NotSent("refused")]


@pytest.mark.parametrize("failure", FAILURES)
async def test_what_is_not_taken_comes_at_once_then_after_2_4_8_up_to_a_minute_or_two(failure: Sent) -> None:
    stage = await hooked()
    stage.bot.answers = [failure] * 12
    await stage.side.say(JANE, "hello")
    await stage.pass_time(1200)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(stage.deliveries)]
    assert gaps[:6] == [0, 2, 4, 8, 16, 32]
    assert len(gaps) == 12
    assert all(60 <= gap <= 120 for gap in gaps[6:])
    assert {patience for _, patience in stage.deliveries} == {DELIVERY_TIMEOUT_SECONDS}
    assert stage.bot.contents() == [Typed("hello")]


async def test_an_update_not_taken_holds_back_that_persons_next_ones_and_nobody_elses() -> None:
    stage = await hooked()
    stage.bot.answers = [Response(500)] * 2
    await stage.side.say(JANE, "first")
    await stage.side.say(JANE, "second")
    await stage.pass_time()
    await stage.side.say(OTIENO, "other")
    await stage.pass_time()
    assert stage.bot.contents() == [Typed("other")]
    await stage.pass_time(2)
    assert stage.bot.contents() == [Typed("other"), Typed("first"), Typed("second")]


async def test_a_tap_overtakes_a_held_message_of_the_same_person() -> None:
    stage = await hooked()
    await stage.side.say(JANE, "/start")
    await stage.pass_time()
    await stage.telegram.send(str(JANE), hello("?", ("a", "Yes")), stage.soon)
    stage.bot.answers = [Response(500)] * 2
    await stage.side.say(JANE, "500")
    await stage.pass_time()
    await stage.side.tap(JANE, 2, "a")
    await stage.pass_time()
    await stage.pass_time(2)
    assert [type(content) for content in stage.bot.contents()] == [Typed, Tapped, Typed]


async def test_retry_after_is_honoured_up_to_an_hour() -> None:
    stage = await hooked()
    stage.bot.answers = [Response(429, {"retry-after": "30"}), Response(503, {"retry-after": "9999"})]
    await stage.side.say(JANE, "hello")
    await stage.pass_time(29)
    assert len(stage.bot.arrivals) == 1
    await stage.pass_time(1)
    assert len(stage.bot.arrivals) == 2
    await stage.pass_time(3599)
    assert len(stage.bot.arrivals) == 2
    await stage.pass_time(1)
    assert stage.bot.contents() == [Typed("hello")]


async def test_a_message_is_given_up_after_a_day_and_a_tap_after_150_seconds() -> None:
    stage = await hooked()
    await stage.side.say(JANE, "/start")
    await stage.pass_time()
    await stage.telegram.send(str(JANE), hello("?", ("a", "Yes")), stage.soon)
    down = [Response(500)] * 100_000
    stage.bot.answers = list(down)
    await stage.side.tap(JANE, 2, "a")
    await stage.side.say(JANE, "hello")
    await stage.pass_time(150)
    assert (await stage.call("getWebhookInfo"))["result"]["pending_update_count"] == 1
    await stage.pass_time(24 * 3600 - 300)
    assert (await stage.call("getWebhookInfo"))["result"]["pending_update_count"] == 1
    await stage.pass_time(300)
    assert (await stage.call("getWebhookInfo"))["result"]["pending_update_count"] == 0
    stage.bot.answers = []
    await stage.side.say(JANE, "again")
    await stage.pass_time()
    assert stage.bot.contents()[-1] == Typed("again")


async def test_F071_an_acknowledged_update_may_come_twice_with_the_same_id() -> None:
    stage = await hooked()
    stage.faults.arm("telegram_double_delivery")
    await stage.side.say(JANE, "hello")
    await stage.side.say(JANE, "next")
    await stage.pass_time()
    assert stage.bot.contents() == [Typed("hello"), Typed("hello"), Typed("next")]
    ids = [one.external_id for one in stage.bot.received]
    assert ids[0] == ids[1] != ids[2]


async def test_F078_the_method_in_an_answer_is_executed() -> None:
    stage = await hooked()
    await stage.side.say(JANE, "/start")
    await stage.pass_time()
    await stage.telegram.send(str(JANE), hello("?", ("a", "Yes")), stage.soon)
    await stage.side.tap(JANE, 2, "a")
    assert stage.side.spinning(JANE) == 1
    await stage.pass_time()
    assert stage.side.spinning(JANE) == 0


async def test_a_method_that_fails_in_an_answer_changes_nothing_and_is_told_to_nobody() -> None:
    stage = await hooked()
    stage.bot.answers = [method_answer(method="sendMessage", chat_id=1, text="x")]
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert len(stage.bot.arrivals) == 1
    assert (await stage.call("getWebhookInfo"))["result"]["pending_update_count"] == 0


@pytest.mark.parametrize("method", ["setWebhook", "deleteWebhook", "close", "logOut", "getUpdates"])
async def test_some_methods_are_not_executed_in_an_answer(method: str) -> None:
    stage = await hooked()
    stage.bot.answers = [method_answer(method=method, url="https://elsewhere.test/")]
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert (await stage.call("getWebhookInfo"))["result"]["url"] == WEBHOOK_URL


@pytest.mark.parametrize("body", [b"OK", b"[]", b'{"method": 7}', b""])
async def test_an_answer_that_calls_nothing_is_only_an_acknowledgement(body: bytes) -> None:
    stage = await hooked()
    stage.bot.answers = [Response(204, {}, body)]
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert len(stage.bot.arrivals) == 1


async def test_what_happened_before_the_webhook_was_set_is_delivered_through_it() -> None:
    stage = Stage()
    await stage.side.say(JANE, "early")
    await stage.use_webhook()
    await stage.pass_time()
    assert stage.bot.contents() == [Typed("early")]


async def test_without_a_webhook_what_is_under_way_stays_for_polling() -> None:
    stage = await hooked()
    stage.bot.answers = [Response(500)] * 2
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    await stage.call("deleteWebhook")
    await stage.pass_time(10)
    assert len(stage.bot.arrivals) == 2
    assert len((await stage.call("getUpdates"))["result"]) == 1
    await stage.use_webhook()
    await stage.pass_time()
    assert stage.bot.contents() == [Typed("hello")]


@pytest.mark.parametrize("method", ["setWebhook", "deleteWebhook"])
async def test_what_waits_can_be_dropped(method: str) -> None:
    stage = Stage()
    await stage.side.say(JANE, "old")
    await stage.call(method, url=WEBHOOK_URL, secret_token=SECRET, drop_pending_updates=True)
    await stage.pass_time()
    assert stage.bot.arrivals == []
    assert (await stage.call("getWebhookInfo"))["result"]["pending_update_count"] == 0


async def test_polling_returns_the_same_until_the_offset_moves_on() -> None:
    stage = Stage()
    for text in ("a", "b", "c"):
        await stage.side.say(JANE, text)
    first = (await stage.call("getUpdates", limit=2))["result"]
    assert (await stage.call("getUpdates", limit=2))["result"] == first
    rest = (await stage.call("getUpdates", offset=first[1]["update_id"] + 1))["result"]
    assert [update["message"]["text"] for update in rest] == ["c"]
    assert (await stage.call("getUpdates"))["result"] == rest


async def test_a_negative_offset_counts_from_the_end_and_forgets_the_rest() -> None:
    stage = Stage()
    for text in ("a", "b", "c"):
        await stage.side.say(JANE, text)
    last = (await stage.call("getUpdates", offset=-1))["result"]
    assert [update["message"]["text"] for update in last] == ["c"]
    assert (await stage.call("getUpdates"))["result"] == last
    assert (await Stage().call("getUpdates", offset=-1))["result"] == []


async def test_updates_too_old_are_not_polled() -> None:
    stage = Stage()
    await stage.side.say(JANE, "old")
    stage.clock.seconds += 24 * 3600 + 1
    assert (await stage.call("getUpdates"))["result"] == []


async def test_kinds_not_asked_for_are_lost_and_no_wish_keeps_the_last_one() -> None:
    stage = Stage()
    await stage.call("getUpdates", allowed_updates=["callback_query"])
    await stage.side.say(JANE, "lost")
    assert (await stage.call("getUpdates"))["result"] == []
    await stage.call("getUpdates", allowed_updates=[])
    await stage.side.say(JANE, "kept")
    assert len((await stage.call("getUpdates"))["result"]) == 1


async def test_update_ids_only_grow() -> None:
    stage = Stage()
    for _ in range(3):
        await stage.side.say(JANE, "x")
    numbers = [update["update_id"] for update in (await stage.call("getUpdates"))["result"]]
    assert numbers == list(range(numbers[0], numbers[0] + 3))

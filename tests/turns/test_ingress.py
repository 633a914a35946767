"""What is acknowledged is stored, once, and answered once: twenty copies of a webhook, a store that is away."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from bot.store.change import Change, CommitUnknown, StoreUnavailable, Written
from bot.store.store import Store
from bot.web.ingress import Ingress
from integrations.channels.telegram.adapter import PROOF_HEADER, Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.contract.exchange import NotSent, Request, Response, Sent
from integrations.contract.people import Secret
from tests.databases import SetClock, Tasks
from tests.turns.stage import LANGUAGES, Stage, Watched, Way, plainly

WEBHOOK_SECRET = "test-webhook-secret-of-enough-letters"
AMINA = 711000001


async def nobody_there(_request: Request, _deadline: float) -> Sent:
    return NotSent("no network in this test")


class Door:
    """The ingress of one replica."""

    def __init__(self, stage: Stage) -> None:
        config = TelegramConfig(token=Secret("1:test"), webhook_secret=Secret(WEBHOOK_SECRET))
        telegram = Telegram(config, nobody_there, stage.clock)
        self.store = Watched(stage.store)
        self.ingress = Ingress({"telegram": telegram}, stage.parties, LANGUAGES, self.store)  # type: ignore[arg-type]  # a Store

    async def deliver(self, number: int, text: str, *, person: int = AMINA, secret: str = WEBHOOK_SECRET) -> Response:
        message = {
            "message_id": number, "date": 1_772_355_600, "text": text,
            "chat": {"id": person, "type": "private"}, "from": {"id": person, "is_bot": False, "language_code": "en"},
        }  # fmt: skip
        body = orjson.dumps({"update_id": number, "message": message})
        return await self.ingress.serve(Request("POST", "/webhooks/telegram", {PROOF_HEADER: secret}, body))


@pytest.fixture
def door(stage: Stage) -> Door:
    return Door(stage)


@pytest.fixture
def other_door(second: Stage) -> Door:
    return Door(second)


async def chat(stage: Stage) -> str:
    [row] = await stage.rows("SELECT id FROM conversation WHERE channel = 'telegram'")
    return str(row["id"])


def statuses(responses: list[Response]) -> list[int]:
    return [response.status for response in responses]


async def test_F071_twenty_parallel_copies_of_one_webhook_are_one_input_and_one_answer(
    stage: Stage, door: Door, other_door: Door
) -> None:
    copies = [one.deliver(1, "menu") for one in (door, other_door) for _ in range(10)]
    assert statuses(await asyncio.gather(*copies)) == [200] * 20
    await stage.settle()
    name = await chat(stage)
    assert await stage.dispositions(name) == ["menu"]
    assert len(await stage.bodies(name)) == 1
    assert (await door.deliver(1, "menu")).status == 200
    assert await stage.settle() == 0


async def test_twenty_first_messages_of_one_person_are_one_customer_and_all_are_answered(
    stage: Stage, door: Door, other_door: Door
) -> None:
    first = [(door, other_door)[number % 2].deliver(number, str(number)) for number in range(101, 120)]
    assert statuses(await asyncio.gather(door.deliver(100, "buy"), *first)) == [200] * 20
    await stage.settle()
    name = await chat(stage)
    assert await stage.said(name) == list(range(101, 120))
    [customers] = await stage.rows("SELECT count(*) AS count FROM customer WHERE id <> 'c1'")
    assert customers["count"] == 1


async def test_I27_webhooks_that_arrive_out_of_order_are_answered_in_the_channels(stage: Stage, door: Door) -> None:
    for number, text in ((23, "102"), (21, "buy"), (22, "101")):
        await door.deliver(number, text)
    await stage.settle()
    assert await stage.said(await chat(stage)) == [101, 102]


async def test_S01_what_does_not_come_from_the_channel_is_not_stored(stage: Stage, door: Door) -> None:
    for secret in ("", WEBHOOK_SECRET[:-1], WEBHOOK_SECRET + "x"):
        assert (await door.deliver(1, "menu", secret=secret)).status == 401
    assert await stage.rows("SELECT id FROM input") == []


async def away(_store: Store, _change: Change) -> Written:
    raise StoreUnavailable


async def unknown(store: Store, change: Change) -> Written:
    await store.write(change)
    return CommitUnknown()


@pytest.mark.parametrize("way", [away, unknown])
async def test_I25_a_store_that_is_away_is_answered_503_and_the_channels_retry_is_our_queue(
    stage: Stage, door: Door, way: Way
) -> None:
    await door.deliver(1, "buy")
    door.store.way = way
    refused = await door.deliver(2, "21")
    assert refused.status == 503
    assert refused.headers["retry-after"]
    door.store.way = plainly
    assert (await door.deliver(2, "21")).status == 200
    assert (await door.deliver(2, "21")).status == 200
    await stage.settle()
    assert await stage.said(await chat(stage)) == [21]


async def test_I25_a_store_that_is_closing_takes_nothing_and_loses_nothing(
    stage: Stage, door: Door, database_url: str, set_clock: SetClock, tasks: Tasks
) -> None:
    second = await Store.open(database_url, set_clock, tasks, alone=False)
    door.store.inner = second
    assert (await door.deliver(1, "buy")).status == 200
    closing = [door.deliver(number, str(number)) for number in range(21, 41)]
    outcomes = asyncio.gather(*closing)
    await second.close()
    taken = [number for number, status in zip(range(21, 41), statuses(await outcomes), strict=True) if status == 200]
    assert (await door.deliver(41, "41")).status == 503
    await stage.settle()
    assert await stage.said(await chat(stage)) == taken
    door.store.inner = stage.store
    assert statuses([await door.deliver(number, str(number)) for number in range(21, 42)]) == [200] * 21
    await stage.settle()
    assert sorted(await stage.said(await chat(stage))) == list(range(21, 42))

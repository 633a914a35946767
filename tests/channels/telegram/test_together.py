"""The adapter and the sandbox over real sockets, as `bili serve` and `bili sandbox` meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.clock import RealClock
from integrations.channels.telegram.adapter import Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.telegram.setup import TelegramSetup
from integrations.contract.exchange import NotSent, Request, Response, Unknown
from integrations.contract.message import Delivered, Gone, Malformed, Tapped, Throttled, Typed
from integrations.contract.people import Secret
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.telegram import TelegramSide
from tests.channels.telegram.stage import JANE, PHONE, SECRET, TOKEN, Bot, hello
from tests.seams import SeededRandom


@dataclass
class Town:
    """Both ends on ports of their own."""

    side: TelegramSide
    telegram: Telegram
    setup: TelegramSetup
    bot: Bot
    faults: FaultPlan
    hook: str
    far: str
    clock: RealClock

    @property
    def soon(self) -> float:
        return self.clock.monotonic() + 5

    async def hears(self, count: int) -> list[object]:
        while len(self.bot.received) < count:
            await self.side.due.drain()
            await asyncio.sleep(0.001)
        return self.bot.contents()


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    clock, faults = RealClock(), FaultPlan()
    async with HttpSender(clock) as sender:
        side = TelegramSide(World(sender.send, clock, SeededRandom(), faults), TOKEN)
        side.add_user(JANE, "Jane", PHONE)
        async with HttpServer(side.serve, "127.0.0.1", 0) as far:
            api_url = f"http://127.0.0.1:{far.port}"
            config = TelegramConfig(token=Secret(TOKEN), webhook_secret=Secret(SECRET), api_url=api_url)
            telegram = Telegram(config, sender.send, clock)
            bot = Bot(telegram)

            async def serve(request: Request) -> Response:
                answered = await bot.serve(request)
                assert isinstance(answered, Response)
                return answered

            async with HttpServer(serve, "127.0.0.1", 0) as near:
                hook = f"http://127.0.0.1:{near.port}/webhooks/telegram"
                yield Town(side, telegram, TelegramSetup(config, sender.send, clock), bot, faults, hook, api_url, clock)


async def test_a_conversation_by_webhook() -> None:
    async with town() as place:
        await place.setup.use_webhook(place.hook)
        await place.side.say(JANE, "/start")
        await place.hears(1)
        sent = await place.telegram.send(str(JANE), hello("Pay?", ("n:yes", "Yes")), place.soon)
        assert isinstance(sent, Delivered)
        await place.side.tap(JANE, int(sent.external_id), "n:yes")
        contents = await place.hears(2)
        assert [type(content) for content in contents] == [Typed, Tapped]
        assert place.side.spinning(JANE) == 0
        edit = hello("Paid", edits=sent.external_id)
        assert await place.telegram.send(str(JANE), edit, place.soon) == sent
        assert [message.text for message in place.side.chat(JANE)] == ["/start", "Paid"]


async def test_a_conversation_by_polling() -> None:
    async with town() as place:
        await place.side.say(JANE, "/start")
        updates = await place.telegram.poll(0, 0, place.soon)
        assert isinstance(updates, list)
        ((number, _),) = updates
        assert await place.telegram.poll(number, 0, place.soon) == []


async def test_S03_a_stranger_at_the_webhook_is_turned_away() -> None:
    async with town() as place, HttpSender(place.clock) as stranger:
        answered = await stranger.send(Request("POST", place.hook, {}, b"{}"), place.soon)
        assert isinstance(answered, Response)
        assert answered.status == 401
        assert place.bot.received == []


async def test_each_fault_of_the_sandbox_is_the_outcome_it_should_be() -> None:
    async with town() as place:
        await place.side.say(JANE, "/start")

        async def sends_under(fault: str) -> object:
            place.faults.arm(fault)
            return await place.telegram.send(str(JANE), hello(fault), place.soon)

        assert await sends_under("telegram_slow_down") == Throttled(3.0)
        assert isinstance(await sends_under("telegram_down"), Unknown)
        assert isinstance(await sends_under("telegram_answer_lost"), Unknown)
        assert [message.text for message in place.side.chat(JANE)] == ["/start", "telegram_answer_lost"]


async def test_F080_a_person_who_blocked_is_gone() -> None:
    async with town() as place:
        await place.side.say(JANE, "/start")
        await place.side.block(JANE)
        assert isinstance(await place.telegram.send(str(JANE), hello(), place.soon), Gone)


def elsewhere(place: Town, sender: HttpSender, token: str, api_url: str) -> Telegram:
    config = TelegramConfig(token=Secret(token), webhook_secret=Secret(SECRET), api_url=api_url)
    return Telegram(config, sender.send, place.clock)


async def test_a_wrong_token_is_malformed() -> None:
    async with town() as place, HttpSender(place.clock) as sender:
        wrong = elsewhere(place, sender, "700:wrong", place.far)
        assert await wrong.send(str(JANE), hello(), place.soon) == Malformed("token")


async def test_F155_a_telegram_that_is_not_there_was_proved_to_get_nothing() -> None:
    async with town() as place:
        pass
    async with HttpSender(place.clock) as sender:
        dead = elsewhere(place, sender, TOKEN, place.far)
        assert isinstance(await dead.send(str(JANE), hello(), place.soon), NotSent)

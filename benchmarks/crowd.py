"""Everybody the service talks to: the sandbox's far sides, and people who write, tap and type their PIN at once.

The same crowd stands in this process, or serves HTTP as a process of its own (`python -m benchmarks.crowd`), where
`POST /crowd/<act>?people=…` makes people act and answers when all of them are content.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop
from pydantic import SecretStr

from benchmarks.cpu import seconds_here
from bot.clock import RealClock, RealRandom, Tasks
from bot.lifetime import at_end
from integrations.contract.exchange import Request, Response, Send, Sent, json_response
from integrations.contract.people import Secret
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.daraja import PUSH_PATH, DarajaSide, DarajaSideConfig
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.telegram import ChatMessage, TelegramSide
from integrations.sandbox.xmlvend import XmlVendSide, XmlVendSideConfig

TELEGRAM_TOKEN = "700000007:benchmark-telegram-token"
CONSUMER_KEY, CONSUMER_SECRET, PASSKEY = "benchmark-key", "benchmark-secret", "benchmark-passkey"
SHORTCODE = "174379"
TERMINAL_IDS = "0000000000001,0000000000002"
CLIENT_ID, OPERATOR, PASSWORD = "0000000000001", "benchmark-operator", "benchmark-password"

#: People who act at the same time; each waits for an answer before the next thing.
AT_ONCE = 64

#: Every line is answered with one message and asks nothing of the world: the meter's check digit does not fit.
CHAT = ("buy", "14123456789", "back", "menu")
ORDER = "500 14123456783"
PIN = "1234"

#: A person who waits longer than this has found a bug, not a slow machine.
PATIENCE_SECONDS = 60.0


class Customer:
    """One person. `messages` are what the bot said or edited and this person has not looked at."""

    def __init__(self, user_id: int, telegram: TelegramSide) -> None:
        self.user_id = user_id
        self.telegram = telegram
        self.messages: asyncio.Queue[ChatMessage] = asyncio.Queue()

    async def say(self, text: str) -> ChatMessage:
        """Type something; the bot's next message."""
        await self.telegram.say(self.user_id, text)
        return await self.answer()

    async def tap(self, message: ChatMessage) -> ChatMessage:
        """Tap the first button; the bot's next message."""
        if not message.buttons:
            raise AssertionError(f"there is nothing to tap, but: {message.text}")
        await self.telegram.tap(self.user_id, message.message_id, message.buttons[0][0][1])
        return await self.answer()

    async def share_phone(self) -> ChatMessage:
        """Share the own number; the bot's next message."""
        await self.telegram.share_contact(self.user_id)
        return await self.answer()

    async def answer(self) -> ChatMessage:
        """The bot's next message, after whatever was said has left the phone."""
        await self.telegram.due.drain()
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.messages.get()


async def enter(person: Customer) -> None:
    """Begin the chat and share the own phone number, so that later orders do not ask who pays."""
    await person.say("/start")
    await person.share_phone()


async def chat(person: Customer) -> None:
    """Messages that are answered one by one."""
    for line in CHAT:
        await person.say(line)


async def buy(person: Customer) -> None:
    """One complete payment: order, confirm, PIN (the crowd types it), receipt."""
    check = await person.say(ORDER)
    message = await person.tap(check)
    while not message.buttons:
        message = await person.answer()
    if "Here is your electricity" not in message.text:
        raise AssertionError(f"no receipt came, but: {message.text}")


ACTS: Final[Mapping[str, Callable[[Customer], Coroutine[Any, Any, None]]]] = {"enter": enter, "chat": chat, "buy": buy}


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an act: how long all took, the median of each, and the processor time of the crowd's process."""

    people: int
    seconds: float
    median_seconds: float
    process_cpu_seconds: float


#: Runs work of the crowd, so that a process it shares with the service can count it apart.
Aside: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]


class Crowd:
    """The three far sides behind one `serve`, and as many customers as are called for.

    `send` reaches the service. No delivery waits for another: each is a task of its own.
    """

    def __init__(self, send: Send, tasks: Tasks, aside: Aside, strangers: int = 0) -> None:
        self._send, self._tasks, self._aside = send, tasks, aside
        world = World(self._post, RealClock(), RealRandom(), FaultPlan())
        self.telegram = TelegramSide(world, TELEGRAM_TOKEN)
        self.daraja = DarajaSide(world, daraja_config())
        self.xmlvend = XmlVendSide(world, XmlVendSideConfig(CLIENT_ID, OPERATOR, Secret(PASSWORD)))
        self.customers: dict[int, Customer] = {}
        self._people_so_far = strangers
        self._reachable = asyncio.Event()

    # --- the far sides

    async def serve(self, request: Request) -> Response:
        """Answer for the party the path names, and let the people it concerns notice."""
        path = urlsplit(request.url).path
        if path.startswith("/bot"):
            response = await self.telegram.serve(request)
            self._message_seen(path.rpartition("/")[2], request, response)
        elif path.startswith("/xmlvend"):
            response = await self.xmlvend.serve(request)
        else:
            response = await self.daraja.serve(request)
            if path == PUSH_PATH and response.status == 200:
                prompt_id = orjson.loads(response.body)["CheckoutRequestID"]
                self._tasks.spawn("pin", self._counted_aside(self._type_pin(prompt_id)))
        return response

    def _message_seen(self, method: str, request: Request, response: Response) -> None:
        if method == "setWebhook":
            self._reachable.set()
        if method not in {"sendMessage", "editMessageText"}:
            return
        if response.status != 200:
            raise AssertionError(f"{method} was refused: {response.body!r}")
        customer = self.customers[orjson.loads(request.body)["chat_id"]]
        customer.messages.put_nowait(self.telegram.chat(customer.user_id)[-1])

    async def _type_pin(self, prompt_id: str) -> None:
        await self.daraja.enter_pin(prompt_id, PIN)
        await self.daraja.due.drain()

    async def _counted_aside(self, work: Coroutine[Any, Any, None]) -> None:
        await self._aside(work)

    async def _post(self, request: Request, deadline: float) -> Sent:
        """Take a webhook or a callback out of the far side's hands at once."""
        self._tasks.spawn("deliver", self._deliver(request, deadline))
        return Response(200)

    async def _deliver(self, request: Request, deadline: float) -> None:
        answer = await self._send(request, deadline)
        if not isinstance(answer, Response) or answer.status != 200:
            raise AssertionError(f"the service did not take a delivery: {answer}")

    # --- the people

    async def act(self, name: str, people: int) -> Acted:
        """Let people do something, AT_ONCE at a time. "enter" brings new people; they do what follows."""
        await self._reachable.wait()
        if name == "enter":
            self._come_in(people)
        cpu, began = seconds_here(), time.perf_counter()
        room = asyncio.Semaphore(AT_ONCE)
        actors = list(self.customers.values())[:people]
        waits = await asyncio.gather(*(self._one(ACTS[name], customer, room) for customer in actors))
        seconds, cpu = time.perf_counter() - began, seconds_here() - cpu
        return Acted(len(waits), seconds, sorted(waits)[len(waits) // 2], cpu)

    def _come_in(self, people: int) -> None:
        first = self._people_so_far + 1
        self._people_so_far += people
        self.customers = {number: Customer(number, self.telegram) for number in range(first, first + people)}
        for number in self.customers:
            self.telegram.add_user(number, f"Customer {number}", f"+2547{number:08}")

    async def _one(
        self, act: Callable[[Customer], Coroutine[Any, Any, None]], customer: Customer, room: asyncio.Semaphore
    ) -> float:
        async with room:
            began = time.perf_counter()
            await self._aside(act(customer))
            return time.perf_counter() - began


def daraja_config() -> DarajaSideConfig:
    """A Daraja that calls back as soon as the PIN is typed."""
    return DarajaSideConfig(
        consumer_key=CONSUMER_KEY, consumer_secret=CONSUMER_SECRET, shortcode=SHORTCODE, passkey=PASSKEY,
        thinking_seconds=0.0,
    )  # fmt: skip


def settings(service_url: str, crowd_url: str) -> dict[str, Any]:
    """What a service must be set to so that it finds this crowd and is found by it, by the names of `Settings`."""
    return {
        "public_url": service_url,
        "secret_key": SecretStr("a-benchmark-key-that-opens-nothing"),
        "telegram_token": SecretStr(TELEGRAM_TOKEN),
        "telegram_api_url": crowd_url,
        "mpesa_api_url": crowd_url,
        "mpesa_consumer_key": SecretStr(CONSUMER_KEY),
        "mpesa_consumer_secret": SecretStr(CONSUMER_SECRET),
        "mpesa_shortcode": SHORTCODE,
        "mpesa_passkey": SecretStr(PASSKEY),
        "xmlvend_url": f"{crowd_url}/xmlvend",
        "xmlvend_client_id": CLIENT_ID,
        "xmlvend_terminal_ids": TERMINAL_IDS,
        "xmlvend_operator_name": OPERATOR,
        "xmlvend_password": SecretStr(PASSWORD),
    }


async def main() -> None:
    """Serve as a process of its own until its parent ends; the first line on standard output is the address."""
    tasks, clock, stop = Tasks(), RealClock(), asyncio.Event()
    at_end(stop.set, with_parent=True)

    async def uncounted(work: Coroutine[Any, Any, Any]) -> Any:
        return await work

    async with HttpSender(clock) as sender:
        crowd = Crowd(sender.send, tasks, uncounted)

        async def serve(request: Request) -> Response:
            parts = urlsplit(request.url)
            if not parts.path.startswith("/crowd/"):
                return await crowd.serve(request)
            acted = await crowd.act(parts.path.removeprefix("/crowd/"), int(parse_qs(parts.query)["people"][0]))
            return json_response(orjson.dumps(acted))

        async with HttpServer(serve, "127.0.0.1", 0) as server:
            print(f"http://127.0.0.1:{server.port}", flush=True)
            await stop.wait()


if __name__ == "__main__":
    uvloop.run(main())

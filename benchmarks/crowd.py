"""Everybody the service talks to: the sandbox's far sides, and people who write, tap and type their PIN at once.

The same crowd stands in this process, or serves HTTP as a process of its own (`python -m benchmarks.crowd`), where
`POST /crowd/<act>?count=…` makes people act and answers when all of them are content.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop

from benchmarks.cpu import seconds_here
from bot.clock import RealClock, RealRandom, Tasks
from integrations.contract.exchange import Request, Response, Send, Sent, json_response
from integrations.contract.people import Secret
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.daraja import PUSH_PATH, DarajaSide, DarajaSideConfig
from integrations.sandbox.far_side import FaultPlan, World
from integrations.sandbox.telegram import ChatMessage, TelegramSide
from integrations.sandbox.xmlvend import XmlVendSide, XmlVendSideConfig

TELEGRAM_TOKEN = "700000007:benchmark-telegram-token"
CONSUMER_KEY, CONSUMER_SECRET, PASSKEY = "benchmark-key", "benchmark-consumer-secret", "benchmark-passkey"
SHORTCODE = "174379"
CLIENT_ID, OPERATOR, PASSWORD = "0000000000001", "benchmark-operator", "benchmark-password"

#: People who act at the same time; each waits for the answer before the next thing.
AT_ONCE = 64

#: Every line is answered with one message and asks nothing of the world. The meter's check digit does not fit.
CHAT = ("buy", "14123456789", "back", "menu")
ORDER = "500 14123456783"
PIN = "1234"

#: A person who waits longer than this has found a bug, not a slow machine.
PATIENCE_SECONDS = 60.0

Act = Callable[["Customer"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an act: how many people did it, how long it took, what it cost the crowd, slowest wait of each."""

    people: int
    seconds: float
    crowd_cpu_seconds: float
    median_seconds: float


class Customer:
    """One person. `messages` is the queue of what the bot said or edited and this person has not looked at."""

    def __init__(self, user_id: int, telegram: TelegramSide) -> None:
        self.user_id = user_id
        self.telegram = telegram
        self.messages: asyncio.Queue[ChatMessage] = asyncio.Queue()

    @property
    def phone(self) -> str:
        """E.164."""
        return f"+2547{self.user_id:08}"

    async def say(self, text: str) -> ChatMessage:
        """Type something; the bot's next message."""
        await self.telegram.say(self.user_id, text)
        return await self.next_message()

    async def tap(self, message: ChatMessage) -> ChatMessage:
        """Tap the first button; the bot's next message."""
        await self.telegram.tap(self.user_id, message.message_id, message.buttons[0][0][1])
        return await self.next_message()

    async def next_message(self) -> ChatMessage:
        """The bot's next message."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.messages.get()


async def enter(person: Customer) -> None:
    """Begin the chat and share the own phone number, so that later orders do not ask who pays."""
    await person.say("/start")
    await person.telegram.share_phone(person.user_id)
    await person.next_message()


async def chat(person: Customer) -> None:
    """Four messages, each answered."""
    for line in CHAT:
        await person.say(line)


async def buy(person: Customer) -> None:
    """One complete payment: order, "is this you", confirm, PIN (typed by `Crowd`), and the receipt."""
    owner = await person.say(ORDER)
    check = await person.tap(owner)
    message = await person.tap(check)
    while not message.buttons:
        message = await person.next_message()
    if "Paid. Here is your electricity." not in message.text:
        raise AssertionError(f"no receipt came, but: {message.text}")


ACTS: dict[str, tuple[Act, int]] = {"enter": (enter, 2), "chat": (chat, len(CHAT)), "buy": (buy, 1)}


class Crowd:
    """The three far sides behind one `serve`, and as many customers as are called for.

    `send` reaches the service. A delivery does not wait for the one before it: each is a task of its own.
    """

    def __init__(self, send: Send, tasks: Tasks, aside: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]) -> None:
        self._send, self._tasks, self._aside = send, tasks, aside
        world = World(self._post, RealClock(), RealRandom(), FaultPlan())
        self.telegram = TelegramSide(world, TELEGRAM_TOKEN)
        self.daraja = DarajaSide(
            world,
            DarajaSideConfig(
                consumer_key=CONSUMER_KEY, consumer_secret=CONSUMER_SECRET, shortcode=SHORTCODE, passkey=PASSKEY,
                thinking_seconds=0.0,
            ),
        )  # fmt: skip
        self.xmlvend = XmlVendSide(world, XmlVendSideConfig(CLIENT_ID, OPERATOR, Secret(PASSWORD)))
        self.customers: dict[int, Customer] = {}
        self._next = 1

    # --- the far sides

    async def serve(self, request: Request) -> Response:
        """Answer for whichever party the path names, and let the people it concerns notice."""
        path = urlsplit(request.url).path
        if path.startswith("/bot"):
            response = await self.telegram.serve(request)
            self._noticed(path.rpartition("/")[2], request, response)
        elif path.startswith("/xmlvend"):
            response = await self.xmlvend.serve(request)
        else:
            response = await self.daraja.serve(request)
            if path == PUSH_PATH and response.status == 200:
                self._tasks.spawn("pin", self._aside(self._type_pin(orjson.loads(response.body)["CheckoutRequestID"])))
        return response

    def _noticed(self, method: str, request: Request, response: Response) -> None:
        if method not in {"sendMessage", "editMessageText"}:
            return
        if response.status != 200:
            raise AssertionError(f"{method} was refused: {response.body!r}")
        customer = self.customers[orjson.loads(request.body)["chat_id"]]
        customer.messages.put_nowait(self.telegram.chat(customer.user_id)[-1])

    async def _type_pin(self, prompt_id: str) -> None:
        await self.daraja.enter_pin(prompt_id, PIN)
        await self.daraja.due.drain()

    async def _post(self, request: Request, deadline: float) -> Sent:
        """Take a webhook or a callback off the far side's hands at once."""
        self._tasks.spawn("deliver", self._delivered(request, deadline))
        return Response(200)

    async def _delivered(self, request: Request, deadline: float) -> None:
        answer = await self._send(request, deadline)
        if not isinstance(answer, Response) or answer.status != 200:
            raise AssertionError(f"the service did not take {request.url}: {answer}")

    # --- the people

    async def enter(self, count: int) -> Acted:
        """New people come in; they are who acts next."""
        self.customers = {number: Customer(number, self.telegram) for number in range(self._next, self._next + count)}
        self._next += count
        for customer in self.customers.values():
            self.telegram.add_user(customer.user_id, f"Customer {customer.user_id}", customer.phone)
        return await self.all_act(enter)

    async def all_act(self, act: Act) -> Acted:
        """Let everybody do it once, AT_ONCE at a time."""
        room, waits = asyncio.Semaphore(AT_ONCE), []

        async def one(customer: Customer) -> None:
            async with room:
                began = time.perf_counter()
                await self._aside(act(customer))
                waits.append(time.perf_counter() - began)

        drains = asyncio.create_task(self._aside(self._drains()))
        cpu, began = seconds_here(), time.perf_counter()
        try:
            await asyncio.gather(*(one(customer) for customer in self.customers.values()))
        finally:
            drains.cancel()
        seconds, cpu = time.perf_counter() - began, seconds_here() - cpu
        return Acted(len(waits), seconds, cpu, sorted(waits)[len(waits) // 2])

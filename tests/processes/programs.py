"""`bili` commands as real processes, and a person who uses the sandbox's phone over its controls."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from bot.clock import RealClock
from bot.demo import free_port
from integrations.contract.exchange import Request, Response
from integrations.http import HttpSender
from tests.tidy import ROOT

Json: TypeAlias = Any

CLOCK = RealClock()
LOOK_SECONDS = 0.02
#: Longer than anything here takes on a busy machine.
PATIENCE_SECONDS = 30.0

TOKEN = "712345678:made-up-telegram-token"
KEY = "a-test-key-that-opens-nothing-at-all"
ORDER, METER, PIN = "500 14123456783", "14123456783", "1234"
AMINA, OTIENO = 711000001, 722000002
PHONES = {AMINA: "254711000001", OTIENO: "254722000002"}

#: What both ends of a practice are told.
SANDBOX = {
    "BILI_SANDBOX_TELEGRAM_TOKEN": TOKEN,
    "BILI_SANDBOX_DARAJA_CONSUMER_KEY": "test-consumer-key",
    "BILI_SANDBOX_DARAJA_CONSUMER_SECRET": "test-consumer-secret",
    "BILI_SANDBOX_DARAJA_PASSKEY": "test-passkey",
    "BILI_SANDBOX_XMLVEND_PASSWORD": "test-password",
}


def parties(url: str) -> dict[str, str]:
    """The settings that point every party at a sandbox, as an operator would point them at anybody's simulators."""
    return {
        "BILI_TELEGRAM_TOKEN": TOKEN,
        "BILI_TELEGRAM_API_URL": url,
        "BILI_MPESA_API_URL": url,
        "BILI_MPESA_CONSUMER_KEY": "test-consumer-key",
        "BILI_MPESA_CONSUMER_SECRET": "test-consumer-secret",
        "BILI_MPESA_SHORTCODE": "174379",
        "BILI_MPESA_PASSKEY": "test-passkey",
        "BILI_MPESA_MERCHANT": "BILI",
        "BILI_MPESA_POLLS_SECONDS": "0.5",
        "BILI_XMLVEND_URL": f"{url}/xmlvend",
        "BILI_XMLVEND_CLIENT_ID": "0000000000001",
        "BILI_XMLVEND_TERMINAL_IDS": "0000000000001,0000000000002",
        "BILI_XMLVEND_OPERATOR_NAME": "sandbox-operator",
        "BILI_XMLVEND_PASSWORD": "test-password",
        "BILI_XMLVEND_POLLS_SECONDS": "0.5,1",
        "BILI_XMLVEND_KEEPS_EVERY_RESPONSE": "true",
    }


class Program:
    """One command, running in `folder`; what it writes goes into a file there."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.log = folder / f"{arguments[0]}.log"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("BILI_")}
        command = [sys.executable, "-m", "bot.cli", *arguments]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=folder, env={**plain, "PYTHONPATH": str(ROOT), **settings},
                stdin=subprocess.PIPE, stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def said(self) -> str:
        """Everything written so far."""
        return self.log.read_text(encoding="utf-8")

    def hears(self, line: str) -> None:
        """Type a line to it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    async def says(self, words: str) -> None:
        """Wait until it has written these words."""
        await until(lambda: words in self.said or self.process.poll() is not None, f"it says “{words}”")
        assert words in self.said, self.said

    async def ended(self) -> int:
        """Wait for its end; the exit status."""
        await until(lambda: self.process.poll() is not None, "the process ends")
        return self.process.wait()

    def resident_mb(self) -> int:
        """How much memory it has, in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) // 1024

    def kill(self) -> None:
        """kill −9, and wait until it is gone."""
        self.process.kill()
        self.process.communicate()


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; the test fails when it never does."""
    deadline = CLOCK.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert CLOCK.monotonic() < deadline, f"in vain: {what}"
        await asyncio.sleep(LOOK_SECONDS)


@dataclass
class Web:
    """A client of whatever listens on this machine."""

    sender: HttpSender

    async def ask(self, method: str, url: str, body: Json = None) -> Response | None:
        """One exchange; None when nobody answers."""
        headers, content = ({}, b"") if body is None else ({"content-type": "application/json"}, orjson.dumps(body))
        sent = await self.sender.send(Request(method, url, headers, content), CLOCK.monotonic() + PATIENCE_SECONDS)
        return sent if isinstance(sent, Response) else None

    async def serves(self, url: str, program: Program) -> None:
        """Wait until `url` answers 200."""
        deadline = CLOCK.monotonic() + PATIENCE_SECONDS
        while CLOCK.monotonic() < deadline:
            assert program.process.poll() is None, program.said
            answer = await self.ask("GET", url)
            if answer is not None and answer.status == 200:
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise AssertionError(f"{url} never answers: {program.said}")


@dataclass
class Person:
    """Somebody with a phone. `chat_url` is the sandbox of the chat, `phone_url` the one of the PIN prompts."""

    web: Web
    chat_url: str
    user: int = AMINA
    phone_url: str = ""
    #: What was there when this person last said something is not an answer to it.
    said_at: int = 0

    async def say(self, text: str) -> None:
        chat = (await self.state())["telegram"]["messages"]
        self.said_at = max((message["id"] for message in chat), default=0)
        await self._do("say", user=self.user, text=text)

    async def share_phone(self) -> None:
        await self._do("share", user=self.user)

    async def tap(self, label: str) -> None:
        """Tap the newest button whose label begins so."""
        message, data = await self._found(lambda state: _button(self._news(state), label), f"a button “{label}”")
        await self._do("tap", user=self.user, message=message, data=data)

    async def sees(self, *words: str) -> Json:
        """Wait for a message of the bot with any of these words; the newest such."""
        return await self._found(lambda state: _newest(self._news(state), words), f"a message “{words}”")

    async def prompt(self) -> Json:
        """Wait for the PIN prompt on the own handset."""
        return await self._found(lambda state: _prompt(state, self.user), "a PIN prompt", self.phone_url)

    async def type_pin(self) -> None:
        prompt = await self.prompt()
        await self._do("pin", self.phone_url, prompt=prompt["id"], pin=PIN)

    async def messages(self) -> list[str]:
        """What the bot said so far."""
        chat = (await self.state())["telegram"]
        return [message["text"] for message in chat["messages"] if message["from_bot"]]

    async def balance(self) -> str:
        """What is on the own handset."""
        state = await self.state(url=self.phone_url)
        return str(next(handset["balance"] for handset in state["handsets"] if handset["person"] == self.user))

    async def state(self, since: int = -1, url: str = "") -> Json:
        """The sandbox as this person sees it; `since` a revision, as soon as it differs."""
        answer = await self.web.ask("GET", f"{url or self.chat_url}/control/state?since={since}&user={self.user}")
        assert answer is not None, "the sandbox does not answer"
        return orjson.loads(answer.body)

    async def enters(self) -> None:
        """Begin the chat, and prove the own number: other people's phones are left alone at night."""
        await self.say("/start")
        await self.sees("Welcome")
        await self.share_phone()
        await self.sees("noted your phone number")

    async def orders(self) -> None:
        """Order, up to the offer that waits for a tap."""
        await self.say(ORDER)
        await self.sees("Please check")

    async def buys(self) -> Json:
        """A whole purchase; the receipt."""
        await self.orders()
        await self.tap("Pay")
        await self.type_pin()
        return await self.sees("Here is your electricity")

    def _news(self, state: Json) -> list[Json]:
        return [one for one in state["telegram"]["messages"] if one["from_bot"] and one["id"] > self.said_at]

    async def _found(self, find: Callable[[Json], Json], what: str, url: str = "") -> Json:
        deadline, since = CLOCK.monotonic() + PATIENCE_SECONDS, -1
        while CLOCK.monotonic() < deadline:
            state = await self.state(since, url)
            since = state["revision"]
            if (found := find(state)) is not None:
                return found
        raise AssertionError(f"{what} never came; the bot said {await self.messages()}")

    async def _do(self, name: str, url: str = "", **body: Json) -> None:
        answer = await self.web.ask("POST", f"{url or self.chat_url}/control/{name}", body)
        assert answer is not None
        assert answer.status == 200, answer.body


def _button(messages: list[Json], label: str) -> Json:
    for message in reversed(messages):
        for button in (one for row in message["buttons"] for one in row):
            if button["label"].startswith(label):
                return message["id"], button["data"]
    return None


def _newest(messages: list[Json], words: tuple[str, ...]) -> Json:
    return next((one for one in reversed(messages) if any(each in one["text"] for each in words)), None)


def _prompt(state: Json, user: int) -> Json:
    return next((handset["prompt"] for handset in state["handsets"] if handset["person"] == user), None)


@dataclass
class Stage:
    """A folder in which programs run, all of which end with the test."""

    folder: Path
    web: Web
    programs: list[Program] = field(default_factory=list)

    def start(self, *arguments: str, **settings: str) -> Program:
        """Start a command."""
        self.programs.append(Program(self.folder, *arguments, **settings))
        return self.programs[-1]

    async def sandbox(self) -> str:
        """`bili sandbox`, serving; its address."""
        port = free_port()
        program = self.start("sandbox", BILI_SANDBOX_PORT=str(port), **SANDBOX)
        await self.web.serves(f"http://127.0.0.1:{port}/", program)
        return f"http://127.0.0.1:{port}"

    async def serve(self, *options: str, **settings: str) -> tuple[Program, str]:
        """`bili serve`, ready; and its address."""
        settings = {"BILI_PORT": str(free_port()), "BILI_SECRET_KEY": KEY, **settings}
        url = f"http://127.0.0.1:{settings['BILI_PORT']}"
        program = self.start("serve", *options, **settings)
        await self.web.serves(f"{url}/readyz", program)
        return program, url

    async def stop(self, program: Program) -> int:
        """SIGTERM; the exit status."""
        program.process.send_signal(signal.SIGTERM)
        return await program.ended()


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """An empty stage. Whatever still runs when the test is over is killed."""
    async with HttpSender(CLOCK) as sender:
        here = Stage(folder, Web(sender))
        try:
            yield here
        finally:
            for program in here.programs:
                program.kill()
            for log, said in {program.log: program.said for program in here.programs}.items():
                sys.stdout.write(f"--- {log.name}\n{said}")  # pytest shows it where the test failed

"""`bili chat`: the sandbox's chats and handsets in a terminal, over the same controls as the page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TextIO, cast

import orjson

from integrations.contract.exchange import Request, Response, Send
from integrations.contract.seams import Clock
from integrations.sandbox.control import NEWS_SECONDS_MAX
from integrations.sandbox.terminal_lines import WIDTH_MAX, Act, Become, Leave, Show, lines_for, meaning, ringing
from integrations.sandbox.views import StateView

#: How long an answer may take, beyond the time a question for news is held open.
PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 1.0
READ_BYTES = 4096

WELCOME = "Chatting with Bili in the sandbox: no real money moves. :help lists what you can do; begin with /start."
AWAY = "  The sandbox does not answer."


async def chat(url: str, send: Send, clock: Clock, stdin: TextIO = sys.stdin, out: TextIO = sys.stdout) -> None:
    """Chat with the sandbox at `url` (its page's address) until the person leaves or input ends."""
    terminal = Terminal(url.rstrip("/"), send, clock, out)
    await asyncio.gather(terminal.follow(), terminal.obey_and_leave(typed_lines(stdin)))


@dataclass
class Terminal:
    """One person at a terminal. `state` is what they have been told of."""

    url: str
    send: Send
    clock: Clock
    out: TextIO
    user_id: int = 0
    state: StateView | None = None
    _away: bool = field(default=False, init=False)
    #: Runs out when the person leaves, which ends even a question that is held open.
    _staying: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None), init=False)

    async def follow(self) -> None:
        """Print whatever is new until the person leaves."""
        self._print([WELCOME])
        with contextlib.suppress(TimeoutError):
            async with self._staying:
                while True:
                    if not await self.look():
                        await self.clock.sleep(RETRY_SECONDS)

    async def look(self) -> bool:
        """Wait for news and print it; False when the sandbox does not answer."""
        since = -1 if self.state is None else self.state["revision"]
        asked = self.user_id
        answer = await self._ask("GET", f"state?since={since}&user={asked}", NEWS_SECONDS_MAX)
        if answer is None or answer.status != 200:
            if not self._away:
                self._print([AWAY])
            self._away = True
            return False
        if asked == self.user_id:  # else the person has become somebody else in the meantime
            self._told(cast("StateView", orjson.loads(answer.body)))
        return True

    def _told(self, state: StateView) -> None:
        before, self.state, self._away = self.state, state, False
        lines = lines_for(before, state, self._width())
        if lines or before is None or (ringing(before) is None) != (ringing(state) is None):
            self._print(lines)

    async def obey(self, lines: AsyncIterator[str]) -> None:
        """Do what each typed line asks for, until one of them is to leave."""
        async for line in lines:
            if self.state is None:
                await self.look()
            if self.state is not None and not await self._obeyed(line, self.state):
                return

    async def obey_and_leave(self, lines: AsyncIterator[str]) -> None:
        """As `obey`; then `follow` ends too."""
        await self.obey(lines)
        self.out.write("\n")
        self._staying.reschedule(asyncio.get_running_loop().time())

    async def _obeyed(self, line: str, state: StateView) -> bool:
        match meaning(line, state, self._width()):
            case Leave():
                return False
            case Show(lines):
                self._print(lines)
            case Become(user_id):
                self.user_id, self.state = user_id, None
                await self.look()
            case Act(name, body):
                await self._act(name, body)
        return True

    async def _act(self, name: str, body: dict[str, object]) -> None:
        answer = await self._ask("POST", name, 0, orjson.dumps(body))
        if answer is None:
            self._print([AWAY])
        elif answer.status == 400:
            self._print([f"  {orjson.loads(answer.body)['error']}"])

    async def _ask(self, method: str, path: str, held_seconds: float, body: bytes = b"") -> Response | None:
        headers = {"content-type": "application/json"} if body else {}
        request = Request(method, f"{self.url}/control/{path}", headers, body)
        sent = await self.send(request, self.clock.monotonic() + held_seconds + PATIENCE_SECONDS)
        return sent if isinstance(sent, Response) else None

    def _print(self, lines: list[str]) -> None:
        """Print over the prompt that may stand there, then prompt again."""
        erase = "\r\x1b[K" if self.out.isatty() else ""
        prompt = "pin> " if self.state is not None and ringing(self.state) else "> "
        self.out.write(erase + "".join(f"{line}\n" for line in lines) + prompt)
        self.out.flush()

    def _width(self) -> int:
        return min(WIDTH_MAX, shutil.get_terminal_size().columns)


async def typed_lines(stream: TextIO) -> AsyncIterator[str]:
    """Lines as they are typed. No thread waits in a read: it would keep the program from ending on Ctrl-C."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    descriptor = stream.fileno()
    try:
        loop.add_reader(descriptor, lambda: pieces.put_nowait(os.read(descriptor, READ_BYTES)))
    except OSError:  # a file cannot be waited for, nor does it need to be
        for line in stream:
            yield line
        return
    try:
        rest = b""
        while piece := await pieces.get():
            *lines, rest = (rest + piece).split(b"\n")
            for complete in lines:
                yield complete.decode(errors="replace")
        if rest:
            yield rest.decode(errors="replace")
    finally:
        loop.remove_reader(descriptor)

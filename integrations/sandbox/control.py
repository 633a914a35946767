"""What the demo page and the terminal client may do: press what a person could press on a phone, and switch faults.

A request that cannot be done is answered 400 with one plain sentence, and nothing has changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

import orjson

from integrations.contract.exchange import Request, Response, json_response
from integrations.contract.money import Money
from integrations.contract.seams import Clock
from integrations.sandbox.stage import FAULTS, Person, Stage, StateView

#: How long a question for news is held open, in seconds.
NEWS_SECONDS_MAX = 20.0
#: Somebody may hold a far side directly (a test in process) and change it without telling us.
RECHECK_SECONDS = 0.25
#: Telegram's own limit on one message, in characters.
TEXT_LENGTH_MAX = 4096
FAULT_TIMES_MAX = 1000
PIN_LENGTH = 4
#: What people send that is not text.
KINDS: Final = ("photo", "voice", "sticker", "location")
#: What a refilled handset has.
REFILL = Money.of(5_000, "KES")


class BadInput(Exception):
    """A request that cannot be done. The message is one plain sentence for the person who tried."""


class Changes:
    """Wakes who waits for the far sides to change. Once closed, nobody waits any more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._event = asyncio.Event()
        self.closed = False

    def notify(self) -> None:
        """Something may have changed."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    def close(self) -> None:
        """Let everyone who waits go, so that the server can stop."""
        self.closed = True
        self.notify()

    async def once(self, seconds: float) -> None:
        """Wait for the next notification, at most so long and at most RECHECK_SECONDS."""
        if self.closed or seconds <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, RECHECK_SECONDS)):
                await self._event.wait()

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until `holds` does; False when so many seconds passed or the sandbox closed first."""
        deadline = self._clock.monotonic() + seconds
        while not holds():
            left = deadline - self._clock.monotonic()
            if self.closed or left <= 0:
                return False
            await self.once(left)
        return True


@dataclass(frozen=True, slots=True)
class Body:
    """The JSON object of a request, read field by field; BadInput where a field is not what it should be."""

    fields: Mapping[str, object]

    @classmethod
    def of(cls, request: Request) -> Body:
        """The body of a request that says it is JSON, which a form of a foreign web page cannot say."""
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise BadInput("The sandbox takes JSON only.")
        try:
            fields = orjson.loads(request.body)
        except orjson.JSONDecodeError:
            raise BadInput("That is not JSON.") from None
        if not isinstance(fields, dict):
            raise BadInput("That is not a JSON object.")
        return cls(fields)

    def text(self, name: str) -> str:
        """A string of at least one visible character."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            raise BadInput(f"“{name}” is missing.")
        if len(value) > TEXT_LENGTH_MAX:
            raise BadInput(f"“{name}” is longer than {TEXT_LENGTH_MAX} characters.")
        return value

    def whole(self, name: str) -> int:
        """A whole number."""
        value = self.fields.get(name)
        if type(value) is not int:
            raise BadInput(f"“{name}” should be a whole number.")
        return value


@dataclass(frozen=True)
class Control:
    """Serves `/control/…`."""

    stage: Stage
    changes: Changes

    async def serve(self, request: Request) -> Response:
        """Answer one request of a client."""
        parts = urlsplit(request.url)
        name = parts.path.removeprefix("/control/")
        method = "GET" if name == "state" else "POST"
        if name != "state" and name not in ACTS:
            return Response(404)
        if request.method != method:
            return Response(405, {"allow": method})
        try:
            if name == "state":
                return json_response(orjson.dumps(await self._news(parse_qs(parts.query))))
            await ACTS[name](self.stage, Body.of(request))
        except BadInput as problem:
            return json_response(orjson.dumps({"error": str(problem)}), 400)
        return json_response(b'{"ok":true}')

    async def _news(self, query: Mapping[str, list[str]]) -> StateView:
        since, user_id = _number(query, "since", -1), _number(query, "user", 0)
        person = _person(self.stage, user_id or self.stage.people[0].user_id)
        await self.changes.until(lambda: self.stage.revision != since, NEWS_SECONDS_MAX)
        return self.stage.seen_by(person)


def _person(stage: Stage, user_id: int) -> Person:
    for person in stage.people:
        if person.user_id == user_id:
            return person
    raise BadInput("There is nobody with that number in this sandbox.")


def _user(stage: Stage, body: Body) -> int:
    return _person(stage, body.whole("user")).user_id


async def say(stage: Stage, body: Body) -> None:
    """Type `text` into the chat of `user`."""
    user_id, text = _user(stage, body), body.text("text")
    try:
        await stage.telegram.say(user_id, text)
    except ValueError:  # it counts the length in its own way
        raise BadInput("Telegram takes messages of 1 to 4096 characters.") from None


async def tap(stage: Stage, body: Body) -> None:
    """Tap the button that hangs under `message` and carries `data`."""
    user_id, message_id, data = _user(stage, body), body.whole("message"), body.text("data")
    chat = stage.telegram.chat(user_id)
    rows = [row for message in chat if message.message_id == message_id for row in message.buttons]
    if not any(data == button_data for row in rows for _, button_data in row):
        raise BadInput("That button is not there any more.")
    await stage.telegram.tap(user_id, message_id, data)


async def share(stage: Stage, body: Body) -> None:
    """Share the own phone number of `user`."""
    await stage.telegram.share_contact(_user(stage, body))


async def other(stage: Stage, body: Body) -> None:
    """Send something that is not text: `kind` is one of KINDS."""
    user_id, kind = _user(stage, body), body.text("kind")
    if kind not in KINDS:
        raise BadInput(f"A person here can send: {', '.join(KINDS)}.")
    await stage.telegram.send_other(user_id, kind)


async def enter_pin(stage: Stage, body: Body) -> None:
    """Type `pin` on the handset that shows `prompt`. A wrong PIN is the operator's to judge, not ours."""
    prompt_id, pin = _live_prompt(stage, body), body.text("pin")
    if not (pin.isascii() and pin.isdigit() and len(pin) == PIN_LENGTH):
        raise BadInput("An M-PESA PIN has four digits.")
    await stage.daraja.enter_pin(prompt_id, pin)


async def cancel(stage: Stage, body: Body) -> None:
    """Press Cancel on `prompt`."""
    await stage.daraja.cancel(_live_prompt(stage, body))


async def refill(stage: Stage, body: Body) -> None:
    """Put REFILL on the handset `msisdn`, and unlock its PIN."""
    handset = stage.daraja.handsets.get(body.text("msisdn"))
    if handset is None:
        raise BadInput("There is no such handset.")
    handset.balance, handset.wrong_pins = REFILL, 0
    stage.touched += 1


async def fault(stage: Stage, body: Body) -> None:
    """Let the fault `name` strike `times` times: -1 is every time, 0 switches it off."""
    name, times = body.text("name"), body.whole("times")
    if not any(name in faults for faults in FAULTS.values()):
        raise BadInput("The sandbox knows no such fault.")
    if not -1 <= times <= FAULT_TIMES_MAX:
        raise BadInput(f"A fault strikes -1 (every time), 0 (never) or up to {FAULT_TIMES_MAX} times.")
    stage.faults.arm(name, times)
    stage.touched += 1


def _live_prompt(stage: Stage, body: Body) -> str:
    prompt_id = body.text("prompt")
    if not any(prompt.id == prompt_id and prompt.state == "shown" for prompt in stage.daraja.prompts()):
        raise BadInput("That prompt has closed.")
    return prompt_id


ACTS: Final[Mapping[str, Callable[[Stage, Body], Awaitable[None]]]] = {
    "say": say,
    "tap": tap,
    "share": share,
    "other": other,
    "pin": enter_pin,
    "cancel": cancel,
    "refill": refill,
    "fault": fault,
}


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [str(default)])[0]
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"“{name}” should be a whole number.") from None

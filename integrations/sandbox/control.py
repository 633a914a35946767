"""`/control/…`: what the demo page and the terminal client see and do.

A request that cannot be done is answered 400 with one plain sentence, and nothing has changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import orjson

from integrations.contract.exchange import Request, Response, json_response
from integrations.contract.seams import Clock
from integrations.sandbox.acts import ACTS, BadInput, Body, person_of
from integrations.sandbox.stage import Stage
from integrations.sandbox.views import StateView

#: How long a question for news is held open, in seconds.
NEWS_SECONDS_MAX = 20.0
#: Somebody may hold a far side directly (a test in process) and change it without telling us.
RECHECK_SECONDS = 0.25


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
        person = person_of(self.stage, user_id or self.stage.people[0].user_id)
        await self.changes.until(lambda: self.stage.revision != since, NEWS_SECONDS_MAX)
        return self.stage.seen_by(person)


def _number(query: Mapping[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [str(default)])[0]
    try:
        return int(text)
    except ValueError:
        raise BadInput(f"“{name}” should be a whole number.") from None

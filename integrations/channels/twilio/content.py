"""Twilio's Content store: what our files declare, made, checked and found again.

Written by hand, since Twilio's library sends these requests' JSON as a form when it is asked to wait (MAPPING.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import orjson

from integrations.channels.twilio.config import TwilioConfig, basic
from integrations.channels.twilio.wire.codes import CODES_FROM, Refused
from integrations.channels.twilio.wire.content import (
    Declared,
    Finding,
    State,
    Stored,
    approved,
    check,
    oldest,
    read_declared,
    read_page,
    read_stored,
)
from integrations.contract.exchange import NotSent, Request, Response, Send, Unknown
from integrations.contract.seams import Clock

Json: TypeAlias = Any

_log = logging.getLogger(__name__)

PAGE_SIZE = 50
#: Pages of the store that are read. An account with more Contents than that should keep ours in one of its own.
PAGES_MAX = 20

#: What is known of the store is asked anew after this.
FRESH_SECONDS = 600.0
#: After a store that did not answer, messages go without it for so long before it is asked again.
RETRY_SECONDS = 60.0
#: The part of a send's time that may be spent on the store.
SHARE_OF_DEADLINE = 0.25


@cache
def declared() -> tuple[Declared, ...]:
    """Every Content that the files in `templates/` declare, in the order of their names."""
    folder = files("integrations.channels.twilio") / "templates"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".json"))
    return tuple(one for name in names for one in read_declared((folder / name).read_bytes()))


class ContentApi:
    """The few calls of the Content API that we make."""

    def __init__(self, config: TwilioConfig, send: Send) -> None:
        self._url = config.content_api_url
        self._send = send
        self._headers = {
            "authorization": basic(config.account_sid, config.auth_token.reveal()),
            "accept": "application/json",
        }

    async def stored(self, deadline: float) -> list[Stored] | Refused | NotSent | Unknown:
        """Everything in the store, with what WhatsApp says of it."""
        found: list[Stored] = []
        path = f"/v1/ContentAndApprovals?PageSize={PAGE_SIZE}"
        for _ in range(PAGES_MAX):
            answer = await self._call("GET", path, None, deadline)
            if isinstance(answer, Refused | NotSent | Unknown):
                return answer
            page = read_page(answer)
            if page is None:
                return Unknown("an answer that is no page of Contents")
            found += page[0]
            if not page[1]:
                return found
            following = urlsplit(page[1])
            path = f"{following.path}?{following.query}"
        return Unknown("more Contents than can be looked through")

    async def create(self, one: Declared, deadline: float) -> Stored | Refused | NotSent | Unknown:
        """Make one Content. Nobody gets anything by it; made twice, the older one is used."""
        answer = await self._call("POST", "/v1/Content", one.payload, deadline)
        if isinstance(answer, Refused | NotSent | Unknown):
            return answer
        return read_stored(answer) or Unknown("an answer that is no Content")

    async def submit(self, one: Declared, sid: str, deadline: float) -> Refused | NotSent | Unknown | None:
        """Ask WhatsApp to approve one; None when it was taken in."""
        path = f"/v1/Content/{sid}/ApprovalRequests/whatsapp"
        answer = await self._call("POST", path, one.approval, deadline)
        return answer if isinstance(answer, Refused | NotSent | Unknown) else None

    async def _call(self, method: str, path: str, payload: Json, deadline: float) -> Json:
        """The JSON object of a success, or what became of the call instead."""
        headers = self._headers if payload is None else {**self._headers, "content-type": "application/json"}
        body = b"" if payload is None else orjson.dumps(payload)
        sent = await self._send(Request(method, f"{self._url}{path}", headers, body), deadline)
        return read_answer(sent) if isinstance(sent, Response) else sent


def read_answer(answer: Response) -> Json:
    """The JSON object of a success, else Refused or Unknown."""
    try:
        read = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        read = None
    if answer.status < 300 and isinstance(read, dict):
        return read
    code = read.get("code") if isinstance(read, dict) else None
    if 400 <= answer.status < 500 and (answer.status in {401, 429} or (isinstance(code, int) and code >= CODES_FROM)):
        return Refused(answer.status, code if isinstance(code, int) else 0)
    return Unknown(f"status {answer.status} from the Content store")


async def create(api: ContentApi, wanted: Sequence[Declared], deadline: float) -> list[Finding] | str:
    """Make what is missing and submit what needs approval; how everything stands then, or why that cannot be told.

    Run again it does nothing more: what is there by its name is left alone, also where somebody changed it. Nothing is
    ever deleted.
    """
    stored = await api.stored(deadline)
    if not isinstance(stored, list):
        return said(stored)
    for one in wanted:
        there = oldest(stored, one.friendly_name)
        if there is None:
            made = await api.create(one, deadline)
            if not isinstance(made, Stored):
                return f"{one.friendly_name}: {said(made)}"
            stored.append(made)
    for finding in check(wanted, stored):
        if finding.state is State.UNSUBMITTED:
            submitted = await api.submit(finding.declared, finding.sid, deadline)
            if submitted is not None:
                return f"{finding.declared.friendly_name}: {said(submitted)}"
    stored = await api.stored(deadline)
    return check(wanted, stored) if isinstance(stored, list) else said(stored)


def said(outcome: Refused | NotSent | Unknown) -> str:
    """What went wrong, in a few words."""
    return f"status {outcome.status}, code {outcome.code}" if isinstance(outcome, Refused) else outcome.cause


class ContentStore:
    """What is in the store, as far as sending needs it: asked once, kept a while, and never waited for long."""

    def __init__(self, api: ContentApi, clock: Clock, wanted: Sequence[Declared] | None = None) -> None:
        self._api = api
        self._clock = clock
        self._wanted = declared() if wanted is None else tuple(wanted)
        self._by_name = {one.name: one for one in self._wanted if not one.category}
        #: None until the store has answered once.
        self._stored: list[Stored] | None = None
        self._sids: dict[str, str] = {}
        self._asked_at = float("-inf")
        self._ask_again_at = float("-inf")
        self._make_again_at: dict[str, float] = {}
        self._warned = False
        self._one_at_a_time = asyncio.Lock()

    async def sids(self, deadline: float) -> Mapping[str, str]:
        """Name to sid of the Contents for sessions that are in the store. Empty while the store cannot be asked."""
        await self._look(self._share(deadline))
        return self._sids

    async def sid(self, name: str, deadline: float) -> str | None:
        """The sid of one Content for sessions, made if it is missing; None where it is not to be had for now."""
        share = self._share(deadline)
        await self._look(share)
        if name not in self._sids:
            await self._make(name, share)
        return self._sids.get(name)

    async def approved(self, template: str, language: str, deadline: float) -> Stored | Unknown | None:
        """An approved template; None when there is none, Unknown when the store has never answered."""
        await self._look(self._share(deadline))
        wanted = next((one for one in self._wanted if (one.name, one.language) == (template, language)), None)
        if wanted is None or not wanted.category:
            return None
        if self._stored is None:
            return Unknown("the Content store does not answer")
        return approved(self._stored, wanted)

    def forget(self) -> None:
        """Twilio does not know a sid of ours: look again, unless that was done a moment ago."""
        if self._clock.monotonic() - self._asked_at >= RETRY_SECONDS:
            self._ask_again_at = float("-inf")

    def _share(self, deadline: float) -> float:
        now = self._clock.monotonic()
        return now + (deadline - now) * SHARE_OF_DEADLINE

    async def _look(self, share: float) -> None:
        if self._clock.monotonic() < self._ask_again_at:
            return
        async with self._one_at_a_time:
            now = self._clock.monotonic()
            # Who waited here finds it done, or has no time left for it.
            if now < self._ask_again_at or now >= share:
                return
            stored = await self._api.stored(share)
            self._asked_at = now
            if isinstance(stored, list):
                self._stored, self._warned = stored, False
                self._ask_again_at = now + FRESH_SECONDS
                found = ((name, oldest(stored, one.friendly_name)) for name, one in self._by_name.items())
                self._sids = {name: there.sid for name, there in found if there is not None}
            else:
                self._ask_again_at = now + RETRY_SECONDS
                self._warn(said(stored))

    async def _make(self, name: str, share: float) -> None:
        if self._stored is None or name not in self._by_name:
            return
        async with self._one_at_a_time:
            now = self._clock.monotonic()
            if name in self._sids or now >= share or now < self._make_again_at.get(name, now):
                return
            made = await self._api.create(self._by_name[name], share)
            if isinstance(made, Stored):
                self._sids[name] = made.sid
            else:
                self._make_again_at[name] = now + RETRY_SECONDS
                self._warn(said(made))

    def _warn(self, why: str) -> None:
        if not self._warned:
            _log.warning("WhatsApp goes without buttons: the Content store is not to be had (%s)", why)
        self._warned = True

"""`bili templates`: the messages that must be declared at Twilio before they can be sent, made and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import structlog

from bot import terms
from bot.app.parties import twilio_config
from bot.app.sandbox import say
from bot.clock import RealClock
from bot.settings import Settings, SettingsError
from integrations.contract.exchange import Send
from integrations.contract.seams import Clock
from integrations.http import HttpSender

if TYPE_CHECKING:
    from integrations.channels.twilio.content import ContentApi
    from integrations.channels.twilio.wire.content import Finding

log = structlog.get_logger()

Act = Literal["check", "create"]

#: How long all of it may take.
SECONDS = 120.0

_NOT_SET = (
    "BILI_TWILIO_CONTENT_API_URL is missing: templates are kept at https://content.twilio.com, and without them choices"
    " are numbered lines."
)


async def templates(settings: Settings, act: Act) -> int:
    """Print how every template stands, after making what is missing where `act` is "create".

    The exit status: 0 when all can be used, 1 when something is missing, waits or was refused.
    """
    clock = RealClock()
    async with HttpSender(clock) as sender:
        found = await _stand(_api(settings, sender.send), act, clock)
    if isinstance(found, str):
        raise SettingsError(f"Twilio's Content API: {found}")
    say(table(found))
    return 0 if all(is_usable(one) for one in found) else 1


async def practise(settings: Settings, send: Send, clock: Clock) -> None:
    """Have the templates made in a sandbox, so that nobody has to before a first try."""
    found = await _stand(_api(settings, send), "create", clock)
    if isinstance(found, str):
        log.warning("templates.not_made", why=found)


def _api(settings: Settings, send: Send) -> ContentApi:
    from integrations.channels.twilio.content import ContentApi

    if not terms.has_twilio(settings):
        raise SettingsError("BILI_TWILIO_ACCOUNT_SID is missing: there is no WhatsApp sender.")
    if not settings.twilio_content_api_url:
        raise SettingsError(_NOT_SET)
    return ContentApi(twilio_config(settings), send)


async def _stand(api: ContentApi, act: Act, clock: Clock) -> list[Finding] | str:
    from integrations.channels.twilio.content import create, declared, said
    from integrations.channels.twilio.wire.content import check

    deadline = clock.monotonic() + SECONDS
    if act == "create":
        return await create(api, declared(), deadline)
    stored = await api.stored(deadline)
    return check(declared(), stored) if isinstance(stored, list) else said(stored)


def is_usable(finding: Finding) -> bool:
    """Whether messages can be sent with it."""
    from integrations.channels.twilio.wire.content import State

    return finding.state in {State.READY, State.APPROVED}


def table(found: Sequence[Finding]) -> str:
    """How each stands, a line each, and what to do next."""
    rows = [(one.declared.name, one.declared.language, one.state.value, one.detail) for one in found]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", _next(found)])


def _next(found: Sequence[Finding]) -> str:
    from integrations.channels.twilio.wire.content import State

    states = {one.state for one in found}
    if states & {State.MISSING, State.DIFFERS, State.UNSUBMITTED}:
        return "Some are missing or not submitted:  bili templates create  makes and submits them."
    if State.REJECTED in states:
        return "WhatsApp refused some: mend the words in integrations/channels/twilio/templates/ and create them again."
    if State.WAITING in states:
        return "WhatsApp is still looking at some. Until then what waits outside the 24 hours goes by SMS, or waits."
    return "All can be used."

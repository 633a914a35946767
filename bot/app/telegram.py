"""Telling Telegram who we are and where we listen, or polling it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.app.parties import telegram_config
from bot.settings import Settings
from integrations.channels.telegram.adapter import Telegram
from integrations.contract.exchange import Send
from integrations.contract.seams import Clock

if TYPE_CHECKING:
    from bot.i18n import Languages
    from bot.service import Service
    from integrations.channels.telegram.setup import TelegramSetup

log = structlog.get_logger()

#: The wait after Telegram could not be set up, doubling up to the most.
MEET_AGAIN_SECONDS = 3.0
MEET_AGAIN_SECONDS_MAX = 60.0


async def hear(settings: Settings, telegram: Telegram, service: Service, send: Send, clock: Clock) -> None:
    """Tell Telegram where we listen, or poll it. It goes on trying: the service runs without Telegram, too."""
    from bot.polling import poll
    from integrations.channels.telegram.setup import SetupFailed, TelegramSetup

    setup, wait = TelegramSetup(telegram_config(settings), send, clock), MEET_AGAIN_SECONDS
    while True:
        try:
            await _meet(setup, settings, service.outfit.languages)
            break
        except SetupFailed as failed:
            log.warning("telegram.setup_failed", why=str(failed))
            await clock.sleep(wait)
            wait = min(2 * wait, MEET_AGAIN_SECONDS_MAX)
    if settings.public_url:
        await asyncio.Event().wait()  # what ends would be begun again
    await poll(telegram, service.ingress, clock)


async def _meet(setup: TelegramSetup, settings: Settings, languages: Languages) -> None:
    who = await setup.identity()
    await setup.publish_commands(commands(languages))
    if settings.public_url:
        await setup.use_webhook(f"{settings.public_url}/webhooks/telegram")
    else:
        await setup.use_polling()
    log.info("telegram.met", bot=who.username, by="webhook" if settings.public_url else "polling")


def commands(languages: Languages) -> dict[str, list[tuple[str, str]]]:
    """Telegram's menu of commands by language; "" is what everybody else sees."""
    from flows.words import COMMANDS_SHOWN

    by_language = {
        code: [(choice.id, languages.label(choice.label, code)) for choice in COMMANDS_SHOWN]
        for code, _ in languages.available()
    }
    return {"": by_language["en"], **by_language}

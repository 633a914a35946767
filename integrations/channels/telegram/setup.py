"""Telling Telegram who we are and where we listen. Rare calls, so they go through python-telegram-bot, over our Send.

Import this module only when it is used: the library takes a third of a second to load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from telegram import Bot
from telegram.error import InvalidToken, NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData

from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.telegram.wire.updates import UPDATE_KINDS
from integrations.contract.exchange import Request, Response, Send
from integrations.contract.seams import Clock

#: The longest one set-up call may take.
TIMEOUT_SECONDS = 20.0

#: Updates Telegram delivers at the same time, each of another person (Bot API: 1 to 100).
WEBHOOK_CONNECTIONS_MAX = 40


class SetupFailed(Exception):
    """Telegram could not be set up; the message says why, without the token."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot behind the token. People find it at `t.me/<username>`."""

    user_id: int
    username: str


class SendRequest(BaseRequest):
    """python-telegram-bot's way out, through our Send. Time limits given to it are replaced by TIMEOUT_SECONDS."""

    def __init__(self, send: Send, clock: Clock) -> None:
        self._send = send
        self._clock = clock

    @property
    def read_timeout(self) -> float:
        return TIMEOUT_SECONDS

    async def initialize(self) -> None:
        """Nothing to open: the Send has its own life."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_timeouts: Any, **_more_timeouts: Any
    ) -> tuple[int, bytes]:
        """One exchange; a NetworkError when there is no answer. Files are not carried."""
        body = urlencode(request_data.json_parameters).encode() if request_data else b""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        sent = await self._send(Request(method, url, headers, body), self._clock.monotonic() + TIMEOUT_SECONDS)
        if not isinstance(sent, Response):
            raise NetworkError(sent.cause)
        if sent.status == 429:
            # Ahead of the library's own RetryAfter, which warns of a change to come whenever it is made.
            raise TelegramError("too many requests, try again in a minute")
        return sent.status, sent.body


class TelegramSetup:
    """What is done once at start. Every method raises SetupFailed with a sentence for the operator."""

    def __init__(self, config: TelegramConfig, send: Send, clock: Clock) -> None:
        self._config = config
        request = SendRequest(send, clock)
        self._bot = Bot(
            config.token.reveal(), base_url=f"{config.api_url}/bot", request=request, get_updates_request=request
        )

    async def identity(self) -> Identity:
        """Who we are; the first proof that the token works."""
        with _explained():
            user = await self._bot.get_me()
        return Identity(user.id, user.username or "")

    async def use_webhook(self, url: str) -> None:
        """Have updates delivered to `url` (https) with the configured secret. Updates that wait are kept."""
        with _explained():
            await self._bot.set_webhook(
                url,
                max_connections=WEBHOOK_CONNECTIONS_MAX,
                allowed_updates=UPDATE_KINDS,
                secret_token=self._config.webhook_secret.reveal(),
            )

    async def use_polling(self) -> None:
        """Remove a webhook, so that updates can be polled. Updates that wait are kept."""
        with _explained():
            await self._bot.delete_webhook()

    async def publish_commands(self, commands: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        """The menu of commands: (command, description) pairs by two-letter language; "" is for all other languages."""
        with _explained():
            for language, pairs in commands.items():
                await self._bot.set_my_commands(pairs, language_code=language or None)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except InvalidToken:
        raise SetupFailed("Telegram does not accept the token") from None
    except NetworkError as error:
        # The library's BadRequest is a NetworkError too, and its message is Telegram's own sentence.
        raise SetupFailed(f"Telegram could not be reached or refused: {error.message}") from None
    except TelegramError as error:
        raise SetupFailed(f"Telegram refused: {error.message}") from None

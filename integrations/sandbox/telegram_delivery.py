"""How Telegram hands a bot its updates: by webhook with its ladder of retries, or by getUpdates.

Source: tdlib/telegram-bot-api, WebhookActor.cpp. Updates of one person go one after another, those of different
people side by side; what is not taken with a 2xx comes again until it is too old.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import orjson

from integrations.contract.exchange import Request, Response, Sent
from integrations.sandbox.far_side import DELIVERY_TIMEOUT_SECONDS, DueList, World

Json: TypeAlias = Any

#: Whose updates wait for one another: ("chat", id) for messages, ("user", id) for taps, ("member", id).
Key: TypeAlias = tuple[str, int]

MESSAGE_LIFETIME_SECONDS = 24 * 3600.0
TAP_LIFETIME_SECONDS = 150.0
RETRY_AFTER_SECONDS_MAX = 3600.0

#: The delay doubles up to a random number between this and twice this.
RESEND_SECONDS_MAX = 60.0

#: Methods a webhook's answer may not call, beside all that begin with "get".
FORBIDDEN_IN_ANSWERS = {"setwebhook", "deletewebhook", "close", "logout"}


@dataclass
class Update:
    """One update that waits to be taken."""

    number: int
    key: Key
    body: Json
    expires_at: float
    failures: int = 0
    delay: float = 1.0


@dataclass
class Webhook:
    """What the bot asked for with setWebhook; an empty `url` is none."""

    url: str = ""
    secret: str = ""
    connections_max: int = 40
    error: str = ""
    error_at: int = 0


@dataclass
class Updates:
    """All that waits for the bot, and the webhook it goes to. `run` executes a method named in a webhook's answer."""

    world: World
    due: DueList
    run: Callable[[Json], None]
    webhook: Webhook = field(default_factory=Webhook)
    #: None is Telegram's default: every kind.
    allowed: frozenset[str] | None = None
    _queues: dict[Key, deque[Update]] = field(default_factory=dict)
    #: Queues that have an update on its way or a time to be looked at again.
    _busy: set[Key] = field(default_factory=set)
    _numbers: itertools.count[int] = field(init=False)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(100_000_000 + int(self.world.random.digits(8)))

    def add(self, kind: str, content: Json, key: Key) -> None:
        """Something happened. Kinds the bot did not ask for are lost, as they are at Telegram."""
        if self.allowed is not None and kind not in self.allowed:
            return
        lifetime = TAP_LIFETIME_SECONDS if kind == "callback_query" else MESSAGE_LIFETIME_SECONDS
        number = next(self._numbers)
        body = {"update_id": number, kind: content}
        update = Update(number, key, body, self.world.clock.monotonic() + lifetime)
        self._queues.setdefault(key, deque()).append(update)
        self._wake(key)

    def waiting(self) -> list[Update]:
        """All updates not yet taken nor expired, oldest first."""
        for key in list(self._queues):
            self._head(key)
        return sorted((update for queue in self._queues.values() for update in queue), key=lambda one: one.number)

    def take(self, offset: int, limit: int) -> list[Json]:
        """getUpdates: forget those before `offset` (a negative one counts from the end), return the next."""
        waiting = self.waiting()
        if offset < 0:
            offset = waiting[offset:][0].number if waiting else 0
        for update in waiting:
            if update.number < offset:
                self._drop(update)
        return [update.body for update in waiting if update.number >= offset][:limit]

    def clear(self) -> None:
        """drop_pending_updates."""
        self._queues.clear()

    def use(self, webhook: Webhook) -> None:
        """Deliver to this webhook from now on, what waits already included."""
        self.webhook = webhook
        for key in self._queues:
            self._wake(key)

    def _wake(self, key: Key) -> None:
        if self.webhook.url and key not in self._busy:
            self._later(key, 0.0)

    def _later(self, key: Key, seconds: float) -> None:
        self._busy.add(key)
        self.due.after(seconds, partial(self._deliver, key))

    def _head(self, key: Key) -> Update | None:
        queue = self._queues.get(key, deque())
        while queue and queue[0].expires_at < self.world.clock.monotonic():
            queue.popleft()
        if not queue:
            self._queues.pop(key, None)
            return None
        return queue[0]

    def _drop(self, update: Update) -> None:
        queue = self._queues.get(update.key, deque())
        if update in queue:
            queue.remove(update)

    async def _deliver(self, key: Key) -> None:
        update = self._head(key)
        if update is None or not self.webhook.url:
            self._busy.discard(key)
            return
        deadline = self.world.clock.monotonic() + DELIVERY_TIMEOUT_SECONDS
        sent = await self.world.send(self._request(update), deadline)
        seconds = self._taken(update, sent) if _is_success(sent) else self._failed(update, sent)
        self._later(key, seconds)

    def _request(self, update: Update) -> Request:
        headers = {"content-type": "application/json"}
        if self.webhook.secret:
            headers["x-telegram-bot-api-secret-token"] = self.webhook.secret
        return Request("POST", self.webhook.url, headers, orjson.dumps(update.body))

    def _taken(self, update: Update, sent: Sent) -> float:
        if not self.world.faults.takes("telegram_double_delivery"):
            self._drop(update)
        call = _called(sent)
        if call is not None:
            self.run(call)
        return 0.0

    def _failed(self, update: Update, sent: Sent) -> float:
        """How long to wait before this update is sent again; the first time is at once."""
        self.webhook.error = _error_words(sent)
        self.webhook.error_at = int(self.world.clock.now().timestamp())
        seconds = _retry_after(sent)
        if not seconds and update.failures:
            cap = RESEND_SECONDS_MAX * (1 + self.world.random.fraction())
            update.delay = seconds = min(cap, update.delay * 2)
        update.failures += 1
        if self.world.clock.monotonic() + seconds > update.expires_at:
            self._drop(update)
            return 0.0
        return seconds


def _is_success(sent: Sent) -> bool:
    return isinstance(sent, Response) and 200 <= sent.status <= 299


def _error_words(sent: Sent) -> str:
    return f"Wrong response from the webhook: {sent.status}" if isinstance(sent, Response) else "Connection timed out"


def _retry_after(sent: Sent) -> float:
    given = sent.headers.get("retry-after", "") if isinstance(sent, Response) else ""
    return min(float(given), RETRY_AFTER_SECONDS_MAX) if given.isdecimal() else 0.0


def _called(sent: Sent) -> Json:
    """The method call in a webhook's answer, where there is one that may be executed."""
    try:
        call = orjson.loads(sent.body) if isinstance(sent, Response) else None
    except orjson.JSONDecodeError:
        return None
    match call:
        case {"method": str() as method} if _may_be_called(method.lower()):
            return call
        case _:
            return None


def _may_be_called(method: str) -> bool:
    return method not in FORBIDDEN_IN_ANSWERS and not method.startswith("get")

"""The Telegram channel: one call of the Bot API per message, updates by webhook or by polling."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import orjson

from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.telegram.wire.answers import Conflict, NotEditable, Updates, edit_outcome, outcome, polled
from integrations.channels.telegram.wire.calls import LIMITS, call, edit_payload, fault_of, message_payload
from integrations.channels.telegram.wire.updates import UPDATE_KINDS, read_update
from integrations.contract.channel import NO_WAYBILL, Waybill
from integrations.contract.exchange import NotSent, Request, Response, Send, Sent, Unknown, json_response
from integrations.contract.message import (
    Delivered,
    Ignored,
    Malformed,
    Message,
    Received,
    Rejected,
    Sending,
    Tapped,
    Throttled,
)
from integrations.contract.seams import Clock

Json: TypeAlias = Any

#: Telegram repeats in it what was agreed when the webhook was set.
PROOF_HEADER = "x-telegram-bot-api-secret-token"

#: Updates a poll asks for. Ten of the longest messages, each quoting another such, stay below RESPONSE_BYTES_MAX; the
#: hundred Telegram offers need not, and an answer too large to be read would be asked for again and again.
POLL_LIMIT = 10

#: Chats whose open share button is remembered. Forgetting one leaves a stale key on one phone.
OPEN_KEYBOARDS_MAX = 10_000


class Telegram:
    """The Channel of one bot. Addresses are private chat ids, external ids are update ids.

    Beside the Channel protocol: `poll` and `answer_taps`, for when nobody can reach us.
    """

    name = "telegram"
    path = "telegram"
    limits = LIMITS
    timeout_seconds = 20.0

    def __init__(self, config: TelegramConfig, send: Send, clock: Clock) -> None:
        self._url = f"{config.api_url}/bot{config.token.reveal()}"
        secrets = (config.webhook_secret, config.previous_webhook_secret)
        self._secrets = tuple(secret.reveal().encode() for secret in secrets if secret is not None)
        self._send = send
        self._clock = clock
        self._open_keyboards: dict[str, None] = {}

    def receive(self, request: Request) -> list[Received | Ignored] | Rejected:
        """Verify a webhook request by its secret header, then parse it. Pure. Money: none moves here."""
        if not self._is_telegrams(request.headers):
            return Rejected("wrong secret")
        try:
            update = read_update(orjson.loads(request.body), self._clock.now())
        except orjson.JSONDecodeError:
            return Rejected("not JSON", 400)
        return [update[1]] if update else Rejected("not an Update", 400)

    def _is_telegrams(self, headers: Mapping[str, str]) -> bool:
        given = headers.get(PROOF_HEADER, "").encode("utf-8", "surrogateescape")
        # Every secret is compared, so that the time taken does not tell which one was nearer.
        matches = [hmac.compare_digest(given, secret) for secret in self._secrets]
        return any(matches)

    def acknowledge(self, received: list[Received | Ignored]) -> Response:
        """The 200 for what is stored. For a tap it also stops the spinner, in the same breath (F-078)."""
        spinners = _spinners(received)
        if not spinners:
            return Response(200)
        return json_response(orjson.dumps({"method": "answerCallbackQuery", "callback_query_id": spinners[0]}))

    async def send(
        self,
        address: str,
        message: Message,
        deadline: float,
        waybill: Waybill = NO_WAYBILL,  # noqa: ARG002  Telegram cannot be asked
    ) -> Sending:
        """Send one message, or edit one in place; where it cannot be edited any more, a new one is sent.

        Nothing is repeated: a second call is made only after Telegram said that the edit did not happen (F-079).
        Telegram cannot be asked what a bot sent, so the waybill is of no use here. Money: none moves here.
        """
        fault = fault_of(message)
        if fault is not None:
            return fault
        if message.edits and not message.share_phone:  # a share button cannot be put under an old message
            sent = await self._call("editMessageText", edit_payload(address, message, message.edits), deadline)
            edited = edit_outcome(sent, message.edits)
            if not isinstance(edited, NotEditable):
                return edited
        return await self._send_new(address, message, deadline)

    async def _send_new(self, address: str, message: Message, deadline: float) -> Sending:
        # A message that takes a keyboard away can never be edited again, so a progress message leaves it.
        plain = not (message.buttons or message.share_phone or message.progress)
        drops = plain and address in self._open_keyboards
        payload = message_payload(address, message, drop_keyboard=drops)
        sending = outcome(await self._call("sendMessage", payload, deadline))
        if isinstance(sending, Delivered):
            self._remember(address, opened=bool(message.share_phone), dropped=drops)
        return sending

    def _remember(self, address: str, *, opened: bool, dropped: bool) -> None:
        if dropped:
            self._open_keyboards.pop(address, None)
        if opened:
            self._open_keyboards[address] = None
        if len(self._open_keyboards) > OPEN_KEYBOARDS_MAX:
            del self._open_keyboards[next(iter(self._open_keyboards))]

    async def working(self, address: str, deadline: float) -> None:
        """Show "typing …" for five seconds or until the next message; its failure is nobody's concern."""
        await self._call("sendChatAction", {"chat_id": int(address), "action": "typing"}, deadline)

    async def poll(
        self, after: int, wait_seconds: int, deadline: float
    ) -> Updates | Conflict | Throttled | Malformed | NotSent | Unknown:
        """The updates after update id `after`, oldest first, each with its id; at most POLL_LIMIT.

        Asking for those after n tells Telegram that all up to n may be forgotten, so `after` is raised only when
        they are stored. Telegram waits up to `wait_seconds` for something to happen.
        """
        arguments = {
            "offset": after + 1,
            "limit": POLL_LIMIT,
            "timeout": wait_seconds,
            "allowed_updates": UPDATE_KINDS,
        }
        return polled(await self._call("getUpdates", arguments, deadline), self._clock.now())

    async def answer_taps(self, received: Iterable[Received | Ignored], deadline: float) -> None:
        """Stop the spinners of polled taps. A tap older than a few minutes cannot be answered; that is no error."""
        for spinner in _spinners(received):
            await self._call("answerCallbackQuery", {"callback_query_id": spinner}, deadline)

    async def _call(self, method: str, arguments: Mapping[str, Json], deadline: float) -> Sent:
        return await self._send(call(self._url, method, arguments), deadline)


def _spinners(received: Iterable[Received | Ignored]) -> list[str]:
    contents = [one.content for one in received if isinstance(one, Received)]
    return [content.spinner for content in contents if isinstance(content, Tapped) and content.spinner]

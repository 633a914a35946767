"""The far side of the Telegram channel: one bot, its people, and the Bot API between them.

`docs/sandbox-telegram.md` tells how to point any bot library at it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import orjson

from integrations.contract.exchange import NoAnswer, Request, Response, json_response
from integrations.sandbox.far_side import DueList, World
from integrations.sandbox.telegram_bot_api import Arguments, BotApi
from integrations.sandbox.telegram_chats import ChatMessage
from integrations.sandbox.telegram_delivery import Updates
from integrations.sandbox.telegram_people import People
from integrations.sandbox.telegram_text import Refused

__all__ = ["FAULTS", "ChatMessage", "TelegramSide"]

Json: TypeAlias = Any

#: What can go wrong here, as the page words it.
FAULTS: Final[Mapping[str, str]] = {
    "telegram_slow_down": "Telegram takes no message for three seconds (429)",
    "telegram_double_delivery": "Telegram delivers what a person does twice",
    "telegram_answer_lost": "A message is shown, and Telegram's answer to us is lost",
    "telegram_down": "Telegram answers with an error page (502)",
}

SLOW_DOWN_SECONDS = 3

#: Methods that show something to a person.
_SENDS = {"sendmessage", "editmessagetext"}

_PATH = re.compile(r"/bot(?P<token>[^/]+)/(?P<method>\w+)/?")


class TelegramSide(People):
    """A FarSide and the People in it. `token` is the only one it accepts."""

    name = "telegram"

    def __init__(self, world: World, token: str) -> None:
        self.due = DueList(world.clock)
        updates = Updates(world, self.due, self._run)
        bot = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Bili sandbox",
            "username": "bili_sandbox_bot",
        }
        super().__init__(world, updates, bot)
        self._token = token
        self._api = BotApi(self, updates)

    async def serve(self, request: Request) -> Response:
        """One call of the Bot API at `/bot<token>/<method>`, below any prefix."""
        called = _PATH.search(urlsplit(request.url).path)
        if called is None:
            return _refusal(Refused(404, "Not Found"))
        if not hmac.compare_digest(called["token"].encode(), self._token.encode()):
            return _refusal(Refused(401, "Unauthorized"))
        if self._world.faults.takes("telegram_down"):
            return Response(502, {"content-type": "text/html"}, b"<html><body>502 Bad Gateway</body></html>")
        try:
            result = self._called(called["method"].lower(), Arguments.of(request))
        except Refused as refused:
            return _refusal(refused)
        return json_response(orjson.dumps({"ok": True, "result": result}))

    def _called(self, method: str, arguments: Arguments) -> Json:
        if method not in _SENDS:
            return self._api.call(method, arguments)
        if self._world.faults.takes("telegram_slow_down"):
            raise Refused(429, f"Too Many Requests: retry after {SLOW_DOWN_SECONDS}", SLOW_DOWN_SECONDS)
        result = self._api.call(method, arguments)
        if self._world.faults.takes("telegram_answer_lost"):
            raise NoAnswer
        return result

    def _run(self, call: Json) -> None:
        # Telegram executes the method named in a webhook's answer and tells nobody how it went.
        try:
            self._api.call(call["method"], Arguments(call))
        except Refused:
            return


def _refusal(refused: Refused) -> Response:
    answer: Json = {"ok": False, "error_code": refused.code, "description": refused.description}
    headers = {"content-type": "application/json"}
    if refused.retry_after is not None:
        answer["parameters"] = {"retry_after": refused.retry_after}
        headers["retry-after"] = str(refused.retry_after)
    return Response(refused.code, headers, orjson.dumps(answer))

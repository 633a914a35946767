"""The far side of WhatsApp and SMS: one Twilio account, the people it reaches, and the REST API between them.

`docs/sandbox-twilio.md` tells how to point Twilio's libraries at it.
"""

from __future__ import annotations

import base64
import hmac
import re
from urllib.parse import urlsplit

import orjson

from integrations.contract.exchange import NoAnswer, Request, Response, json_response
from integrations.contract.people import Secret
from integrations.sandbox.far_side import DueList, World
from integrations.sandbox.twilio_chats import Item, Person, WhatsAppBubble
from integrations.sandbox.twilio_config import FAULTS, Signer, TwilioSideConfig
from integrations.sandbox.twilio_content import Contents
from integrations.sandbox.twilio_create import Wanted, check_message, read_wanted
from integrations.sandbox.twilio_delivery import Deliveries
from integrations.sandbox.twilio_messages import API_VERSION, ApiError, not_found
from integrations.sandbox.twilio_people import People
from integrations.sandbox.twilio_webhooks import Pairs, Reply, Webhooks

__all__ = ["FAULTS", "Item", "Signer", "TwilioSide", "TwilioSideConfig", "WhatsAppBubble"]

_MESSAGES = re.compile(rf"/{API_VERSION}/Accounts/(?P<account>[^/]+)/Messages(/(?P<sid>[^/.]+))?\.json")
_MEDIA = re.compile(r"/media/.+")


class TwilioSide(People):
    """A FarSide and the People in it. `contents` and `messages` are what Twilio keeps."""

    name = "twilio"

    def __init__(self, world: World, config: TwilioSideConfig) -> None:
        super().__init__(world, DueList(world.clock), config)
        self.hooks = Webhooks.of(world, config)
        self.contents = Contents(world, config)
        self._deliveries = Deliveries(world, self.due, config, self, self.contents, self.hooks)

    @property
    def webhook_url(self) -> str:
        """Where what people do is posted; nowhere while it is empty."""
        return self.hooks.webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self.hooks.webhook_url = url

    @property
    def alerts(self) -> list[str]:
        """What Twilio's debugger says of our webhooks, each beginning with its code."""
        return self.hooks.alerts

    def reach_at(self, base_url: str) -> None:
        """Let addresses of media and pages begin with this, without a slash at its end."""
        self.base_url = self.contents.base_url = base_url

    # --- the REST API

    async def serve(self, request: Request) -> Response:
        """One call: messages, contents, or a file somebody sent. NoAnswer when the answer is to be lost."""
        path = urlsplit(request.url).path
        try:
            self._authenticate(request)
            if "/v1/Content" in path:
                return self._serve_contents(request)
            if file := _MEDIA.search(path):
                return self._serve_media(request, file[0])
            return await self._serve_messages(request, path)
        except ApiError as refusal:
            return refusal.response()

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        tokens = [token for token in (self._config.auth_token, self._config.previous_auth_token) if token]
        if scheme.lower() != "basic" or not any(self._opens(encoded.strip(), token) for token in tokens):
            raise ApiError(401, 20003, "Authenticate")

    def _opens(self, encoded: str, token: Secret) -> bool:
        right = base64.b64encode(f"{self._config.account_sid}:{token.reveal()}".encode())
        return hmac.compare_digest(encoded.encode(), right)

    def _serve_contents(self, request: Request) -> Response:
        if self._world.faults.takes("twilio_no_content"):
            raise ApiError(503, 20503, "Service unavailable")
        return self.contents.serve(request)

    def _serve_media(self, request: Request, path: str) -> Response:
        if path not in self.media or request.method != "GET":
            raise not_found(path)
        kind, file = self.media[path]
        return Response(200, {"content-type": kind}, file)

    async def _serve_messages(self, request: Request, path: str) -> Response:
        called = _MESSAGES.search(path)
        if called is None or called["account"] != self._config.account_sid:
            raise not_found(path)
        if self._world.faults.takes("twilio_down"):
            return Response(500, {"content-type": "text/html"}, b"<html><body>500 Internal Server Error</body></html>")
        match request.method, called["sid"]:
            case "POST", None:
                return await self._create(request)
            case "GET", None:
                return json_response(orjson.dumps(self.messages.page(urlsplit(request.url).query)))
            case "GET", sid:
                message = self.messages.get(sid)
                if message is None:
                    raise not_found(path)
                return json_response(orjson.dumps(self.messages.show(message)))
            case _:
                raise ApiError(405, 20004, "Method not allowed")

    async def _create(self, request: Request) -> Response:
        if self._world.faults.takes("twilio_slow_down"):
            raise ApiError(429, 20429, "Too Many Requests")
        wanted = read_wanted(request, self._config, self.contents)
        message = await self._deliveries.take(wanted)
        # The answer is of the moment the message was taken, also where a report of it went out before.
        shown = {**self.messages.show(message), "status": "accepted" if message.service_sid else "queued"}
        if self._world.faults.takes("twilio_answer_lost"):
            raise NoAnswer
        return json_response(orjson.dumps(shown), 201)

    # --- what people do

    async def _read(self, person: Person) -> None:
        await self._deliveries.read(person)

    async def _deliver(self, person: Person, pairs: Pairs) -> None:
        event = self.hooks.event()
        times = 2 if self._world.faults.takes("twilio_double_delivery") else 1
        for _ in range(times):
            for reply in await self.hooks.inbound(pairs, event):
                await self._answer(person, reply)

    async def _answer(self, person: Person, reply: Reply) -> None:
        """Send what our answer to a webhook says; Twilio tells nobody but its debugger when it cannot."""
        to, sender = reply.to or person.address, self._ours
        if not to.startswith("whatsapp:"):
            sender = self._config.sms_from
        wanted = Wanted(to, sender, reply.body, reply.media, status_callback=reply.status_callback)
        try:
            check_message(wanted, self._config)
            await self._deliveries.take(wanted, "outbound-reply")
        except ApiError as refusal:
            self.alerts.append(f"{refusal.code} {refusal.message}")

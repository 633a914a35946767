"""A tiny WhatsApp bot with a fixed script, so that the page can be tried without the product.

It speaks to the sandbox only over HTTP: Twilio's webhook on one side, Twilio's REST API on the other.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode

import orjson

from integrations.contract.exchange import Request, Response, Send
from integrations.contract.seams import Clock
from integrations.sandbox.host import SandboxConfig

Json: TypeAlias = Any

TOKEN = "7412 3456 7890 1234 5678"
FORM = "application/x-www-form-urlencoded"
METERS = {
    "body": "*Karibu!* Which meter shall I top up?",
    "button": "Choose a meter",
    "items": [
        {"item": "Home", "id": "m1", "description": "14123456783, House 12, Umoja Two"},
        {"item": "Mama’s shop", "id": "m2", "description": "14120000014, Kiosk 4, Gikomba"},
        {"item": "Another meter", "id": "m3", "description": "Type its number"},
    ],
}
CHECK = {
    "body": "*Please check*\nMeter *14123456783*\nJ••• W••••••, House 12, Umoja Two\nAmount *KES 500.00*",
    "actions": [{"title": "Pay KES 500", "id": "pay"}, {"title": "Change amount", "id": "amount"}],
}
AMOUNT = "How much? _Answer with a number._"
RECEIPT = f"*Paid.* Here is your token\n\n```{TOKEN}```\n\nM-Pesa receipt `SKA1B2C3D4`."


@dataclass
class ScriptedWhatsApp:
    """Answers every person by the script. `heard` are the forms of the webhooks, in order."""

    url: str
    config: SandboxConfig
    send: Send
    clock: Clock
    heard: list[dict[str, str]] = field(default_factory=list)
    _contents: dict[bytes, str] = field(default_factory=dict)

    async def serve(self, request: Request) -> Response:
        """Twilio's webhook: act on it, and answer with an empty TwiML."""
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        self.heard.append(form)
        await self.answer(form["From"], form)
        return Response(200, {"content-type": "text/xml"}, b"<Response/>")

    async def answer(self, who: str, form: dict[str, str]) -> None:
        """React to what somebody did."""
        if form["MessageType"] not in {"text", "interactive", "button"}:
            await self.say(who, "Please type, I cannot read that.")
            return
        match form.get("ButtonPayload") or form.get("ListId") or form["Body"]:
            case "m1" | "m2" | "m3":
                await self.say(who, AMOUNT)
            case "pay":
                await self.say(who, RECEIPT)
            case text if text.isdecimal():
                await self.offer(who, "twilio/quick-reply", CHECK)
            case text if text.startswith("name "):
                await self.say(who, f"*Meter of {text.removeprefix('name ')}*")
            case "sms":
                await self.create(To=who.removeprefix("whatsapp:"), From=self.config.twilio_sms_from, Body=RECEIPT)
            case _:
                await self.offer(who, "twilio/list-picker", METERS)

    async def say(self, who: str, text: str) -> None:
        """Send words."""
        await self.create(To=who, From=f"whatsapp:{self.config.twilio_whatsapp_from}", Body=text)

    async def offer(self, who: str, kind: str, what: Json) -> None:
        """Send a message with buttons or a list."""
        sid = await self.content(kind, what)
        await self.create(To=who, From=f"whatsapp:{self.config.twilio_whatsapp_from}", ContentSid=sid)

    async def knock(self, who: str) -> None:
        """Send a template that was approved."""
        what = {"body": "Your receipt is ready. Answer with any word to read it."}
        sid = await self.content("twilio/text", what)
        approval = orjson.dumps({"name": "bili_waiting", "category": "UTILITY"})
        await self.call(f"/v1/Content/{sid}/ApprovalRequests/whatsapp", approval, "application/json")
        await self.create(To=who, From=f"whatsapp:{self.config.twilio_whatsapp_from}", ContentSid=sid)

    async def content(self, kind: str, what: Json) -> str:
        """The sid of a Content, which is made once."""
        made = orjson.dumps({"friendly_name": "scripted", "language": "en", "types": {kind: what}})
        if made not in self._contents:
            self._contents[made] = str((await self.call("/v1/Content", made, "application/json"))["sid"])
        return self._contents[made]

    async def create(self, **fields: str) -> None:
        """One message."""
        path = f"/2010-04-01/Accounts/{self.config.twilio_account_sid}/Messages.json"
        await self.call(path, urlencode(fields).encode(), FORM)

    async def call(self, path: str, body: bytes, content_type: str) -> Json:
        """One call of the REST API, which must not be refused."""
        plain = f"{self.config.twilio_account_sid}:{self.config.twilio_auth_token}"
        headers = {
            "authorization": f"Basic {base64.b64encode(plain.encode()).decode()}",
            "content-type": content_type,
        }
        sent = await self.send(Request("POST", self.url + path, headers, body), self.clock.monotonic() + 10)
        assert isinstance(sent, Response), sent
        assert sent.status < 300, sent.body
        return orjson.loads(sent.body)

"""A sandbox in process for tests: real far sides, a clock that is moved by hand, numbers that count up."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlencode

import orjson

from integrations.contract.exchange import Request, Response, Sent
from integrations.contract.money import Money
from integrations.sandbox.daraja_truth import Asked
from integrations.sandbox.host import SandboxConfig, SandboxHost
from tests.seams import HandClock

Json: TypeAlias = Any

AMINA, OTIENO, ZAWADI = 711000001, 722000002, 790000003
AMINAS_PHONE, OTIENOS_PHONE = "254711000001", "254722000002"
AMINAS_NUMBER, ZAWADIS_NUMBER = "+254711000001", "+254790000003"
CONFIG = SandboxConfig()


class StageClock(HandClock):
    """Nine in the morning, UTC, until it is moved."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 1, 5, 9, 0, tzinfo=UTC))


class Counting:
    """Randomness without any: numbers that count up."""

    def __init__(self) -> None:
        self.count = 0

    def _next(self) -> int:
        self.count += 1
        return self.count

    def digits(self, count: int) -> str:
        return str(self._next()).zfill(count)[-count:]

    def letters(self, count: int) -> str:
        return self.digits(count)

    def hexadecimal(self, size_bytes: int) -> str:
        return self.digits(size_bytes * 2)

    def secret(self, size_bytes: int) -> str:
        return self.digits(size_bytes * 2)

    def fraction(self) -> float:
        return 0.5


@dataclass
class Receiver:
    """The other end of every callback and webhook: takes all, keeps all."""

    requests: list[Request] = field(default_factory=list)

    async def send(self, request: Request, _deadline: float) -> Sent:
        self.requests.append(request)
        return Response(200)


@dataclass
class Sandbox:
    """A host without sockets, and short ways to use it."""

    clock: StageClock = field(default_factory=StageClock)
    receiver: Receiver = field(default_factory=Receiver)
    host: SandboxHost = field(init=False)

    def __post_init__(self) -> None:
        self.host = SandboxHost(CONFIG, self.clock, Counting(), self.receiver.send)

    async def post(self, name: str, /, **body: object) -> tuple[int, Json]:
        """One press of a control: the status and the JSON of its answer."""
        headers = {"content-type": "application/json"}
        response = await self.host.serve(Request("POST", f"/control/{name}", headers, orjson.dumps(body)))
        return response.status, orjson.loads(response.body)

    async def state(self, user: int = AMINA) -> Json:
        """What a client sees now."""
        response = await self.host.serve(Request("GET", f"/control/state?since=-1&user={user}"))
        assert response.status == 200, response.body
        return orjson.loads(response.body)

    async def bot(self, method: str, **arguments: object) -> Json:
        """One call of the Bot API; its result."""
        headers = {"content-type": "application/json"}
        path = f"/bot{CONFIG.telegram_token}/{method}"
        response = await self.host.serve(Request("POST", path, headers, orjson.dumps(arguments)))
        answer = orjson.loads(response.body)
        assert answer["ok"], answer
        return answer["result"]

    async def say_with_buttons(self, *labels: str) -> int:
        """Amina begins, and the bot answers with one row of buttons whose data are their labels in lower case."""
        await self.post("say", user=AMINA, text="/start")
        row = [{"text": label, "callback_data": label.lower()} for label in labels]
        markup = {"inline_keyboard": [row]}
        message = await self.bot("sendMessage", chat_id=AMINA, text="Which one?", reply_markup=markup)
        return int(message["message_id"])

    async def twilio(self, path: str, body: bytes, content_type: str) -> Json:
        """One call of Twilio's REST API; the JSON of its answer, which must not be a refusal."""
        known = f"{CONFIG.twilio_account_sid}:{CONFIG.twilio_auth_token}".encode()
        headers = {"content-type": content_type, "authorization": f"Basic {base64.b64encode(known).decode()}"}
        response = await self.host.serve(Request("POST", path, headers, body))
        assert response.status < 300, response.body
        return orjson.loads(response.body)

    async def send(self, to: str = f"whatsapp:{AMINAS_NUMBER}", **fields: str) -> str:
        """A message of ours, until it is on the phone; its sid."""
        sender = f"whatsapp:{CONFIG.twilio_whatsapp_from}" if to.startswith("whatsapp:") else CONFIG.twilio_sms_from
        path = f"/2010-04-01/Accounts/{CONFIG.twilio_account_sid}/Messages.json"
        form = urlencode({"From": sender, "To": to, **fields}).encode()
        sent = await self.twilio(path, form, "application/x-www-form-urlencoded")
        await self.drain()
        return str(sent["sid"])

    async def content(self, kind: str, **fields: Json) -> str:
        """The sid of a Content of one type."""
        made = {"friendly_name": "choices", "language": "en", "types": {kind: fields}}
        return str((await self.twilio("/v1/Content", orjson.dumps(made), "application/json"))["sid"])

    async def offer(self, *titles: str) -> str:
        """Amina writes on WhatsApp and gets quick replies whose payloads are their titles in lower case; the sid."""
        await self.post("say", user=AMINA, channel="whatsapp", text="hi")
        actions = [{"title": title, "id": title.lower()} for title in titles]
        return await self.send(ContentSid=await self.content("twilio/quick-reply", body="Which one?", actions=actions))

    async def drain(self) -> None:
        """Let Twilio do what is due."""
        while await self.host.twilio.due.drain():
            pass

    def prompt(self, msisdn: str = AMINAS_PHONE, shillings: int = 500) -> str:
        """Put a PIN prompt on a handset, as a push would; its id."""
        asked = Asked(
            msisdn, Money.of(shillings, "KES"), "6789", "Electricity", "http://127.0.0.1:9/c/x",
            "CustomerPayBillOnline", CONFIG.daraja_shortcode,
        )  # fmt: skip
        return self.host.daraja._truth.ask(asked).id

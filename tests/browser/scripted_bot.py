"""A tiny bot with a fixed script, so that the page can be tried without the product.

It speaks to the sandbox only over HTTP, as any bot would: long polling on one side, Daraja on the other.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote

import orjson

from integrations.contract.exchange import Request, Response, Send
from integrations.contract.seams import Clock
from integrations.sandbox.host import SandboxConfig

Json: TypeAlias = Any

TOKEN_DIGITS = "7412 3456 7890 1234 5678"
MENU = [[("Buy electricity", "buy")], [("My meters", "meters"), ("Help", "help")]]
PAY = [[("Pay KES 500 with M-Pesa", "pay")], [("Change amount", "amount"), ("Cancel", "cancel")]]
WELCOME = "Hello! I sell electricity tokens.\n\nType an amount and a meter, like <code>500 14123456789</code>."
CHECK = (
    "<b>Please check</b>\nMeter <b>14123456789</b>\nJ••• W••••••, House 12, Umoja Two\n"
    "Amount <b>KES 500.00</b>\nYou get about 16.3 kWh"
)
RECEIPT = (
    "<b>Paid. Here is your token</b>\n\n<code>" + TOKEN_DIGITS + "</code>\n\n16.3 kWh for KES 500.00 on meter "
    "14123456789.\nM-Pesa receipt {proof}. Type the 20 digits into the meter and press enter."
)
REASONS = {
    "1032": "You cancelled",
    "1037": "Time ran out",
    "2001": "The PIN was wrong",
    "1": "There was not enough money",
}


@dataclass
class ScriptedBot:
    """Answers every person by the script until cancelled."""

    url: str
    config: SandboxConfig
    send: Send
    clock: Clock
    poll_seconds: float = 0.2
    seen: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Take updates by long polling."""
        offset = 0
        while True:
            for update in await self.method("getUpdates", offset=offset, timeout=20):
                offset = update["update_id"] + 1
                await self.answer(update)

    async def answer(self, update: Json) -> None:
        """React to one update."""
        match update:
            case {"message": {"from": {"id": user}, "contact": {"phone_number": phone}}}:
                await self.say(user, f"Thank you, <b>{phone}</b> will be asked to pay.", remove=True)
            case {"message": {"from": {"id": user}, "text": text}}:
                await self.typed(user, text)
            case {"message": {"from": {"id": user}}}:
                await self.say(user, "Please type, I cannot read that.")
            case {"callback_query": {"id": query, "from": {"id": user}, "data": data, "message": message}}:
                await self.method("answerCallbackQuery", callback_query_id=query)
                await self.tapped(user, data, message["message_id"])
            case _:
                pass

    async def typed(self, user: int, text: str) -> None:
        """React to words."""
        self.seen.append(text)
        match text.split():
            case ["/start"]:
                await self.say(user, WELCOME, MENU)
            case [amount, _] if amount.isdecimal():
                await self.method("sendChatAction", chat_id=user, action="typing")
                await self.say(user, CHECK, PAY)
            case ["phone"]:
                keyboard = {"keyboard": [[{"text": "Share my phone number", "request_contact": True}]]}
                await self.method("sendMessage", chat_id=user, text="Who pays?", reply_markup=keyboard)
            case ["think"]:
                await self.method("sendChatAction", chat_id=user, action="typing")
            case _:
                await self.say(user, "I did not understand that. Try <code>500 14123456789</code>.")

    async def tapped(self, user: int, data: str, message_id: int) -> None:
        """React to a button."""
        if data != "pay":
            await self.method(
                "editMessageText", chat_id=user, message_id=message_id, text="Cancelled. Nothing was paid."
            )
            return
        settled = CHECK.replace("Please check", "You confirmed")
        await self.method("editMessageText", chat_id=user, message_id=message_id, text=settled, parse_mode="HTML")
        await self.say(user, "Your phone is asking for your M-Pesa PIN now. Approve it there, never here.")
        await self.method("sendChatAction", chat_id=user, action="typing")
        await self.say(user, await self.collected())

    async def collected(self) -> str:
        """Push a prompt to Amina's handset, ask until there is a verdict, and put it into words."""
        bearer = await self.bearer()
        push = {
            **self.signature(), "TransactionType": "CustomerPayBillOnline", "Amount": 500, "PartyA": "254711000001",
            "PhoneNumber": "254711000001", "PartyB": self.config.daraja_shortcode, "AccountReference": "6789",
            "TransactionDesc": "Electricity", "CallBackURL": "http://127.0.0.1:9/c/nobody",
        }  # fmt: skip
        pushed = await self.daraja("stkpush/v1/processrequest", bearer, push)
        asked = {**self.signature(), "CheckoutRequestID": pushed["CheckoutRequestID"]}
        while True:
            told = await self.daraja("stkpushquery/v1/query", bearer, asked)
            match told.get("ResultCode"):
                case "0":
                    return RECEIPT.format(proof="SKA1B2C3D4")
                case None | "4999":
                    await self.clock.sleep(self.poll_seconds)
                case code:
                    return f"{REASONS.get(code, 'It did not work')}, so nothing was paid. Try again whenever you like."

    def signature(self) -> dict[str, str]:
        """The three fields every Daraja body begins with."""
        stamp = "20260105090000"
        plain = f"{self.config.daraja_shortcode}{self.config.daraja_passkey}{stamp}"
        password = base64.b64encode(plain.encode()).decode()
        return {"BusinessShortCode": self.config.daraja_shortcode, "Password": password, "Timestamp": stamp}

    async def bearer(self) -> str:
        """An access token."""
        plain = f"{self.config.daraja_consumer_key}:{self.config.daraja_consumer_secret}"
        headers = {"authorization": f"Basic {base64.b64encode(plain.encode()).decode()}"}
        answer = await self.ask(Request("GET", "/oauth/v1/generate?grant_type=client_credentials", headers))
        return str(answer["access_token"])

    async def daraja(self, path: str, bearer: str, body: Json) -> Json:
        """One Daraja call."""
        headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
        return await self.ask(Request("POST", f"/mpesa/{path}", headers, orjson.dumps(body)))

    async def say(self, user: int, html: str, rows: Json = (), remove: bool = False) -> None:
        """Send a message with inline buttons given as rows of (label, data)."""
        keyboard = [[{"text": label, "callback_data": data} for label, data in row] for row in rows]
        markup: Json = {"remove_keyboard": True} if remove else {"inline_keyboard": keyboard}
        await self.method("sendMessage", chat_id=user, text=html, parse_mode="HTML", reply_markup=markup)

    async def method(self, name: str, **arguments: Json) -> Json:
        """One call of the Bot API."""
        path = f"/bot{quote(self.config.telegram_token, safe=':')}/{name}"
        headers = {"content-type": "application/json"}
        return (await self.ask(Request("POST", path, headers, orjson.dumps(arguments))))["result"]

    async def ask(self, request: Request) -> Json:
        """One exchange with the sandbox, which must answer JSON."""
        absolute = Request(request.method, self.url + request.url, request.headers, request.body)
        sent = await self.send(absolute, self.clock.monotonic() + 30)
        assert isinstance(sent, Response), sent
        return orjson.loads(sent.body)

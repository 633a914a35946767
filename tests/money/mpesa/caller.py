"""Somebody who builds on Daraja with the sandbox alone."""

from __future__ import annotations

import json
from base64 import b64encode

from integrations.contract.exchange import Request, Response
from integrations.sandbox.daraja import PinPrompt
from tests.money.mpesa.world import CALLBACK_URL, Bench

PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"
STAMP = "20260105090000"
BASIC = "Basic " + b64encode(b"test-consumer-key:test-consumer-secret").decode()

Said = tuple[int, dict[str, str]]


def password(stamp: str = STAMP, shortcode: str = "174379", passkey: str = "test-passkey") -> str:
    """The password of a request."""
    return b64encode(f"{shortcode}{passkey}{stamp}".encode()).decode()


PUSH: dict[str, object] = {
    "BusinessShortCode": 174379,
    "Password": password(),
    "Timestamp": STAMP,
    "TransactionType": "CustomerPayBillOnline",
    "Amount": "500",
    "PartyA": 254712345678,
    "PartyB": "174379",
    "PhoneNumber": "254712345678",
    "CallBackURL": CALLBACK_URL,
    "AccountReference": "accountref",
    "TransactionDesc": "txndesc",
}


class Caller:
    """Somebody who builds on Daraja and knows nothing of our adapter."""

    def __init__(self, bench: Bench | None = None) -> None:
        self.bench = bench or Bench()

    async def raw(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Response:
        """One request."""
        return await self.bench.side.serve(Request(method, path, headers, body))

    async def token(self) -> str:
        """A fresh access token."""
        answer = await self.raw("GET", TOKEN_PATH, {"authorization": BASIC})
        told = json.loads(answer.body)
        assert told["expires_in"] == "3599"
        return str(told["access_token"])

    async def post(self, path: str, fields: object, **headers: str) -> Said:
        """An authorised POST; status and body."""
        given = {"authorization": f"Bearer {await self.token()}", "content-type": "application/json", **headers}
        answer = await self.raw("POST", path, given, json.dumps(fields).encode())
        return answer.status, json.loads(answer.body)

    async def push(self, **changes: object) -> Said:
        """A push with some fields changed; None leaves the field out."""
        return await self.post(
            PUSH_PATH, {name: value for name, value in {**PUSH, **changes}.items() if value is not None}
        )

    async def query(self, checkout_request_id: object) -> Said:
        """An enquiry."""
        signed = {name: PUSH[name] for name in ("BusinessShortCode", "Password", "Timestamp")}
        return await self.post(QUERY_PATH, {**signed, "CheckoutRequestID": checkout_request_id})

    async def shown(self, **changes: object) -> PinPrompt:
        """A push that is accepted; its prompt."""
        status, told = await self.push(**changes)
        assert status == 200
        return next(prompt for prompt in self.bench.side.prompts() if prompt.id == told["CheckoutRequestID"])

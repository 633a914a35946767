"""The sandbox's Daraja: token, push and enquiry over HTTP, as strict as Safaricom's, with handsets behind them.

It shares no code with the adapter, so that a misreading of the documents does not agree with itself.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from integrations.contract.exchange import NoAnswer, Request, Response, json_response
from integrations.contract.money import Money
from integrations.sandbox.daraja_callbacks import Callbacks
from integrations.sandbox.daraja_config import FAULTS, DarajaSideConfig
from integrations.sandbox.daraja_truth import (
    CURRENCY,
    NAIROBI,
    Asked,
    DarajaTruth,
    Handset,
    PinPrompt,
    Transaction,
)
from integrations.sandbox.far_side import DueList, World

__all__ = ["FAULTS", "DarajaSide", "DarajaSideConfig", "Handset", "PinPrompt", "Transaction"]

TOKEN_PATH = "/oauth/v1/generate"  # noqa: S105  an address
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"

BANNED_WORDS = re.compile(r"m-?pesa|safaricom|exe|cmd|sql|query", re.IGNORECASE)
WEB_PAGE = Response(
    200,
    {"content-type": "text/html"},
    b"<html><head><title>Request unsuccessful</title></head><body>Incident ID: 000-000</body></html>",
)

Fields = Mapping[str, object]


class Refusal(Exception):
    """An error answer: HTTP status, errorCode, errorMessage."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def _invalid(field: str) -> Refusal:
    return Refusal(400, "400.002.02", f"Bad Request - Invalid {field}")


class DarajaSide:
    """Safaricom's end. A page or a test plays the payer through `enter_pin` and `cancel`; `revision` rises with every
    change. What it will do later stands in `due`."""

    name = "daraja"

    def __init__(self, world: World, config: DarajaSideConfig | None = None) -> None:
        self.config = config or DarajaSideConfig()
        self.due = DueList(world.clock)
        self._world = world
        self._callbacks = Callbacks(world, self.config, self.due)
        self._truth = DarajaTruth(world, self.config, self.due, self._callbacks.schedule)
        self._tokens: dict[str, float] = {}

    # --- the truth, for pages, tests and the simulator

    @property
    def revision(self) -> int:
        """Rises at every change."""
        return self._truth.revision

    @property
    def handsets(self) -> dict[str, Handset]:
        """Phones by 12-digit MSISDN; they may be changed."""
        return self._truth.handsets

    @property
    def transactions(self) -> list[Transaction]:
        """Money that moved, in order."""
        return self._truth.transactions

    def handset(self, msisdn: str) -> Handset:
        """The phone with this number, made on first use with PIN 1234 and 5,000 shillings."""
        return self._truth.handset(msisdn)

    def prompts(self) -> list[PinPrompt]:
        """Every prompt so far, the oldest first."""
        return self._truth.prompts()

    async def enter_pin(self, prompt_id: str, pin: str) -> PinPrompt:
        """The payer types a PIN; without effect on a prompt that is over. KeyError when there is no such prompt."""
        return await self._truth.enter_pin(prompt_id, pin)

    async def cancel(self, prompt_id: str) -> PinPrompt:
        """The payer dismisses the prompt; without effect on one that is over. KeyError when there is none."""
        return await self._truth.cancel(prompt_id)

    # --- HTTP

    async def serve(self, request: Request) -> Response:
        """Answer as Daraja would. NoAnswer when the answer is lost on its way, the prompt being shown."""
        try:
            match urlsplit(request.url).path:
                case path if path == TOKEN_PATH:
                    return self._token(request)
                case path if path == PUSH_PATH:
                    return await self._push(request)
                case path if path == QUERY_PATH:
                    return self._query(request)
                case _:
                    return self._refused(Refusal(404, "404.001.01", "Resource not found"))
        except Refusal as refusal:
            return self._refused(refusal)

    def _refused(self, refusal: Refusal) -> Response:
        request_id = f"{self._world.random.digits(5)}-{self._world.random.digits(8)}-1"
        body = {"requestId": request_id, "errorCode": refusal.code, "errorMessage": refusal.message}
        return json_response(json.dumps(body).encode(), refusal.status)

    def _token(self, request: Request) -> Response:
        if request.method != "GET":
            raise Refusal(405, "405.001", "Method Not Allowed")
        if self._world.faults.takes("token_down"):
            return Response(503, {"content-type": "text/html"}, b"<html>Service Unavailable</html>")
        expected = f"{self.config.consumer_key}:{self.config.consumer_secret}"
        if _decoded(request.headers.get("authorization", ""), "Basic ") != expected:
            raise Refusal(400, "400.008.01", "Invalid Authentication passed")
        if parse_qs(urlsplit(request.url).query).get("grant_type") != ["client_credentials"]:
            raise Refusal(400, "400.008.02", "Invalid grant type passed")
        now = self._world.clock.monotonic()
        self._tokens = {token: until for token, until in self._tokens.items() if until > now}
        token = self._world.random.secret(21)
        self._tokens[token] = now + self.config.token_seconds
        # The lifetime really is a string.
        return json_response(json.dumps({"access_token": token, "expires_in": str(self.config.token_seconds)}).encode())

    async def _push(self, request: Request) -> Response:
        takes = self._world.faults.takes
        fields = self._authorised(request, "404.001.03", 404)
        asked = self._asked(fields)
        if takes("push_blocked"):
            return Response(403, WEB_PAGE.headers, WEB_PAGE.body)
        if takes("push_busy"):
            raise Refusal(500, "500.003.02", "System is busy. Please try again in few minutes.")
        if self._truth.is_locked(asked.msisdn):
            raise Refusal(
                500,
                "500.001.1001",
                "Unable to lock subscriber, a transaction is already in process for the current subscriber",
            )
        prompt = self._truth.ask(asked)
        if takes("forged_callback"):
            self._callbacks.forge(prompt)
        if prompt.state == "shown" and takes("callback_before_answer"):
            self._callbacks.hold(prompt)
            await self._truth.enter_pin(prompt.id, self.handset(asked.msisdn).pin)
            await self._callbacks.deliver_held(prompt)
        if takes("push_answer_lost"):
            raise NoAnswer
        return WEB_PAGE if takes("push_garbled") else _accepted(prompt)

    def _query(self, request: Request) -> Response:
        takes = self._world.faults.takes
        fields = self._authorised(request, "400.003.01", 400)
        self._check_signature(fields)
        if takes("query_down"):
            raise Refusal(500, "500.003.1001", "Internal Server Error")
        prompt = self._truth.prompt(_text(fields, "CheckoutRequestID"))
        if prompt is None:
            raise _invalid("CheckoutRequestID")
        if prompt.verdict and not takes("query_pending_long"):
            return _told(prompt, prompt.verdict.code, prompt.verdict.text)
        if self.config.pending_style == "500":
            raise Refusal(500, "500.001.1001", "The transaction is being processed")
        return _told(prompt, "4999", "The transaction is still under processing")

    def _authorised(self, request: Request, refused_code: str, refused_status: int) -> Fields:
        """The body of an authorised JSON request; the checks in the order of Daraja's gate."""
        if request.method != "POST":
            raise Refusal(405, "405.001", "Method Not Allowed")
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise Refusal(404, "404.001.04", "Invalid Authentication Header")
        token = header.removeprefix("Bearer ")
        if self._world.faults.takes("token_expired"):
            self._tokens.pop(token, None)
        if self._tokens.get(token, float("-inf")) <= self._world.clock.monotonic():
            raise Refusal(refused_status, refused_code, "Invalid Access Token")
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise _invalid("Content-Type")
        try:
            fields = json.loads(request.body)
        except ValueError:
            fields = None
        if not isinstance(fields, dict):
            raise Refusal(400, "400.002.05", "Invalid Request Payload")
        return fields

    def _check_signature(self, fields: Fields) -> None:
        shortcode, timestamp = _text(fields, "BusinessShortCode"), _text(fields, "Timestamp")
        password = _text(fields, "Password")
        if not self._is_timestamp(timestamp):
            raise _invalid("Timestamp")
        if shortcode != self.config.shortcode:
            raise Refusal(500, "500.001.1001", "Merchant does not exist")
        if _decoded(password) != f"{shortcode}{self.config.passkey}{timestamp}":
            raise Refusal(500, "500.001.1001", "Wrong credentials")

    def _is_timestamp(self, text: str) -> bool:
        if not re.fullmatch(r"[0-9]{14}", text):
            return False
        try:
            said = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=NAIROBI)
        except ValueError:
            return False
        return not self.config.nairobi_timestamps or abs(said - self._world.clock.now()) <= timedelta(hours=1)

    def _asked(self, fields: Fields) -> Asked:
        """What a push asks for, or the first thing wrong with it."""
        self._check_signature(fields)
        transaction_type = _text(fields, "TransactionType")
        if transaction_type not in ("CustomerPayBillOnline", "CustomerBuyGoodsOnline"):
            raise _invalid("TransactionType")
        amount = _text(fields, "Amount")
        if not re.fullmatch(r"[0-9]{1,9}", amount) or int(amount) < 1:
            raise _invalid("Amount")
        _matching(fields, "PartyA", r"254[17][0-9]{8}")
        callback_url = _text(fields, "CallBackURL")
        if not self._is_callback_url(callback_url):
            raise _invalid("CallBackURL")
        return Asked(
            msisdn=_matching(fields, "PhoneNumber", r"254[17][0-9]{8}"),
            amount=Money.of(int(amount), CURRENCY),
            account=_matching(fields, "AccountReference", rf".{{1,{self.config.account_reference_length_max}}}"),
            description=self._description(fields),
            callback_url=callback_url,
            transaction_type=transaction_type,
            party_b=_matching(fields, "PartyB", r"[0-9]{5,7}"),
        )

    def _description(self, fields: Fields) -> str:
        # The portal calls this field optional, and refuses its absence under a name that is no field.
        if "TransactionDesc" not in fields:
            raise _invalid("Remarks")
        return _matching(fields, "TransactionDesc", rf".{{1,{self.config.transaction_desc_length_max}}}")

    def _is_callback_url(self, url: str) -> bool:
        schemes = ("https",) if self.config.https_only else ("https", "http")
        clean = re.fullmatch(r"[^\s<>\"{}|\\^`]+", url) and not BANNED_WORDS.search(url)
        return (
            bool(clean) and url.startswith(tuple(f"{scheme}://" for scheme in schemes)) and bool(urlsplit(url).netloc)
        )


def _accepted(prompt: PinPrompt) -> Response:
    words = "Success. Request accepted for processing"
    return _ids(prompt, {"ResponseCode": "0", "ResponseDescription": words, "CustomerMessage": words})


def _told(prompt: PinPrompt, code: str, text: str) -> Response:
    words = "The service request has been accepted successfully"
    answer = {"ResponseCode": "0", "ResponseDescription": words, "ResultCode": code, "ResultDesc": text}
    return _ids(prompt, answer)


def _ids(prompt: PinPrompt, rest: Fields) -> Response:
    ids = {"MerchantRequestID": prompt.merchant_request_id, "CheckoutRequestID": prompt.id}
    return json_response(json.dumps({**ids, **rest}).encode())


def _text(fields: Fields, name: str) -> str:
    """A field that may be written as a string or as a whole number."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _invalid(name)
    return str(value)


def _matching(fields: Fields, name: str, pattern: str) -> str:
    value = _text(fields, name)
    if not re.fullmatch(pattern, value):
        raise _invalid(name)
    return value


def _decoded(text: str, scheme: str = "") -> str:
    """Base64 as text; empty when it is none."""
    try:
        return b64decode(text.removeprefix(scheme), validate=True).decode() if text.startswith(scheme) else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""

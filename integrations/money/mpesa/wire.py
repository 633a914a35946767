"""Daraja on the wire, as pure functions: requests out of values, outcomes out of answers. Facts: MAPPING.md.

Whatever is not read exactly as documented is Unknown. No time, no randomness and no sending here.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from integrations.contract.exchange import Request, Response, Unknown
from integrations.contract.outcomes import (
    Collected,
    CollectionOutcome,
    Declined,
    Expired,
    NotFound,
    Pending,
    Prompted,
    Reason,
    Refused,
)
from integrations.contract.parties import AmountRules, Collection
from integrations.contract.people import Phone, Secret
from integrations.money.mpesa.codes import (
    PUSH_ERRORS,
    QUERY_ERRORS,
    RESULTS,
    TOKEN_ERRORS,
    Meaning,
    Row,
    Sign,
    meaning_of,
)
from integrations.money.mpesa.config import MpesaConfig
from integrations.money.mpesa.strict import Unreadable, as_code, as_identifier, as_object, strict_json

CURRENCY = "KES"
REFERENCE_LENGTH = 12
ACCOUNT_LENGTH_MAX = 12
DESCRIPTION_LENGTH_MAX = 13

#: Kenya has kept UTC+3 without summer time since 1960 (IANA time zone database, Africa/Nairobi).
NAIROBI = timezone(timedelta(hours=3), "EAT")

_DETAIL_LENGTH_MAX = 120
_PAGE_BYTES_READ = 16 * 1024

_MSISDN = re.compile(r"254[17][0-9]{8}")
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_BEARER = re.compile(r"[!-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and for how many seconds from the asking it is good."""

    bearer: Secret
    lifetime_seconds: int


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """Daraja stopped the request at its gate because of the token: it was not processed."""

    code: str


# --- requests


def token_request(config: MpesaConfig) -> Request:
    """Ask for an access token."""
    pair = f"{config.consumer_key.reveal()}:{config.consumer_secret.reveal()}"
    headers = {"authorization": f"Basic {_base64(pair)}", "accept": "application/json"}
    return Request("GET", _url(config, "/oauth/v1/generate?grant_type=client_credentials"), headers)


def push_request(config: MpesaConfig, bearer: Secret, collection: Collection, now: datetime) -> Request:
    """Ask for the PIN prompt. `collection` has passed `unfit`; our reference travels as TransactionDesc."""
    msisdn = collection.payer.reveal().removeprefix("+")
    fields: dict[str, object] = {
        **_signature(config, now),
        "TransactionType": config.transaction_type,
        "Amount": collection.amount.whole,
        "PartyA": msisdn,
        "PartyB": config.payee,
        "PhoneNumber": msisdn,
        "CallBackURL": collection.callback_url,
        "AccountReference": collection.label,
        "TransactionDesc": collection.reference,
    }
    return _post(config, "/mpesa/stkpush/v1/processrequest", bearer, fields)


def query_request(config: MpesaConfig, bearer: Secret, checkout_request_id: str, now: datetime) -> Request:
    """Ask what became of a prompt."""
    fields = {**_signature(config, now), "CheckoutRequestID": checkout_request_id}
    return _post(config, "/mpesa/stkpushquery/v1/query", bearer, fields)


def nairobi_timestamp(now: datetime) -> str:
    """`YYYYMMDDHHmmss` in Nairobi, wherever this machine stands (F-016)."""
    return now.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def _signature(config: MpesaConfig, now: datetime) -> dict[str, object]:
    # One timestamp stands in both the password and the body; two would be refused as wrong credentials (F-016).
    timestamp = nairobi_timestamp(now)
    password = _base64(f"{config.shortcode}{config.passkey.reveal()}{timestamp}")
    return {"BusinessShortCode": config.shortcode, "Password": password, "Timestamp": timestamp}


def _post(config: MpesaConfig, path: str, bearer: Secret, fields: Mapping[str, object]) -> Request:
    headers = {
        "authorization": f"Bearer {bearer.reveal()}",
        "content-type": "application/json",
        "accept": "application/json",
    }
    return Request("POST", _url(config, path), headers, json.dumps(fields).encode())


def _url(config: MpesaConfig, path: str) -> str:
    return config.api_url.rstrip("/") + path


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def unfit(config: MpesaConfig, rules: AmountRules, collection: Collection) -> Refused | None:
    """What Daraja would refuse, refused before anything is sent (F-019, F-025). Nothing is truncated or rounded."""
    amount, whole = collection.amount, collection.amount.whole
    if amount.currency != CURRENCY or whole is None:
        return Refused(Reason.OUR_FAULT, "local.amount", "whole Kenyan shillings only")
    if not rules.minimum <= amount <= rules.maximum:
        return Refused(Reason.LIMIT, "local.amount", "outside the limits of one transaction")
    if not is_kenyan_mobile(collection.payer):
        return Refused(Reason.BAD_NUMBER, "local.payer", "not a Kenyan mobile number")
    if not _fits(collection.label, ACCOUNT_LENGTH_MAX):
        return Refused(Reason.OUR_FAULT, "local.label", "an account is 1 to 12 letters and digits")
    if not _fits(collection.reference, DESCRIPTION_LENGTH_MAX):
        return Refused(Reason.OUR_FAULT, "local.reference", "a reference is 1 to 13 letters and digits")
    problem = config.callback_problem(collection.callback_url)
    return Refused(Reason.OUR_FAULT, "local.callback_url", problem) if problem else None


def is_kenyan_mobile(phone: Phone) -> bool:
    """Whether the number is in Kenya's mobile ranges, +2547… and +2541…."""
    return _MSISDN.fullmatch(phone.reveal()[1:]) is not None


def _fits(text: str, length_max: int) -> bool:
    return len(text) <= length_max and _PLAIN.fullmatch(text) is not None


# --- answers


def token_answer(response: Response) -> Token | TokenRefused | Unknown:
    """The token, or TokenRefused when our key, secret or their environment is wrong."""
    try:
        if response.status == 200:
            return _token(as_object(strict_json(response.body)))
        meaning, code, detail = _error(TOKEN_ERRORS, response)
    except Unreadable as error:
        return Unknown(f"token: HTTP {response.status}, {error}")
    return TokenRefused(code) if meaning is Reason.OUR_FAULT else Unknown(f"token: {code} {detail}".strip())


def _token(answer: Mapping[str, object]) -> Token:
    lifetime, bearer = as_code(answer.get("expires_in")), answer.get("access_token")
    if not isinstance(bearer, str) or not _BEARER.fullmatch(bearer):
        raise Unreadable("no access_token")
    if not re.fullmatch(r"[0-9]{1,5}", lifetime):
        raise Unreadable("no expires_in")
    return Token(Secret(bearer), int(lifetime))


def push_answer(response: Response) -> Prompted | Refused | TokenRefused | Unknown:
    """What a push's answer proves. Acceptance is no payment; anything unreadable may have shown a prompt (F-002)."""
    try:
        if response.status == 200:
            return Prompted(as_identifier(_accepted(response).get("CheckoutRequestID")))
        meaning, code, detail = _error(PUSH_ERRORS, response)
    except Unreadable as error:
        return Unknown(f"push: HTTP {response.status}, {error}")
    match meaning:
        case Reason():
            return Refused(meaning, code, detail)
        case Sign.TOKEN_REFUSED:
            return TokenRefused(code)
        case _:
            return Unknown(f"push: HTTP {response.status}, {code} {detail}".strip(), _unlisted(code))


def query_answer(config: MpesaConfig, response: Response, asked: str) -> CollectionOutcome | TokenRefused:
    """What a query's answer proves about the prompt `asked`, the operator's id of it."""
    try:
        if response.status == 200:
            meaning, code = _result(config, _accepted(response), asked)
        else:
            meaning, code, _ = _error(QUERY_ERRORS, response)
    except Unreadable as error:
        return Unknown(f"query: HTTP {response.status}, {error}")
    return _collection_outcome(meaning, code)


def _accepted(response: Response) -> Mapping[str, object]:
    answer = as_object(strict_json(response.body))
    if as_code(answer.get("ResponseCode")) != "0":
        raise Unreadable("a ResponseCode that is not documented")
    return answer


def _result(config: MpesaConfig, answer: Mapping[str, object], asked: str) -> tuple[Meaning, str]:
    if answer.get("CheckoutRequestID") != asked:
        raise Unreadable("an answer about another prompt")
    code = as_code(answer.get("ResultCode"))
    return (Sign.UNKNOWN if code in config.doubtful_codes else RESULTS.get(code, Sign.UNKNOWN)), code


def _collection_outcome(meaning: Meaning, code: str) -> CollectionOutcome | TokenRefused:
    match meaning:
        case Reason():
            return Declined(meaning, code)
        case Sign.COLLECTED:
            return Collected(None, None)  # a query states neither receipt nor amount
        case Sign.EXPIRED:
            return Expired(code)
        case Sign.PENDING:
            return Pending()
        case Sign.NOT_FOUND:
            return NotFound(code)
        case Sign.TOKEN_REFUSED:
            return TokenRefused(code)
        case Sign.UNKNOWN:
            return Unknown(f"query: {_printable(code)}", _unlisted(code))


def _unlisted(code: str) -> bool:
    """Whether no table of ours has this code: then Daraja has begun to say something new. A bare status is no code."""
    return (
        not code.startswith("HTTP ")
        and code not in RESULTS
        and not any(row.code == code for row in (*PUSH_ERRORS, *QUERY_ERRORS))
    )


def _error(table: tuple[Row, ...], response: Response) -> tuple[Meaning, str, str]:
    """(meaning, code, detail) of an error answer: by its own code first, else by its HTTP status."""
    if not 400 <= response.status <= 599:
        raise Unreadable("neither an acceptance nor an error")
    status = f"HTTP {response.status}"
    code, text = _code_and_text(response.body)
    meaning = meaning_of(table, code, text)
    if meaning is None:
        fallback = meaning_of(table, status, text)
        code = code if fallback is None and code else status
        meaning = fallback or Sign.UNKNOWN
    return meaning, _printable(code), _printable(text)


def _code_and_text(body: bytes) -> tuple[str, str]:
    """The code and message of Daraja's own error body or of its gateway's; a body of neither kind is all text."""
    try:
        error = as_object(strict_json(body))
        if "fault" in error:
            fault = as_object(error["fault"])
            return as_code(as_object(fault.get("detail")).get("errorcode")), as_code(fault.get("faultstring"))
        return as_code(error.get("errorCode")), as_code(error.get("errorMessage", ""))
    except Unreadable:
        return "", body[:_PAGE_BYTES_READ].decode("utf-8", "replace")


def _printable(text: str) -> str:
    """For logs and staff: one short line, whatever the other side wrote (F-018)."""
    return re.sub(r"[^ -~]+", " ", text)[:_DETAIL_LENGTH_MAX].strip()

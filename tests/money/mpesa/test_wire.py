"""What we put on the wire, and how little it takes for an answer to be Unknown."""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.contract.exchange import Response, Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import Collected, Prompted, Reason, Refused
from integrations.contract.people import Phone, Secret
from integrations.money.mpesa import wire
from tests.money.mpesa.world import PAYER, START, Bench, collection, config, json_of, wire_bytes

ASKED = "ws_CO_050120260900017712345678"
BEARER = Secret("test-token")
RULES = Bench().mpesa.rules


def body_of(**changes: object) -> dict[str, object]:
    """The body of a push."""
    fields: dict[str, object] = json.loads(
        wire.push_request(config(**changes), BEARER, collection(), START).body,
    )
    return fields


# --- requests


def test_a_push_has_exactly_the_documented_fields() -> None:
    fields = body_of()
    password = fields.pop("Password")
    assert isinstance(password, str)
    assert b64decode(password) == b"174379test-passkey20260105090000"
    assert fields == {
        "BusinessShortCode": "174379",
        "Timestamp": "20260105090000",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 500,
        "PartyA": "254712345678",
        "PartyB": "174379",
        "PhoneNumber": "254712345678",
        "CallBackURL": collection().callback_url,
        "AccountReference": "BILI4412",
        "TransactionDesc": "7Q2MX4T9KD3V",
    }


def test_a_till_is_paid_under_its_own_number() -> None:
    fields = body_of(party_b="555123", transaction_type="CustomerBuyGoodsOnline")
    assert (fields["BusinessShortCode"], fields["PartyB"]) == ("174379", "555123")
    assert fields["TransactionType"] == "CustomerBuyGoodsOnline"


def test_a_query_names_the_operators_id_and_signs_like_a_push() -> None:
    request = wire.query_request(config(api_url="https://daraja.test/"), BEARER, ASKED, START)
    assert request.url == "https://daraja.test/mpesa/stkpushquery/v1/query"
    assert request.headers["authorization"] == "Bearer test-token"
    fields = json.loads(request.body)
    assert fields["CheckoutRequestID"] == ASKED
    assert fields["Password"] == body_of()["Password"]


def test_a_token_is_asked_for_with_key_and_secret() -> None:
    request = wire.token_request(config())
    assert request.method == "GET"
    assert request.url.endswith("/oauth/v1/generate?grant_type=client_credentials")
    scheme, credentials = request.headers["authorization"].split(" ")
    assert (scheme, b64decode(credentials)) == ("Basic", b"test-consumer-key:test-consumer-secret")


# --- time (F-016)


@pytest.fixture(params=["UTC", "America/Los_Angeles", "Africa/Nairobi", "Australia/Lord_Howe"])
def somewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This machine stands somewhere."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("somewhere")
@pytest.mark.parametrize("day", ["2026-01-05", "2026-03-08", "2026-03-29", "2026-11-01"])
def test_F016_the_timestamp_is_nairobis_wherever_the_server_stands(day: str) -> None:
    now = datetime.fromisoformat(f"{day}T22:30:15+00:00")
    following = now.date() + timedelta(days=1)
    assert wire.nairobi_timestamp(now) == f"{following:%Y%m%d}013015"
    assert wire.nairobi_timestamp(now.astimezone()) == wire.nairobi_timestamp(now)


#: Any second from 1990 to 2060.
MOMENTS = st.integers(631_152_000, 2_840_140_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS)
def test_F016_the_timestamp_agrees_with_the_time_zone_database(now: datetime) -> None:
    assert wire.nairobi_timestamp(now) == now.astimezone(ZoneInfo("Africa/Nairobi")).strftime("%Y%m%d%H%M%S")


@given(MOMENTS)
def test_F016_password_and_body_share_one_timestamp(now: datetime) -> None:
    fields = json.loads(wire.push_request(config(), BEARER, collection(), now).body)
    assert b64decode(fields["Password"]).decode() == f"174379test-passkey{fields['Timestamp']}"


# --- what is refused before it is sent


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"amount": Money(50_050, "KES")}, Reason.OUR_FAULT, "local.amount"),
        ({"amount": Money.of(500, "TZS")}, Reason.OUR_FAULT, "local.amount"),
        ({"amount": Money.of(0, "KES")}, Reason.LIMIT, "local.amount"),
        ({"amount": Money.of(250_001, "KES")}, Reason.LIMIT, "local.amount"),
        ({"payer": Phone("+255712345678")}, Reason.BAD_NUMBER, "local.payer"),
        ({"payer": Phone("+254201234567")}, Reason.BAD_NUMBER, "local.payer"),
        ({"payer": Phone("+25471234567")}, Reason.BAD_NUMBER, "local.payer"),
        ({"label": "BILI44120012X"}, Reason.OUR_FAULT, "local.label"),
        ({"label": "BILI 4412"}, Reason.OUR_FAULT, "local.label"),
        ({"label": ""}, Reason.OUR_FAULT, "local.label"),
        ({"label": "BILI\u0663"}, Reason.OUR_FAULT, "local.label"),
        ({"label": "BILI4412\n"}, Reason.OUR_FAULT, "local.label"),
        ({"reference": "7Q2MX4T9KD3V99"}, Reason.OUR_FAULT, "local.reference"),
        ({"callback_url": ""}, Reason.OUR_FAULT, "local.callback_url"),
        ({"callback_url": "http://bili.test/c/1"}, Reason.OUR_FAULT, "local.callback_url"),
        ({"callback_url": "https://<your-host>/c/1"}, Reason.OUR_FAULT, "local.callback_url"),
    ],
)
def test_F019_F025_what_daraja_would_refuse_is_refused_here(
    changes: dict[str, object], reason: Reason, code: str
) -> None:
    refused = wire.unfit(config(), RULES, collection(**changes))
    assert refused is not None
    assert (refused.reason, refused.code) == (reason, code)


@pytest.mark.parametrize("shillings", [1, 2, 249_999, 250_000])
def test_S49_amounts_up_to_both_ends_are_fit(shillings: int) -> None:
    assert wire.unfit(config(), RULES, collection(amount=Money.of(shillings, "KES"))) is None


@given(st.integers(-(10**9), 10**9))
def test_F019_only_whole_shillings_within_the_limits_are_fit(minor: int) -> None:
    fit = wire.unfit(config(), RULES, collection(amount=Money(minor, "KES"))) is None
    assert fit is (minor % 100 == 0 and 100 <= minor <= 25_000_000)


# --- answers that prove nothing

NOT_JSON = [
    b"",
    b"<html><body>Incident ID: 12</body></html>",
    b"null",
    b"[]",
    b'"0"',
    b"{",
    b"\xff\xfe{}",
    b'\xef\xbb\xbf{"ResponseCode":"0"}',
    b'{"ResponseCode":"0","ResponseCode":"1","CheckoutRequestID":"ws_CO_1"}',
    b'{"ResponseCode":NaN,"CheckoutRequestID":"ws_CO_1"}',
    b'{"ResponseCode":1e400,"CheckoutRequestID":"ws_CO_1"}',
    b'{"ResponseCode":0.0,"CheckoutRequestID":"ws_CO_1"}',
    b'{"ResponseCode":"0","CheckoutRequestID":"ws_CO_1","more":' + b"[" * 40 + b"]" * 40 + b"}",
    b'{"ResponseCode":"0","CheckoutRequestID":"ws_CO_1","more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"ResponseCode":"0"}',
    b'{"ResponseCode":"0","CheckoutRequestID":""}',
    b'{"ResponseCode":"0","CheckoutRequestID":17}',
    b'{"ResponseCode":"0","CheckoutRequestID":"' + b"x" * 65 + b'"}',
    b'{"ResponseCode":"0","CheckoutRequestID":"ws CO 1"}',
    b'{"ResponseCode":"1","CheckoutRequestID":"ws_CO_1"}',
    b'{"ResponseCode":true,"CheckoutRequestID":"ws_CO_1"}',
    b'{"CheckoutRequestID":"ws_CO_1"}',
]


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_F002_F036_a_push_answer_that_is_not_as_documented_is_unknown(body: bytes) -> None:
    assert isinstance(wire.push_answer(Response(200, {}, body)), Unknown)


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_F034_F036_a_query_answer_that_is_not_as_documented_is_unknown(body: bytes) -> None:
    assert isinstance(wire.query_answer(config(), Response(200, {}, body), "ws_CO_1"), Unknown)


@pytest.mark.parametrize("status", [100, 201, 204, 301, 302, 400, 403, 404, 408, 500, 502, 503, 504, 599])
def test_F018_a_web_page_proves_nothing_under_any_status(status: int) -> None:
    page = Response(status, {"content-type": "text/html"}, b"<html>Service\xa0Unavailable" + b"x" * 5000)
    for outcome in (wire.push_answer(page), wire.query_answer(config(), page, ASKED)):
        assert isinstance(outcome, Unknown)
        assert len(outcome.cause) < 200
        assert outcome.cause.isprintable()


@pytest.mark.parametrize("status", [200, 201, 302])
def test_an_error_body_without_an_error_status_is_unknown(status: int) -> None:
    error = Response(status, {}, wire_bytes("push.400.002.02.json"))
    assert isinstance(wire.push_answer(error), Unknown)


@pytest.mark.parametrize("code", ["500.002.1001", "400.999.01", "0", ""])
def test_an_error_code_not_documented_for_the_push_is_unknown(code: str) -> None:
    error = json_of({"requestId": "1-2-3", "errorCode": code, "errorMessage": "Something"}, 500)
    assert isinstance(wire.push_answer(error), Unknown)


@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_answer_makes_the_readers_raise_or_find_proof_in_noise(body: bytes, status: int) -> None:
    response = Response(status, {}, body)
    assert not isinstance(wire.push_answer(response), Prompted)
    assert not isinstance(wire.query_answer(config(), response, ASKED), Collected)
    assert not isinstance(wire.token_answer(response), wire.Token)


@pytest.mark.parametrize("code", ["00", "0.0", "-0", "1e0", "", "success", "03", "35"])
def test_F034_a_result_code_outside_the_table_is_unknown(code: str) -> None:
    answer = json_of({"ResponseCode": "0", "CheckoutRequestID": ASKED, "ResultCode": code})
    assert isinstance(wire.query_answer(config(), answer, ASKED), Unknown)


@pytest.mark.parametrize("code", [0, "0", " 0 "])
def test_F034_nought_is_read_as_integer_and_as_text(code: object) -> None:
    answer = json_of({"ResponseCode": 0, "CheckoutRequestID": ASKED, "ResultCode": code})
    assert wire.query_answer(config(), answer, ASKED) == Collected(None, None)


@pytest.mark.parametrize("other", ["ws_CO_1", None, 5])
def test_I06_an_answer_about_another_prompt_proves_nothing(other: object) -> None:
    answer = json_of({"ResponseCode": "0", "CheckoutRequestID": other, "ResultCode": "0"})
    assert isinstance(wire.query_answer(config(), answer, ASKED), Unknown)


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ""},
        {"access_token": "two words"},
        {"access_token": "line\r\nbreak"},
        {"access_token": None},
        {"expires_in": None},
        {"expires_in": "soon"},
        {"expires_in": "-5"},
        {"expires_in": 3599.5},
        {"expires_in": "999999999"},
    ],
)
def test_a_token_that_is_not_as_documented_is_not_used(changes: dict[str, object]) -> None:
    answer = json_of({"access_token": "test-token", "expires_in": "3599", **changes})
    assert isinstance(wire.token_answer(answer), Unknown)


@pytest.mark.parametrize("lifetime", ["3599", 3599])
def test_a_lifetime_is_read_as_text_and_as_integer(lifetime: object) -> None:
    answer = wire.token_answer(json_of({"access_token": "test-token", "expires_in": lifetime}))
    assert answer == wire.Token(BEARER, 3599)


def test_nothing_secret_is_printed_with_a_token() -> None:
    assert "test-token" not in repr(wire.Token(BEARER, 3599))


def test_a_refusal_carries_the_operators_words_in_one_short_line() -> None:
    error = json_of({"requestId": "1", "errorCode": "400.002.02", "errorMessage": "Invalid\n\x1b[31m" + "A" * 999}, 400)
    outcome = wire.push_answer(error)
    assert isinstance(outcome, Refused)
    assert outcome.detail.isprintable()
    assert len(outcome.detail) <= 120


def test_a_kenyan_mobile_is_recognised_by_its_range() -> None:
    assert wire.is_kenyan_mobile(PAYER)
    assert wire.is_kenyan_mobile(Phone("+254110345678"))
    assert not wire.is_kenyan_mobile(Phone("+254612345678"))

"""The sandbox's Daraja takes exactly what the documents allow, and says no in their words."""

from __future__ import annotations

import json
import re

import pytest

from tests.money.mpesa.caller import BASIC, PUSH, PUSH_PATH, QUERY_PATH, TOKEN_PATH, Caller, password
from tests.money.mpesa.world import Bench, side_config


async def test_the_portals_own_sample_is_accepted() -> None:
    status, told = await Caller().push()
    assert status == 200
    assert told["ResponseCode"] == "0"
    assert re.fullmatch(r"ws_CO_05012026090000[0-9]712345678", told["CheckoutRequestID"])
    assert set(told) == {
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResponseCode",
        "ResponseDescription",
        "CustomerMessage",
    }


INVALID = [
    ("BusinessShortCode", True),
    ("BusinessShortCode", None),
    ("Password", None),
    ("Timestamp", "2026-01-05 09:00"),
    ("Timestamp", "20261305090000"),
    ("TransactionType", "CustomerBuyGoods"),
    ("Amount", "500.0"),
    ("Amount", 500.5),
    ("Amount", 0),
    ("Amount", "-1"),
    ("Amount", None),
    ("PartyA", "0712345678"),
    ("PartyB", "till"),
    ("PhoneNumber", "+254712345678"),
    ("PhoneNumber", "254612345678"),
    ("CallBackURL", "https://<your-host>/c/1"),
    ("CallBackURL", "/c/1"),
    ("CallBackURL", "https://mpesa.bili.test/c/1"),
    ("CallBackURL", ""),
    ("AccountReference", "thirteenchars"),
    ("AccountReference", ""),
    ("TransactionDesc", "fourteen-chars"),
]


@pytest.mark.parametrize(("field", "value"), INVALID)
async def test_a_field_that_breaks_its_rule_is_named(field: str, value: object) -> None:
    caller = Caller()
    status, told = await caller.push(**{field: value})
    assert (status, told["errorCode"]) == (400, "400.002.02")
    assert told["errorMessage"] == f"Bad Request - Invalid {field}"
    assert caller.bench.side.prompts() == []


async def test_a_missing_description_is_refused_under_a_strange_name() -> None:
    assert (await Caller().push(TransactionDesc=None))[1]["errorMessage"] == "Bad Request - Invalid Remarks"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"BusinessShortCode": "600000", "Password": password(shortcode="600000")}, "Merchant does not exist"),
        ({"Password": password(passkey="test-other-passkey")}, "Wrong credentials"),
        ({"Password": password(stamp="20260105090001")}, "Wrong credentials"),
        ({"Password": "not base64"}, "Wrong credentials"),
    ],
)
async def test_wrong_credentials_have_one_code_and_two_texts(changes: dict[str, object], message: str) -> None:
    status, told = await Caller().push(**changes)
    assert (status, told["errorCode"], told["errorMessage"]) == (500, "500.001.1001", message)


@pytest.mark.parametrize(("path", "status", "code"), [(PUSH_PATH, 404, "404.001.03"), (QUERY_PATH, 400, "400.003.01")])
async def test_a_token_that_is_unknown_or_too_old_is_refused_under_different_codes(
    path: str, status: int, code: str
) -> None:
    caller = Caller()
    token = await caller.token()
    await caller.bench.pass_time(3598)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    in_time = await caller.raw("POST", path, headers, b"[]")
    assert json.loads(in_time.body)["errorCode"] == "400.002.05"
    await caller.bench.pass_time(1)
    for used in (token, "invented"):
        answer = await caller.raw("POST", path, {**headers, "authorization": f"Bearer {used}"}, b"[]")
        assert (answer.status, json.loads(answer.body)["errorCode"]) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", PUSH_PATH, 405, "405.001"),
        ("PUT", QUERY_PATH, 405, "405.001"),
        ("POST", TOKEN_PATH, 405, "405.001"),
        ("POST", PUSH_PATH, 404, "404.001.04"),
        ("GET", TOKEN_PATH, 400, "400.008.01"),
        ("POST", "/mpesa/stkpush/v2/processrequest", 404, "404.001.01"),
        ("GET", "/", 404, "404.001.01"),
    ],
)
async def test_the_wrong_verb_path_or_header_is_refused(method: str, path: str, status: int, code: str) -> None:
    answer = await Caller().raw(method, path, {})
    assert (answer.status, json.loads(answer.body)["errorCode"]) == (status, code)


async def test_the_grant_type_must_be_named() -> None:
    answer = await Caller().raw("GET", "/oauth/v1/generate", {"authorization": BASIC})
    assert json.loads(answer.body)["errorCode"] == "400.008.02"


async def test_a_body_that_is_no_json_object_is_refused() -> None:
    caller = Caller()
    assert (await caller.post(PUSH_PATH, ["x"]))[1]["errorCode"] == "400.002.05"
    headers = {"authorization": f"Bearer {await caller.token()}", "content-type": "application/json"}
    answer = await caller.raw("POST", PUSH_PATH, headers, b"Amount=500")
    assert json.loads(answer.body)["errorCode"] == "400.002.05"
    assert (await caller.post(PUSH_PATH, PUSH, **{"content-type": "text/plain"}))[1]["errorCode"] == "400.002.02"


async def test_an_unknown_prompt_cannot_be_asked_about() -> None:
    status, told = await Caller().query("ws_CO_1")
    assert (status, told["errorMessage"]) == (400, "Bad Request - Invalid CheckoutRequestID")


async def test_where_the_sources_differ_the_setting_decides() -> None:
    lenient = Caller(Bench(side_settings=side_config(account_reference_length_max=15)))
    assert (await lenient.push(AccountReference="UMJ-2026-000123"))[0] == 200
    strict = Caller(Bench(side_settings=side_config(https_only=True, nairobi_timestamps=True)))
    assert (await strict.push(CallBackURL="http://bili.test/c/1"))[1]["errorMessage"].endswith("CallBackURL")
    assert (await strict.push(Timestamp="20260105060000"))[1]["errorMessage"].endswith("Timestamp")
    assert (await strict.push())[0] == 200

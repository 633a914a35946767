"""A callback is read strictly and believed in nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.contract.exchange import REQUEST_BYTES_MAX, Request
from integrations.contract.money import Money
from integrations.contract.outcomes import CallbackRejected, CallbackSeen
from integrations.money.mpesa.callbacks import read_callback
from tests.money.mpesa.world import Bench, wire_bytes

ASKED = "ws_CO_050120260900017712345678"
PAID = CallbackSeen(ASKED, True, "SKP4H7QW21", Money.of(500, "KES"), "254712345678")
NO_CLAIM = CallbackSeen(ASKED, claims_success=False)

Item = dict[str, object]
ITEMS: list[Item] = [
    {"Name": "Amount", "Value": 500.0},
    {"Name": "MpesaReceiptNumber", "Value": "SKP4H7QW21"},
    {"Name": "Balance"},
    {"Name": "TransactionDate", "Value": 20260105090012},
    {"Name": "PhoneNumber", "Value": 254712345678},
]


def body_of(items: object = ITEMS, **changes: object) -> bytes:
    """A callback that claims success, but for the changes."""
    told: dict[str, object] = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": ASKED,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
        **changes,
    }
    return json.dumps({"Body": {"stkCallback": told}}).encode()


def with_item(name: str, value: object) -> list[Item]:
    """The items with one value changed."""
    return [{"Name": name, "Value": value} if item["Name"] == name else item for item in ITEMS]


def without_item(name: str) -> list[Item]:
    """The items but one."""
    return [item for item in ITEMS if item["Name"] != name]


def test_the_documented_success_is_read_whole() -> None:
    assert read_callback(wire_bytes("callback.0.json")) == PAID


@given(st.permutations(ITEMS))
def test_items_come_in_any_order(items: list[Item]) -> None:
    assert read_callback(body_of(items)) == PAID


@pytest.mark.parametrize("code", [0, "0", " 0 "])
def test_F034_the_code_is_read_as_integer_and_as_text(code: object) -> None:
    assert read_callback(body_of(ResultCode=code)) == PAID


@pytest.mark.parametrize(
    ("text", "minor"), [("1", 100), ("1.0", 100), ("1.00", 100), ("500.5", 50_050), ("250000.0", 25_000_000)]
)
def test_I18_an_amount_is_read_exactly(text: str, minor: int) -> None:
    body = body_of(with_item("Amount", "@")).replace(b'"@"', text.encode())
    seen = read_callback(body)
    assert isinstance(seen, CallbackSeen)
    assert seen.amount == Money(minor, "KES")


@given(st.integers(1, 10**11))
def test_I18_whole_shillings_written_as_a_float_are_the_same_money(shillings: int) -> None:
    body = body_of(with_item("Amount", "@")).replace(b'"@"', f"{shillings}.0".encode())
    assert read_callback(body) == CallbackSeen(ASKED, True, "SKP4H7QW21", Money.of(shillings, "KES"), "254712345678")


@pytest.mark.parametrize(
    "items",
    [
        [],
        without_item("Amount"),
        without_item("MpesaReceiptNumber"),
        with_item("Amount", None),
        with_item("Amount", "500"),
        with_item("Amount", True),
        with_item("Amount", 0),
        with_item("Amount", -500.0),
        with_item("Amount", 500.005),
        with_item("Amount", 10**14),
        with_item("Amount", {}),
        with_item("MpesaReceiptNumber", None),
        with_item("MpesaReceiptNumber", 1234567890),
        with_item("MpesaReceiptNumber", ""),
        with_item("MpesaReceiptNumber", "skp4h7qw21"),
        with_item("MpesaReceiptNumber", "SKE0000000"),
        with_item("MpesaReceiptNumber", "SKP4H7QW21'--"),
        with_item("MpesaReceiptNumber", "S" * 15),
    ],
)
def test_F033_a_success_without_its_proof_claims_nothing(items: list[Item]) -> None:
    assert read_callback(body_of(items)) == NO_CLAIM


def test_F033_a_success_without_metadata_claims_nothing() -> None:
    assert read_callback(body_of(CallbackMetadata=None)) == NO_CLAIM


@pytest.mark.parametrize("value", [None, "2547 ***** 678", "0712345678", 254, True])
def test_a_payer_who_is_masked_or_missing_takes_nothing_from_the_claim(value: object) -> None:
    seen = read_callback(body_of(with_item("PhoneNumber", value)))
    assert seen == CallbackSeen(ASKED, True, "SKP4H7QW21", Money.of(500, "KES"), None)


@pytest.mark.parametrize("code", [1032, "1037", 4999, "E3008", "00", "new", -1])
def test_any_other_code_claims_nothing_even_with_metadata(code: object) -> None:
    assert read_callback(body_of(ResultCode=code)) == NO_CLAIM


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"ResultCode=0",
        b"<html></html>",
        b"{}",
        b'{"stkCallback":{"Body":{}}}',
        b'{"Body":{"stkCallback":[]}}',
        b'{"Body":{"stkCallback":{"ResultCode":0}}}',
        body_of(CheckoutRequestID=""),
        body_of(CheckoutRequestID=7),
        body_of(CheckoutRequestID="ws_CO_1\n"),
        body_of(CheckoutRequestID="x" * 65),
        body_of(ResultCode=None),
        body_of(ResultCode=False),
        body_of(ResultCode=0.0),
        body_of(CallbackMetadata=[]),
        body_of(CallbackMetadata={"Item": {"Name": "Amount", "Value": 1}}),
        body_of(["Amount"]),
        body_of([{"Value": 1}]),
        body_of([*ITEMS, {"Name": "Amount", "Value": 1.0}]),
        body_of().replace(b'"ResultCode": 0', b'"ResultCode": 1032, "ResultCode": 0'),
        body_of().replace(b"500.0", b"NaN"),
        body_of().replace(b"500.0", b"1e400"),
        body_of(more=json.loads("[" * 40 + "]" * 40)),
        body_of(padding="x" * REQUEST_BYTES_MAX),
    ],
)
def test_F035_F036_what_is_not_a_callback_is_rejected(body: bytes) -> None:
    assert isinstance(read_callback(body), CallbackRejected)


def test_unknown_extra_fields_are_no_offence() -> None:
    assert read_callback(body_of([*ITEMS, {"Name": "Fee", "Value": 1.0}], Extra={"new": [1, 2]})) == PAID


def proves(seen: CallbackSeen | CallbackRejected) -> bool:
    """Whether success is claimed, and if so, that nothing is missing from the claim."""
    if isinstance(seen, CallbackRejected) or not seen.claims_success:
        return False
    assert seen.theirs
    assert seen.proof
    assert seen.amount is not None
    assert seen.amount.minor > 0
    return True


@given(st.binary(max_size=400))
def test_F036_noise_never_raises_and_never_claims_success(body: bytes) -> None:
    assert not proves(read_callback(body))


SCRAPS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("0") | st.just(0)
VALUES = st.recursive(SCRAPS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2))
NAMES = st.sampled_from([str(item["Name"]) for item in ITEMS]) | st.text(max_size=5)
NAMED = st.fixed_dictionaries({"Name": NAMES}, optional={"Value": VALUES | st.just("SKP4H7QW21")})


@given(VALUES, VALUES, st.lists(NAMED | VALUES, max_size=7) | VALUES)
def test_F033_a_callback_of_scraps_never_raises_and_never_claims_success_without_all_of_it(
    code: object, theirs: object, items: object
) -> None:
    proves(read_callback(body_of(items, ResultCode=code, CheckoutRequestID=theirs)))


@given(st.data())
def test_F033_a_success_with_one_thing_spoilt_claims_only_what_is_whole(data: st.DataObject) -> None:
    spoilt = data.draw(st.sampled_from(["Amount", "MpesaReceiptNumber"]))
    value = data.draw(st.none() | st.booleans() | st.text(max_size=7) | st.lists(st.integers(), max_size=1))
    assert not proves(read_callback(body_of(with_item(spoilt, value))))


@given(st.integers(0, 600), st.binary(min_size=1, max_size=3))
def test_a_callback_damaged_anywhere_never_raises(place: int, scrap: bytes) -> None:
    body = body_of()
    proves(read_callback(body[:place] + scrap + body[place + len(scrap) :]))


@pytest.mark.parametrize(
    "spell", [lambda text: text, lambda text: text.replace(" ", ""), lambda text: text.replace(",", ",\n\t")]
)
def test_white_space_is_of_no_account(spell: Callable[[str], str]) -> None:
    told = spell(body_of(ResultDesc="ok").decode())
    assert read_callback(told.encode()) == PAID


def test_F038_the_adapter_reads_a_post_by_its_bytes_and_nothing_else() -> None:
    mpesa = Bench().mpesa
    headers = {"content-type": "text/plain", "x-reference-id": "1"}
    assert mpesa.callback(Request("POST", "/c/1", headers, body_of())) == PAID
    assert isinstance(mpesa.callback(Request("PUT", "/c/1", headers, body_of())), CallbackRejected)


def test_S11_every_callback_hears_the_same() -> None:
    answer = Bench().mpesa.callback_answer()
    assert (answer.status, json.loads(answer.body)) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})

"""What we write, compared with whole messages on file."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from integrations.contract.exchange import Request
from integrations.contract.money import Money
from integrations.contract.parties import VendOrder
from integrations.utilities.xmlvend import wire
from tests.utilities.xmlvend.fakes import AMOUNT, CONFIG, METER, ORDER, QUESTION, WIRE

REQUESTS: dict[str, Callable[[], Request]] = {
    "req_confirm_customer.xml": lambda: wire.confirm_customer(CONFIG, QUESTION, METER),
    "req_trial_vend.xml": lambda: wire.trial_vend(CONFIG, QUESTION, METER, AMOUNT),
    "req_credit_vend.xml": lambda: wire.credit_vend(CONFIG, ORDER),
    "req_last_response.xml": lambda: wire.last_response(CONFIG, QUESTION, ORDER),
}


def canonical(xml: bytes) -> bytes:
    parser = etree.XMLParser(remove_blank_text=True)
    return etree.tostring(etree.fromstring(xml, parser), method="c14n")


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_the_message_on_file(name: str) -> None:
    assert canonical(REQUESTS[name]().body) == canonical((WIRE / name).read_bytes())


def test_every_request_on_file_is_written_by_us() -> None:
    assert {path.name for path in WIRE.glob("req_*")} == set(REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_a_soap_1_1_post_to_the_configured_address(name: str) -> None:
    request = REQUESTS[name]()
    assert (request.method, request.url) == ("POST", CONFIG.url)
    assert request.headers == {"content-type": "text/xml; charset=utf-8", "soapaction": '""'}
    assert request.body.startswith(b"<?xml version='1.0' encoding='utf-8'?>")


def test_what_people_type_cannot_become_markup() -> None:
    order = VendOrder('20260131101500-000102-"><evil/>&', METER, AMOUNT)
    body = wire.credit_vend(CONFIG, order).body
    assert b"<evil" not in body
    assert b"&lt;evil/&gt;&amp;" in body


def test_a_charge_in_another_currency_is_a_bug_and_never_sent() -> None:
    with pytest.raises(ValueError, match="sells in KES, not in TZS"):
        wire.trial_vend(CONFIG, QUESTION, METER, Money.of(500, "TZS"))


@pytest.mark.parametrize("reference", ["", "123", "20260131101500-000102", "2026013110150-000102-1"])
def test_a_reference_that_is_not_ours_is_a_bug_and_never_sent(reference: str) -> None:
    with pytest.raises(ValueError, match="not an XMLVend sale reference"):
        wire.credit_vend(CONFIG, VendOrder(reference, METER, AMOUNT))

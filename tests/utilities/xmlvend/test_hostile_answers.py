"""Answers that are wrong, hostile or mangled: nothing raises, and nothing is believed that is not about our sale."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.contract.exchange import Response, Unknown
from integrations.contract.outcomes import NotFound, Vended, VendRefused
from integrations.utilities.xmlvend import wire
from integrations.utilities.xmlvend.envelope import ANSWER_BYTES_MAX
from tests.utilities.xmlvend.fakes import AMOUNT, CONFIG, METER, ORDER, QUESTION, WIRE, fixture

READERS: dict[str, Callable[[Response], object]] = {
    "found": lambda response: wire.found(response, QUESTION, METER, CONFIG),
    "quoted": lambda response: wire.quoted(response, QUESTION, METER, AMOUNT, CONFIG),
    "vended": lambda response: wire.vended(response, ORDER, CONFIG),
    "last_answered": lambda response: wire.last_answered(response, QUESTION, ORDER, CONFIG),
}

GOOD = (WIRE / "vend_simple.xml").read_bytes()
BODIES = [path.read_bytes() for path in sorted(WIRE.iterdir())]


def everywhere(body: bytes) -> set[object]:
    return {read(Response(200, {}, body)) for read in READERS.values()}


@pytest.mark.parametrize("name", ["doctype_entities.xml", "doctype_external.xml"])
def test_a_doctype_is_refused_before_anything_in_it_is_read(name: str) -> None:
    assert everywhere(fixture(name).body) == {Unknown("http 200: the answer has a DOCTYPE")}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_a_doctype_cannot_hide_in_an_encoding(encoding: str) -> None:
    declared = encoding.removesuffix("-le")
    text = f'<?xml version="1.0" encoding="{declared}"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
    body = text.encode(encoding)
    if encoding == "utf-7":
        body = body.replace(b"<!", b"+ADwAIQ-")
    assert everywhere(body) <= {
        Unknown("http 200: the answer has a DOCTYPE"),
        Unknown("http 200: the answer is not XML"),
    }


def test_an_answer_larger_than_any_real_one_is_not_parsed() -> None:
    padded = GOOD + b" " * (ANSWER_BYTES_MAX - len(GOOD) + 1)
    assert everywhere(padded) == {Unknown("http 200: the answer is too large")}
    assert isinstance(wire.vended(Response(200, {}, padded[:ANSWER_BYTES_MAX]), ORDER, CONFIG), Vended)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is not XML"),
        (b"\0\0\0", "the answer is not XML"),
        (b"{}", "the answer is not XML"),
        (fixture("page.html").body, "the answer is no SOAP envelope"),
        (b"<a/>", "the answer is no SOAP envelope"),
        (b"<Envelope/>", "the envelope is empty"),
        (b"<Envelope><Body>words</Body></Envelope>", "the envelope is empty"),
        (b"<a>" * 400, "the answer is not XML"),
        (b"<!doctype a [" + b"<" * 400, "the answer has a DOCTYPE"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "the answer is not XML"),
        (fixture("fault_plain_soap.xml").body, "a SOAP fault without XMLVend's detail"),
        (fixture("fault_without_fault.xml").body, "a fault response without a fault"),
    ],
)
def test_what_is_no_xmlvend_answer_is_unknown_to_every_reader(body: bytes, why: str) -> None:
    assert everywhere(body) == {Unknown(f"http 200: {why}")}


def test_comments_and_instructions_in_an_answer_change_nothing() -> None:
    noisy = GOOD.replace(b"<soap:Body>", b"<soap:Body><!-- x --><?evil ?>").replace(
        b"9000000000", b"90000<!-- -->00000"
    )
    plain = wire.vended(Response(200, {}, GOOD), ORDER, CONFIG)
    assert wire.vended(Response(200, {}, noisy), ORDER, CONFIG) == plain


def test_very_long_words_are_cut() -> None:
    body = GOOD.replace(b"Thank you", b"spam " * 10_000)
    outcome = wire.vended(Response(200, {}, body), ORDER, CONFIG)
    assert isinstance(outcome, Vended)
    assert len(outcome.notes[0]) == 160


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A recorded answer with bytes changed, a piece cut out, and a piece of another answer put in."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 4))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 400)))
    other = draw(st.sampled_from(BODIES))
    first = draw(st.integers(0, len(other)))
    body[start:end] = other[first : first + draw(st.integers(0, 200))]
    return bytes(body)


@settings(max_examples=400, deadline=None)
@given(mangled())
def test_no_reader_raises_whatever_comes(body: bytes) -> None:
    for read in READERS.values():
        read(Response(200, {}, body))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_no_reader_raises_on_bytes_that_were_never_xml(body: bytes) -> None:
    assert all(isinstance(outcome, Unknown) for outcome in everywhere(body))


@settings(max_examples=300, deadline=None)
@given(
    meter=st.sampled_from([METER.reveal(), "14120000022", "4123456783", " 14123456783", ""]),
    date_time=st.sampled_from(["20260131101500", "20260131101501", "2026013110150", ""]),
    number=st.sampled_from(["000102", "102", "103", "00102", "1020", "-102", ""]),
    tender=st.sampled_from(["500.00", "500", "499.99", "5000.00", "-500.00", "NaN", "1e3", ""]),
)
def test_F063_only_our_meter_message_and_amount_make_a_sale(
    meter: str, date_time: str, number: str, tender: str
) -> None:
    body = GOOD
    for before, after in (
        ('msno="14123456783"', f'msno="{meter}"'),
        ('dateTime="20260131101500"', f'dateTime="{date_time}"'),
        ('uniqueNumber="000102"', f'uniqueNumber="{number}"'),
        ('tenderAmt value="500.00"', f'tenderAmt value="{tender}"'),
    ):
        body = body.replace(before.encode(), after.encode())
    ours = (
        meter.strip() == METER.reveal()
        and date_time == "20260131101500"
        and number.lstrip("0") == "102"
        and tender in {"500.00", "500"}
    )
    assert isinstance(wire.vended(Response(200, {}, body), ORDER, CONFIG), Vended) is ours


@settings(max_examples=300, deadline=None)
@given(mangled())
def test_F063_no_mangling_turns_an_answer_into_proof_about_another_sale(body: bytes) -> None:
    """Whatever is believed, ours was in the bytes: the message id, and for a sale the meter."""
    for outcome in everywhere(body):
        match outcome:
            case Vended(meter=meter, amount=amount):
                assert (meter, amount <= AMOUNT) == (METER, True)
                assert b"102" in body
                assert METER.reveal().encode() in body
            case VendRefused() | NotFound():
                assert b"102" in body or QUESTION.number.encode() in body
            case _:
                pass

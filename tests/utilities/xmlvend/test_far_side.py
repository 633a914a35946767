"""The far side by itself: as strict as a server, its books in order, its tokens worthless."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.contract.exchange import NoAnswer, Request, Response
from integrations.contract.money import Money
from integrations.contract.people import TOKEN_LIMIT, Secret
from integrations.sandbox.xmlvend import SEED_METERS, SandboxMeter
from integrations.sandbox.xmlvend_meters import split
from integrations.sandbox.xmlvend_sale import unloadable_token
from integrations.utilities.xmlvend import wire
from integrations.utilities.xmlvend.config import XmlVendConfig
from integrations.utilities.xmlvend.envelope import Fault, open_answer
from tests.utilities.xmlvend.fakes import AMOUNT, CONFIG, METER, ORDER, QUESTION, FakeRandom, bench


def post(request: Request, **changes: object) -> Request:
    return replace(request, url="/xmlvend", **changes)  # type: ignore[arg-type]  # fields of Request by name


def fault_of(response: Response) -> str:
    answer = open_answer(response.body, "nothing")
    assert isinstance(answer, Fault)
    return answer.kind


async def served(body: bytes) -> Response:
    return await bench().side.serve(post(wire.credit_vend(CONFIG, ORDER), body=body))


GOOD = wire.credit_vend(CONFIG, ORDER).body
TERMINAL = b'<b:terminalID xsi:type="b:GenericDeviceID" id="0000000000002"/>'
MESSAGE = b'<b:msgID dateTime="20260131101500" uniqueNumber="000102"/>'


async def test_the_message_the_following_tests_spoil_is_good() -> None:
    assert (await served(GOOD)).status == 200
    assert TERMINAL + MESSAGE in GOOD


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace(TERMINAL + MESSAGE, MESSAGE + TERMINAL),
        lambda body: body.replace(TERMINAL, b""),
        lambda body: body.replace(b"20260131101500", b"20261331101500"),
        lambda body: body.replace(b"20260131101500", b"2026013110150"),
        lambda body: body.replace(b'"000102"', b'"0001023"'),
        lambda body: body.replace(b'"000102"', b'"x"'),
        lambda body: body.replace(b'value="500.00"', b'value="500"'),
        lambda body: body.replace(b'value="500.00"', b'value="500.005"'),
        lambda body: body.replace(b'value="500.00"', b'value="-500.00"'),
        lambda body: body.replace(b'symbol="KES"', b'symbol="R"'),
        lambda body: body.replace(b"b:EANDeviceID", b"r:EANDeviceID"),
        lambda body: body.replace(b"b:EANDeviceID", b"EANDeviceID"),
        lambda body: body.replace(b"b:MeterNumber", b"b:MeterCard"),
        lambda body: body.replace(b"b:Electricity", b"b:Water"),
        lambda body: body.replace(b"<b:password>test-password</b:password>", b""),
        lambda body: body.replace(b"schemas.xmlsoap.org", b"example.org"),
        lambda body: body.replace(b"<soap:Body>", b"<soap:Header/><soap:Body>"),
        lambda body: body[:-1],
        lambda body: b"<!DOCTYPE a>" + body.partition(b"?>")[2].lstrip(),
        lambda _: b"",
    ],
)
async def test_a_message_that_breaks_the_schema_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    spoiled = spoil(GOOD)
    assert spoiled != GOOD
    response = await served(spoiled)
    assert (response.status, fault_of(response)) == (500, "XMLVendSchemaEx")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body.replace(b"creditVendReq", b"fbeReq"),
        lambda _: wire.last_response(CONFIG, QUESTION, ORDER).body.replace(b"LastRespAdviceReq", b"ReversalAdviceReq"),
    ],
)
async def test_a_use_case_it_does_not_have_is_said_so(spoil: Callable[[bytes], bytes]) -> None:
    assert fault_of(await served(spoil(GOOD))) == "UseCaseSupportEx"


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (replace(CONFIG, client_id="6009999000002"), "ClientIDAuthorisationEx"),
        (replace(CONFIG, operator_name="CAT"), "RequestAuthorisationEx"),
        (replace(CONFIG, password=Secret("guess")), "RequestAuthorisationEx"),
    ],
)
async def test_strangers_are_not_served(config: XmlVendConfig, kind: str) -> None:
    side = bench().side
    assert fault_of(await side.serve(post(wire.credit_vend(config, ORDER)))) == kind
    assert not side.sales


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"url": "/other"}, 404),
        ({"method": "GET"}, 405),
        ({"headers": {"content-type": "application/json"}}, 415),
    ],
)
async def test_only_a_soap_post_to_its_path_is_served(changes: dict[str, object], status: int) -> None:
    request = replace(post(wire.credit_vend(CONFIG, ORDER)), **changes)  # type: ignore[arg-type]  # fields by name
    assert (await bench().side.serve(request)).status == status


async def test_a_down_utility_raises_no_answer_for_its_host_to_act_on() -> None:
    party = bench()
    party.faults.arm("utility_down")
    with pytest.raises(NoAnswer):
        await party.side.serve(post(wire.confirm_customer(CONFIG, QUESTION, METER)))


async def test_a_trial_shows_zeros_for_a_token_and_sells_nothing() -> None:
    side = bench().side
    response = await side.serve(post(wire.trial_vend(CONFIG, QUESTION, METER, AMOUNT)))
    assert b"<b:stsCipher>00000000000000000000</b:stsCipher>" in response.body
    assert not side.sales


async def test_a_sale_is_known_only_to_the_terminal_that_made_it() -> None:
    side = bench().side
    await side.serve(post(wire.credit_vend(CONFIG, ORDER)))
    elsewhere = wire.last_response(CONFIG, QUESTION, ORDER).body.replace(b'"0000000000002"', b'"0000000000009"')
    response = await side.serve(post(wire.last_response(CONFIG, QUESTION, ORDER), body=elsewhere))
    assert fault_of(response) == "LastResponseEx"


async def test_the_revision_grows_with_every_change_of_the_books_and_not_with_questions() -> None:
    side = bench().side
    await side.serve(post(wire.confirm_customer(CONFIG, QUESTION, METER)))
    await side.serve(post(wire.trial_vend(CONFIG, QUESTION, METER, AMOUNT)))
    assert side.revision == 0
    await side.serve(post(wire.credit_vend(CONFIG, ORDER)))
    assert side.revision == 1
    side.restore_float(AMOUNT)
    assert side.revision == 2


async def test_the_books_remember_what_was_sold_to_whom_under_which_name() -> None:
    side = bench().side
    await side.serve(post(wire.credit_vend(CONFIG, ORDER)))
    (sale,) = side.sales
    assert (sale.message_id, sale.terminal_id) == ("20260131101500-000102", "0000000000002")
    assert (sale.meter.number, sale.amount) == (METER.reveal(), AMOUNT)


async def test_receipt_numbers_are_not_used_again_by_a_later_run_of_the_sandbox() -> None:
    numbers = set()
    for started in (0, 60):
        one = bench()
        one.clock.seconds = started
        await one.side.serve(post(wire.credit_vend(CONFIG, ORDER)))
        numbers |= {sale.receipt_number for sale in one.side.sales}
    assert len(numbers) == 2
    assert all(number.isdecimal() for number in numbers)


def test_two_sandboxes_do_not_share_their_books() -> None:
    one, other = bench().side, bench().side
    one.restore_float(AMOUNT)
    one.meters.clear()
    assert len(other.meters) == len(SEED_METERS)
    assert one.float_left - other.float_left == AMOUNT


def test_each_seeded_meter_says_what_to_expect() -> None:
    assert len({meter.number for meter in SEED_METERS}) == len(SEED_METERS) == 9
    assert all(meter.about.endswith(".") and len(meter.about) < 90 for meter in SEED_METERS)
    assert sorted({len(meter.number) for meter in SEED_METERS}) == [11, 13]


@given(st.integers(0, 10**9))
def test_no_token_it_makes_can_be_loaded(seed: int) -> None:
    token = unloadable_token(FakeRandom(seed))
    assert len(token) == 20
    assert int(token) >= 74 * 10**18 > TOKEN_LIMIT


@given(
    tender=st.integers(1, 10**8),
    fee=st.integers(0, 20_000),
    debt=st.integers(0, 500_000),
)
def test_a_tender_is_shared_out_to_the_cent(tender: int, fee: int, debt: int) -> None:
    meter = SandboxMeter("14123456783", "A", "B", "C", fee_minor=fee, debt_minor=debt)
    parts = split(Money(tender, "KES"), meter)
    amounts = [parts.fee.minor, parts.debt.minor, parts.energy.minor, parts.vat.minor]
    assert sum(amounts) == tender
    assert min(amounts) >= 0
    assert parts.debt.minor + parts.debt_left.minor == debt
    assert parts.debt.minor <= tender * 30 // 100
    assert abs(parts.energy.minor * 16 - parts.vat.minor * 100) <= 100


def test_the_tariff_in_figures() -> None:
    parts = split(Money.of(500, "KES"), SEED_METERS[0])
    assert (parts.energy.decimal_text(), parts.vat.decimal_text(), parts.units_text) == ("431.03", "68.97", "16.3")

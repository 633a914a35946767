"""Reading the answer to "whose is this meter?"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integrations.contract.exchange import Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import Account, CannotVend, FindOutcome, NoSuchMeter, VendReason
from integrations.utilities.xmlvend import wire
from tests.utilities.xmlvend.fakes import CONFIG, METER, QUESTION, SALE, fixture


def find(name: str) -> FindOutcome:
    return wire.found(fixture(name), QUESTION, METER, CONFIG)


def test_a_known_meter_is_its_owner_and_its_limits() -> None:
    assert find("confirm_plain.xml") == Account(
        METER, "GRACE AKINYI", "Flat 4B, Nyali", Money.of(100, "KES"), Money.of(35_000, "KES")
    )


@pytest.mark.parametrize("name", ["confirm_without_meter_detail.xml", "confirm_revenue_namespace.xml"])
def test_servers_that_leave_out_the_meter_or_move_the_owner_are_understood(name: str) -> None:
    assert find(name) == find("confirm_plain.xml")


def test_limits_of_zero_or_null_are_no_limits() -> None:
    assert find("confirm_limits_null.xml") == Account(METER, "GRACE AKINYI", "Flat 4B, Nyali")


def test_F060_a_meter_that_may_not_buy_is_caught_at_the_lookup() -> None:
    assert find("confirm_cannot_vend.xml") == CannotVend("blocked", "canVend is false")


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("confirm_of_another_meter.xml", "0 customers for one meter"),
        ("confirm_two_customers.xml", "2 customers for one meter"),
        ("confirm_of_another_message.xml", "the account answers another message"),
        ("confirm_without_can_vend.xml", "canVend says neither yes nor no"),
        ("vend_simple.xml", "the answer is creditVendResp, not confirmCustomerResp"),
    ],
)
def test_F063_an_answer_about_somebody_else_is_no_answer(name: str, cause: str) -> None:
    assert find(name) == Unknown(f"http 200: {cause}")


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("fault_UnknownMeterEx.xml", NoSuchMeter()),
        ("fault_ConfirmCustomerEx.xml", NoSuchMeter()),
        ("fault_MSNOCheckDigitEx.xml", NoSuchMeter()),
        ("fault_text_meter_not_found.xml", NoSuchMeter()),
        ("fault_without_namespace.xml", NoSuchMeter()),
        ("fault_BlockedMeterEx.xml", CannotVend("blocked", "BlockedMeterEx blocked; why varies")),
        ("fault_LatestKRNEx.xml", CannotVend("meter_data", "LatestKRNEx a key change is needed first")),
        # A lookup sells nothing, so a fault that names no message at all is still believed.
        ("fault_of_no_message.xml", CannotVend("blocked", "BlockedMeterEx Meter blocked")),
    ],
)
def test_a_fault_about_the_meter_is_said_to_its_owner(name: str, outcome: FindOutcome) -> None:
    assert wire.found(fixture(name), SALE, METER, CONFIG) == outcome


@pytest.mark.parametrize("kind", ["VendorCreditEx", "ClientIDSSLEx", "XMLVendSchemaEx", "SystemEx", "LastResponseEx"])
def test_a_fault_about_us_is_never_blamed_on_the_meter(kind: str) -> None:
    outcome = wire.found(fixture(f"fault_{kind}.xml"), SALE, METER, CONFIG)
    assert isinstance(outcome, Unknown)
    assert outcome.cause.startswith(f"fault {kind}")


def test_F063_a_fault_that_answers_another_message_is_no_answer() -> None:
    outcome = wire.found(fixture("fault_of_another_message.xml"), SALE, METER, CONFIG)
    assert outcome == Unknown("a fault that answers another message: BlockedMeterEx Meter blocked")


def test_a_servers_own_text_can_be_taught_in_the_settings() -> None:
    taught = replace(CONFIG, known_texts={"AN INTERNAL ERROR WHILE PROCESSING": VendReason.BLOCKED})
    outcome = wire.found(fixture("fault_SystemEx.xml"), SALE, METER, taught)
    assert outcome == CannotVend("blocked", "SystemEx an internal error while processing")

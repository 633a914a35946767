"""The table of faults: MAPPING.md, the code and the fixtures say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integrations.contract.exchange import Unknown
from integrations.contract.outcomes import CannotAsk, NotFound, VendOutcome, VendReason, VendRefused
from integrations.utilities.xmlvend import wire
from integrations.utilities.xmlvend.envelope import Fault
from integrations.utilities.xmlvend.faults import NO_PROOF, REFUSALS, advice_refusal, reason_of
from integrations.utilities.xmlvend.ids import MessageId
from tests.utilities.xmlvend.fakes import AMOUNT, CONFIG, METER, ORDER, SALE, WIRE, fixture

MAPPING = (Path(wire.__file__).parent / "MAPPING.md").read_text()

#: class → "refused: reason" or "unknown", as MAPPING.md has it.
TABLE = {
    kind: verdict.split(",")[0].split(" (")[0]
    for kind, verdict in re.findall(r"^\| (\w+(?:Ex|SGC|TI)) \|[^|]+\| ([^|]+) \|$", MAPPING, re.MULTILINE)
}

#: code or text → reason, as MAPPING.md has it.
TEXTS = dict(re.findall(r"^\| (VD\.\d+|Meter Not Found|010038 [\w ]+) \|[^|]+\| (\w+) \|$", MAPPING, re.MULTILINE))


def said(outcome: VendOutcome) -> str:
    match outcome:
        case VendRefused(reason):
            return f"refused: {reason.value}"
        case Unknown():
            return "unknown"
        case _:
            raise AssertionError(outcome)


def test_the_mapping_page_lists_exactly_the_faults_in_the_code() -> None:
    assert TABLE.keys() == REFUSALS.keys() | NO_PROOF
    assert not REFUSALS.keys() & NO_PROOF
    assert len(TABLE) == 48


@pytest.mark.parametrize("kind", TABLE)
def test_each_fault_has_a_fixture_and_proves_what_the_page_says(kind: str) -> None:
    outcome = wire.vended(fixture(f"fault_{kind}.xml"), ORDER, CONFIG)
    assert said(outcome) == TABLE[kind]


@pytest.mark.parametrize("kind", TABLE)
def test_a_fault_means_the_same_for_a_quote(kind: str) -> None:
    outcome = wire.quoted(fixture(f"fault_{kind}.xml"), SALE, METER, AMOUNT, CONFIG)
    assert outcome == wire.vended(fixture(f"fault_{kind}.xml"), ORDER, CONFIG)


def test_every_class_fixture_is_in_the_table() -> None:
    on_file = {path.stem.removeprefix("fault_") for path in WIRE.glob("fault_*.xml")}
    assert {name for name in on_file if name.endswith(("Ex", "SGC", "TI"))} == TABLE.keys()


def test_a_refusal_keeps_the_servers_words_for_staff() -> None:
    assert wire.vended(fixture("fault_VendorCreditEx.xml"), ORDER, CONFIG) == VendRefused(
        VendReason.NO_FLOAT, "VendorCreditEx", "the seller's float is empty"
    )


@pytest.mark.parametrize("text", TEXTS)
def test_codes_and_texts_behind_a_general_class_are_read(text: str) -> None:
    code, desc = (text, "") if text.startswith("VD.") else ("", text.upper())
    for kind in ("SystemEx", "XMLVendFaultEx", "BusinessRuleEx"):
        assert reason_of(Fault(kind, code, desc, SALE), {}) is VendReason(TEXTS[text])


def test_an_empty_text_in_the_settings_teaches_nothing() -> None:
    assert reason_of(Fault("SystemEx", "", "", SALE), {"": VendReason.OTHER}) is None


def test_a_particular_class_is_not_overruled_by_a_text() -> None:
    assert reason_of(Fault("BlockedMeterEx", "VD.01010004", "Meter Not Found", SALE), {}) is VendReason.BLOCKED
    assert reason_of(Fault("ServeryBusyEx", "VD.01010004", "Meter Not Found", SALE), {}) is None


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("fault_code_VD.01010001.xml", "refused: unknown_meter"),
        ("fault_code_VD.01010004.xml", "refused: unknown_meter"),
        ("fault_code_VD.010032.xml", "refused: not_allowed"),
        ("fault_code_VD.17020006.xml", "refused: no_float"),
        ("fault_code_VD.17020008.xml", "unknown"),
        ("fault_code_VD.17020012.xml", "refused: not_due"),
        ("fault_text_meter_not_found.xml", "refused: unknown_meter"),
        ("fault_text_eskom.xml", "refused: unknown_meter"),
        ("fault_without_namespace.xml", "refused: unknown_meter"),
        ("fault_outside_soap_fault.xml", "refused: blocked"),
        ("fault_of_another_message.xml", "unknown"),
        ("fault_of_no_message.xml", "unknown"),
        ("fault_without_class.xml", "unknown"),
        ("fault_without_fault.xml", "unknown"),
        ("fault_plain_soap.xml", "unknown"),
        ("fault_unlisted.xml", "unknown"),
    ],
)
def test_faults_as_servers_really_write_them(name: str, verdict: str) -> None:
    assert said(wire.vended(fixture(name), ORDER, CONFIG)) == verdict


def test_F058_a_used_message_id_is_asked_about_and_not_believed_to_be_a_no() -> None:
    outcome = wire.vended(fixture("fault_DuplicateMsgIDEx.xml"), ORDER, CONFIG)
    assert isinstance(outcome, Unknown)
    assert "DuplicateMsgIDEx" in outcome.cause


def test_an_unlisted_fault_says_so_and_hides_the_meter_in_its_text() -> None:
    assert wire.vended(fixture("fault_unlisted.xml"), ORDER, CONFIG) == Unknown(
        "unlisted fault LunarEclipseEx Meter ••• cannot be seen"
    )


@pytest.mark.parametrize("kind", sorted(REFUSALS.keys() | NO_PROOF))
def test_only_two_faults_settle_an_enquiry(kind: str) -> None:
    outcome = advice_refusal(Fault(kind, "", "", SALE), SALE)
    match kind:
        case "LastResponseEx":
            assert outcome == NotFound("LastResponseEx")
        case "UseCaseSupportEx":
            assert outcome == CannotAsk()
        case _:
            assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("echo", [None, MessageId("20260131101500", "000103")])
def test_F063_no_such_transaction_said_to_somebody_else_proves_nothing(echo: MessageId | None) -> None:
    assert isinstance(advice_refusal(Fault("LastResponseEx", "", "", echo), SALE), Unknown)

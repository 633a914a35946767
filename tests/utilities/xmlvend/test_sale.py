"""Reading sales: tokens, money, and whether the answer is ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from integrations.contract.exchange import Unknown
from integrations.contract.money import Money
from integrations.contract.outcomes import Charge, Quote, Token, TokenKind, Vended
from integrations.contract.people import TokenNumber
from integrations.utilities.xmlvend import wire
from tests.utilities.xmlvend.fakes import AMOUNT, CONFIG, METER, ORDER, QUESTION, fixture


def kes(text: str) -> Money:
    return Money.from_decimal_text(text, "KES")


def sale(name: str) -> Vended:
    outcome = wire.vended(fixture(name), ORDER, CONFIG)
    assert isinstance(outcome, Vended)
    return outcome


def cause(name: str) -> str:
    outcome = wire.vended(fixture(name), ORDER, CONFIG)
    assert isinstance(outcome, Unknown)
    return outcome.cause


def numbers(vended: Vended) -> list[tuple[TokenKind, str]]:
    return [(token.kind, token.number.reveal()) for token in vended.tokens]


SIMPLE = Vended(
    proof="000000000000093",
    meter=METER,
    tokens=(Token(TokenKind.CREDIT, TokenNumber("90000000000000000003"), "16.3", "kWh"),),
    amount=AMOUNT,
    units_text="16.3",
    unit="kWh",
    charges=(Charge("DOMESTIC", kes("431.03")), Charge("VAT", kes("68.97"))),
    notes=("Thank you",),
    sold_at=datetime(2026, 1, 31, 7, 15, 3, tzinfo=UTC),
)


def test_a_plain_sale_is_read_whole() -> None:
    assert sale("vend_simple.xml") == SIMPLE


def test_F061_tokens_come_in_the_order_they_are_typed_in() -> None:
    vended = sale("vend_key_change_free_fee_debt.xml")
    assert numbers(vended) == [
        (TokenKind.KEY_CHANGE, "90000000000000000001"),
        (TokenKind.KEY_CHANGE, "90000000000000000002"),
        (TokenKind.FREE, "90000000000000000004"),
        (TokenKind.CREDIT, "90000000000000000003"),
    ]
    assert [token.units_text for token in vended.tokens] == ["", "", "50.0", "11.4"]
    assert vended.units_text == "11.4"


def test_F061_free_units_come_before_the_credit_wherever_the_server_puts_them() -> None:
    assert [kind for kind, _ in numbers(sale("vend_free_after_credit.xml"))] == [TokenKind.FREE, TokenKind.CREDIT]


def test_F059_fees_and_debt_are_shown_in_the_utilitys_own_words() -> None:
    vended = sale("vend_key_change_free_fee_debt.xml")
    assert vended.charges == (
        Charge("DOMESTIC", kes("301.72")),
        Charge("VAT", kes("48.28")),
        Charge("Monthly service fee", kes("50.00")),
        Charge("Arrears", kes("100.00")),
    )
    assert vended.notes == ("Arrears: 1100.00 KES",)


def test_F061_four_key_sections_are_ordered_by_number_and_the_power_limit_follows() -> None:
    assert [number[-2:] for _, number in numbers(sale("vend_four_key_sections.xml"))] == [
        "11",
        "12",
        "13",
        "14",
        "15",
        "03",
    ]


def test_several_credit_tokens_keep_their_units_apart() -> None:
    vended = sale("vend_two_credit_tokens.xml")
    assert [token.units_text for token in vended.tokens] == ["8.8", "7.5"]
    assert vended.units_text == "8.8 + 7.5"
    assert not vended.notes


def test_a_token_that_comes_twice_is_typed_once() -> None:
    assert len(sale("vend_same_token_twice.xml").tokens) == 1


def test_separators_in_a_token_are_dropped_and_leading_zeros_kept() -> None:
    assert numbers(sale("vend_token_with_separators.xml")) == numbers(sale("vend_simple.xml"))
    assert numbers(sale("vend_token_with_leading_zero.xml")) == [(TokenKind.CREDIT, "02718281828459045235")]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vend_token_too_long.xml", "a token is not 20 digits"),
        ("vend_token_zeros.xml", "a token is all zeros, as in a trial"),
        ("vend_without_token.xml", "the sale carries no credit token"),
        ("vend_key_change_without_credit.xml", "the sale carries no credit token"),
    ],
)
def test_F062_a_token_of_the_wrong_shape_is_not_sent_as_good(name: str, why: str) -> None:
    assert cause(name) == f"http 200: {why}"


def test_a_genuine_token_of_the_wrong_class_is_sent_and_told_to_staff() -> None:
    assert sale("vend_class_one_token.xml").notes == ("check: a credit token has class 1",)


def test_a_kind_of_token_nobody_listed_is_sent_and_told_to_staff() -> None:
    vended = sale("vend_unlisted_token_kind.xml")
    assert vended.tokens == SIMPLE.tokens
    assert vended.notes == ("check: a token of the kind LoyaltyCredTokenIssue",)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vend_of_another_meter.xml", "the answer names another meter"),
        ("vend_of_two_meters.xml", "the answer names another meter"),
        ("vend_of_no_meter.xml", "the answer names no meter"),
        ("vend_of_another_message.xml", "the sale answers another message"),
        ("vend_of_no_message.xml", "the sale answers another message"),
        ("vend_of_another_amount.xml", "the answer is about 450.00, not 500.00"),
        ("trial.xml", "the answer is trialCreditVendResp, not creditVendResp"),
    ],
)
def test_F063_a_crossed_answer_is_not_believed(name: str, why: str) -> None:
    assert cause(name) == f"http 200: {why}"


def test_a_number_echoed_without_its_zeros_is_still_ours() -> None:
    assert sale("vend_short_number_echo.xml").tokens == SIMPLE.tokens


def test_F065_change_is_taken_off_the_amount_and_told() -> None:
    vended = sale("vend_with_change.xml")
    assert vended.amount == kes("499.50")
    assert vended.notes == ("check: sold 499.50 of 500.00",)


def test_F065_lines_that_do_not_add_up_are_told_and_hold_nothing_back() -> None:
    vended = sale("vend_lines_short.xml")
    assert (vended.amount, vended.tokens) == (AMOUNT, SIMPLE.tokens)
    assert vended.notes == ("check: the lines add up to 498.97, not 500.00",)


def test_a_line_finer_than_a_cent_is_left_out_and_told() -> None:
    vended = sale("vend_line_unreadable.xml")
    assert vended.charges == (Charge("DOMESTIC", kes("431.03")),)
    assert vended.notes[0] == "check: the line VAT: an amount is finer than the currency, or beyond any bill"


def test_without_a_tender_the_lines_must_be_the_amount_to_a_cent_each() -> None:
    assert not sale("vend_without_tender.xml").notes
    assert sale("vend_without_tender_rounded.xml").notes == ("check: the lines add up to 499.99, not 500.00",)
    assert cause("vend_without_tender_short.xml") == "http 200: the answer is about 490.00, not 500.00"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vend_tender_in_rand.xml", "an amount in R"),
        ("vend_tender_with_exponent.xml", "an amount is not a plain decimal"),
        ("vend_change_beyond_tender.xml", "change of 500.00"),
    ],
)
def test_a_tender_that_cannot_be_ours_proves_nothing(name: str, why: str) -> None:
    assert cause(name) == f"http 200: {why}"


def test_a_negative_tax_and_zero_units_are_shown_as_given() -> None:
    assert sale("vend_negative_tax.xml").charges[1] == Charge("VAT", kes("-10.00"))
    vended = sale("vend_zero_units.xml")
    assert (vended.units_text, vended.charges) == ("0.0", (Charge("Arrears", kes("500.00")),))


def test_a_sale_without_a_receipt_number_is_proved_by_our_reference() -> None:
    assert sale("vend_without_receipt_number.xml").proof == ORDER.reference


def test_default_namespaces_bare_types_missing_symbols_and_odd_units_are_understood() -> None:
    vended = sale("vend_default_namespaces.xml")
    assert (vended.tokens, vended.unit, vended.proof) == (SIMPLE.tokens, "kWh", "T/93")
    assert vended.charges == (Charge("DOMESTIC", kes("500.00")),)
    assert vended.sold_at == datetime(2026, 1, 31, 7, 15, 3, 652975, tzinfo=UTC)
    assert not vended.notes


def test_a_time_without_a_zone_is_the_servers_and_an_unreadable_one_is_none() -> None:
    assert sale("vend_time_without_zone.xml").sold_at == datetime(2026, 1, 31, 7, 15, 3, 143554, tzinfo=UTC)
    assert sale("vend_time_unreadable.xml").sold_at is None


@pytest.mark.parametrize("status", [200, 202, 404, 500, 502])
def test_the_http_status_neither_proves_nor_disproves_a_sale(status: int) -> None:
    response = fixture("vend_simple.xml")
    assert wire.vended(type(response)(status, {}, response.body), ORDER, CONFIG) == SIMPLE


# --- trials


@pytest.mark.parametrize("name", ["trial.xml", "trial_sixteen_zeros.xml"])
def test_a_trial_is_units_and_lines_and_its_zeros_are_no_token(name: str) -> None:
    assert wire.quoted(fixture(name), QUESTION, METER, AMOUNT, CONFIG) == Quote(
        "16.3", "kWh", (Charge("DOMESTIC", kes("431.03")), Charge("VAT", kes("68.97")))
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("trial_of_another_amount.xml", "the answer is about 450.00, not 500.00"),
        ("trial_of_another_message.xml", "the quote answers another message"),
        ("vend_simple.xml", "the answer is creditVendResp, not trialCreditVendResp"),
    ],
)
def test_F063_a_quote_for_somebody_else_is_no_quote(name: str, why: str) -> None:
    assert wire.quoted(fixture(name), QUESTION, METER, AMOUNT, CONFIG) == Unknown(f"http 200: {why}")


# --- last responses


@pytest.mark.parametrize("name", ["last_response.xml", "last_response_soap12.xml"])
def test_F053_the_last_response_is_the_sale_itself(name: str) -> None:
    outcome = wire.last_answered(fixture(name), QUESTION, ORDER, CONFIG)
    assert isinstance(outcome, Vended)
    assert (outcome.tokens, outcome.proof, outcome.amount) == (SIMPLE.tokens, SIMPLE.proof, SIMPLE.amount)


def test_a_last_response_that_was_a_fault_is_judged_as_the_first_answer_was() -> None:
    outcome = wire.last_answered(fixture("last_response_fault.xml"), QUESTION, ORDER, CONFIG)
    assert outcome == wire.vended(fixture("fault_outside_soap_fault.xml"), ORDER, CONFIG)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("last_response_of_another_message.xml", "the sale answers another message"),
        ("last_response_about_another_sale.xml", "the advice is about another sale"),
        ("last_response_to_another_question.xml", "the advice answers another message"),
        ("last_response_of_another_meter.xml", "the answer names another meter"),
        ("last_response_trial.xml", "the last response is a TrialCreditVendResp"),
        ("last_response_empty.xml", "the advice carries no response"),
        ("vend_simple.xml", "the answer is creditVendResp, not adviceResp"),
    ],
)
def test_F063_a_last_response_to_something_else_leaves_the_sale_unknown(name: str, why: str) -> None:
    assert wire.last_answered(fixture(name), QUESTION, ORDER, CONFIG) == Unknown(f"http 200: {why}")

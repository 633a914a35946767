"""Amounts: the corpus, and what must hold for every text there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.numbers import AMOUNT_DIGITS_MAX, NUMBER_LENGTH_MAX
from flows.understand import NotAnAmount, amount_in
from integrations.contract.money import EXPONENTS, Money
from tests.flows.understand.corpus import Case, cases, numberish

CASES = cases("amounts.txt")
LARGEST = 10**AMOUNT_DIGITS_MAX - 1


def said(amount: Money | NotAnAmount) -> str:
    match amount:
        case Money(minor, currency):
            hundredths = minor * 10 ** (2 - EXPONENTS[currency])
            return f"{hundredths // 100}.{hundredths % 100:02d}"
        case NotAnAmount():
            return amount.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_F108_the_corpus_is_read_as_written(case: Case) -> None:
    assert said(amount_in(case.typed, case.section)) == case.expected


def test_the_corpus_covers_every_currency_and_every_reason() -> None:
    assert len(CASES) >= 500
    assert {case.section for case in CASES} == set(EXPONENTS)
    assert {reason.value for reason in NotAnAmount} <= {case.expected for case in CASES}


STYLES = (
    "{0}", "{0:,}", "{0:_}", "{0}.00", "{0:,}.00", "KES {0}", "Ksh{0:,}", "ksh. {0:_}", "{0}/=", "{0:,}/-", "{0} bob",
    "pay {0} please", "*{0}*", "\u202a{0}\u202c",
)  # fmt: skip


@given(st.integers(0, LARGEST), st.sampled_from(STYLES))
def test_F108_every_amount_in_every_style_is_that_amount(units: int, style: str) -> None:
    # `_` stands for the space or the point that groups thousands elsewhere.
    for mark in " .":
        assert amount_in(style.format(units).replace("_", mark), "KES") == Money.of(units, "KES")


@given(st.integers(0, LARGEST), st.integers(0, 99))
def test_cents_are_kept_exactly_and_refused_where_the_currency_has_none(units: int, cents: int) -> None:
    assert amount_in(f"{units:,}.{cents:02d}", "KES") == Money(units * 100 + cents, "KES")
    expected = NotAnAmount.FRACTION if cents else Money(units, "UGX")
    assert amount_in(f"{units}.{cents:02d}", "UGX") == expected


@given(st.integers(1, 999), st.integers(0, 99), st.sampled_from(["k", "K", " k", " thousand", " elfu"]))
def test_thousands_are_multiplied_without_rounding(thousands: int, part: int, word: str) -> None:
    expected = Money.of(thousands * 1000 + part * 10, "KES")
    assert amount_in(f"{thousands}.{part:02d}{word}", "KES") == expected


@given(st.integers(1, LARGEST), st.sampled_from(["-{}", "- {}", "KES -{}", "-KES {}", "minus {}", "\u2212{}"]))
def test_F108_no_negative_amount_is_ever_read(units: int, style: str) -> None:
    assert amount_in(style.format(units), "KES") is NotAnAmount.NEGATIVE


@given(st.integers(LARGEST + 1, 10**NUMBER_LENGTH_MAX - 1))
def test_F109_a_number_beyond_any_bill_is_refused_before_it_is_converted(units: int) -> None:
    assert amount_in(str(units), "KES") is NotAnAmount.TOO_LARGE


@given(numberish(), st.sampled_from(sorted(EXPONENTS)))
def test_F108_whatever_is_read_is_a_sane_amount_whose_digits_were_typed(text: str, currency: str) -> None:
    amount = amount_in(text, currency)
    if isinstance(amount, Money):
        assert amount.currency == currency
        assert 0 <= amount.minor <= Money.of(LARGEST, currency).minor + 99


@given(st.text(st.characters(exclude_categories=()), max_size=80), st.sampled_from(sorted(EXPONENTS)))
def test_F110_no_text_makes_it_fail(text: str, currency: str) -> None:
    assert isinstance(amount_in(text, currency), Money | NotAnAmount)


def test_F109_text_longer_than_a_number_is_not_looked_at() -> None:
    assert amount_in("5" + "\u200b" * 4000 + "00", "KES") == Money.of(500, "KES")
    assert amount_in("5" + "\u200b" * 5000 + "00", "KES") is NotAnAmount.NO_NUMBER
    assert amount_in("5" * 100_000, "KES") is NotAnAmount.NO_NUMBER
    assert amount_in("1," * 100_000, "KES") is NotAnAmount.NO_NUMBER


def test_an_unknown_currency_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        amount_in("500", "XYZ")

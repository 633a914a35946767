"""Meter numbers: the corpus, and that grouping never joins two numbers."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.understand import meter_in
from tests.flows.understand.corpus import Case, cases, numberish

CASES = cases("meters.txt")
DIGITS = "0123456789"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_the_corpus_is_read_as_written(case: Case) -> None:
    meter = meter_in(case.typed, tuple(map(int, case.section.split())))
    assert (meter.reveal() if meter else "none") == case.expected


@given(st.text(DIGITS, min_size=11, max_size=11), st.sets(st.integers(1, 10)), st.sampled_from([" ", "-", "  ", " - "]))
def test_F107_any_grouping_by_dashes_or_spaces_gives_back_the_digits(digits: str, cuts: set[int], mark: str) -> None:
    grouped = "".join(mark + digit if place in cuts else digit for place, digit in enumerate(digits))
    meter = meter_in(grouped, (11,))
    if meter is not None:
        assert meter.reveal() == digits
    else:
        assert len(cuts) == 1, "only an amount beside a number is left unread"


@given(st.sampled_from([100, 200, 500, 1000, 1500, 20000]), st.text("123456789", min_size=7, max_size=8))
def test_F111_an_amount_beside_a_short_number_is_not_joined_to_a_meter(amount: int, number: str) -> None:
    for text in (f"{amount} {number}", f"{number} {amount}"):
        assert meter_in(text, (10, 11, 12, 13)) is None


@given(st.integers(1, 99), st.text(DIGITS, min_size=11, max_size=11), st.sampled_from([" ", "  ", " - "]))
def test_F111_a_number_beside_a_whole_meter_is_not_joined_to_a_longer_one(amount: int, meter: str, mark: str) -> None:
    for text in (f"{amount}{mark}{meter}", f"{meter}{mark}{amount}"):
        assert meter_in(text, (11, 12, 13)) is None


@given(numberish(), st.sampled_from([(11,), (11, 13), (7, 8, 9)]))
def test_what_is_read_has_a_length_asked_for_and_only_digits_that_were_typed(
    text: str, lengths: tuple[int, ...]
) -> None:
    meter = meter_in(text, lengths)
    if meter is not None:
        assert len(meter.reveal()) in lengths
        assert meter.reveal() == "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())
        assert not set("+,/²½") & set(text)


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_F110_no_text_makes_it_fail(text: str) -> None:
    meter = meter_in(text, (11, 13))
    assert meter is None or len(meter.reveal()) in (11, 13)


def test_F109_a_hundred_thousand_digits_are_not_converted() -> None:
    assert meter_in("1" * 100_000, (11,)) is None
    assert meter_in("1 " * 100_000, (11,)) is None

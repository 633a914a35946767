"""Phone numbers: the corpus, and agreement with the phonenumbers library, whose metadata is our oracle."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneMetadata, PhoneNumberFormat

from flows.understand import phone_in
from tests.flows.understand.corpus import Case, cases, numberish

CASES = cases("phones.txt")
COUNTRIES = ("KE", "TZ", "UG", "RW", "NG", "GH", "ZM")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.where)
def test_the_corpus_is_read_as_written(case: Case) -> None:
    phone = phone_in(case.typed, case.section)
    assert (phone.reveal() if phone else "none") == case.expected


def numbering(country: str) -> tuple[int, str]:
    """The calling code of a country, and the pattern of its mobile numbers."""
    plan = PhoneMetadata.metadata_for_region(country)
    assert plan is not None
    assert plan.country_code is not None
    assert plan.mobile is not None
    assert plan.mobile.national_number_pattern is not None
    return plan.country_code, plan.mobile.national_number_pattern


@pytest.mark.parametrize("country", COUNTRIES)
@given(data=st.data())
def test_every_mobile_number_of_the_numbering_plan_is_read_in_every_usual_form(
    country: str, data: st.DataObject
) -> None:
    code, mobile = numbering(country)
    national = data.draw(st.from_regex(mobile, fullmatch=True, alphabet="0123456789"))
    number = phonenumbers.parse(f"+{code}{national}")
    expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    forms = [
        phonenumbers.format_number(number, form)
        for form in (PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL)
    ]
    for text in (*forms, expected[1:], f"00{expected[1:]}", f"0{national}"):
        phone = phone_in(text, country)
        assert phone is not None, text
        assert phone.reveal() == expected


@given(numberish(), st.sampled_from([*COUNTRIES, "ZA", "FR"]))
def test_what_is_read_is_made_of_the_digits_that_were_typed(text: str, country: str) -> None:
    phone = phone_in(text, country)
    if phone is not None:
        typed = "".join(char for char in text if char.isdecimal())
        assert typed.replace("٣", "3").replace("𝟙", "1").endswith(phone.reveal()[5:])


@given(st.text(st.characters(exclude_categories=()), max_size=80), st.text(max_size=3))
def test_F110_no_text_makes_it_fail_and_an_unknown_country_knows_no_local_number(text: str, country: str) -> None:
    phone = phone_in(text, country)
    assert phone is None or phone.reveal().startswith("+")


def test_F109_a_hundred_thousand_digits_are_not_looked_at() -> None:
    assert phone_in("07" * 50_000) is None
    assert phone_in("+" * 100_000) is None

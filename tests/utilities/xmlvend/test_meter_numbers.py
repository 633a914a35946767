"""The check digit of meter numbers against published and constructed vectors (IEC 62055-41)."""

from __future__ import annotations

import pytest

from integrations.contract.people import MeterNumber
from integrations.sandbox.xmlvend import SEED_METERS

#: Vendors' published test meters and constructed numbers whose last digit is Luhn's.
FITTING = [
    "04257670465", "04252652286", "04259063131", "04262549407", "04004088094", "04254372016", "04040879803",
    "04040408777", "04040408744", "04040408769", "04004088078", "04040408751", "04155183447", "14339800360",
    "04040404040", "04040404453", "04040406698", "04042404048", "07080259851", "45067198783", "45055844760",
    "54205401976", "01234567897", "0100123456780", "3400123456781", "6005123456785",
]  # fmt: skip

#: Vendors' test meters that no check digit fits, and a good number with two digits swapped.
MISFITS = [
    "94949494949", "01234567890", "01234567891", "04257670456", "1111111111111", "1010101010101", "0100123456789",
    "00000000000",
]  # fmt: skip


@pytest.mark.parametrize("number", FITTING)
def test_a_good_number_fits(number: str) -> None:
    assert MeterNumber(number).check_digit_fits


@pytest.mark.parametrize("number", MISFITS)
def test_a_bad_number_and_all_zeros_do_not_fit(number: str) -> None:
    assert not MeterNumber(number).check_digit_fits


@pytest.mark.parametrize("number", FITTING)
def test_every_single_wrong_digit_is_noticed(number: str) -> None:
    for place, right in enumerate(number):
        for wrong in set("0123456789") - {right}:
            assert not MeterNumber(number[:place] + wrong + number[place + 1 :]).check_digit_fits


def test_every_sandbox_meter_fits_but_the_one_people_type_from_the_documentation() -> None:
    misfits = [meter.number for meter in SEED_METERS if not MeterNumber(meter.number).check_digit_fits]
    assert misfits == ["14123456789"]

"""When a payment is looked at next, and what it costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.payments import schedule
from bot.payments.fees import Band, Fees
from integrations.contract.money import Money
from integrations.contract.parties import AfterNotFound, Pace

PACE = Pace(timeout=30, polls=(10.0, 5.0, 0.5, 900.0), settle=300, after_not_found=AfterNotFound.A_PERSON)


@pytest.mark.parametrize(("asks", "wait"), [(0, 10_000), (1, 5_000), (2, 500), (3, 900_000), (10**6, 900_000)])
def test_the_last_wait_repeats(asks: int, wait: int) -> None:
    assert schedule.poll_ms(PACE, asks) == wait


def test_rest_is_10_minutes_doubling_and_ends_after_a_day() -> None:
    waits = [schedule.resting_due(asks, 1_000) for asks in range(10)]
    assert waits == [1_000 + 600_000 * 2**asks for asks in range(8)] + [None, None]


@given(st.integers(0, 10**9))
def test_I36_backoff_never_exceeds_its_cap_and_never_shrinks(tries: int) -> None:
    assert 1_000 <= schedule.backoff_ms(tries) <= schedule.backoff_ms(tries + 1) <= 300_000


def test_backoff_doubles_from_a_second() -> None:
    assert [schedule.backoff_ms(tries) for tries in range(10)] == [*(1_000 * 2**n for n in range(9)), 300_000]


@pytest.mark.parametrize(("asked_at", "wait"), [(0, 60_000), (899_999, 60_000), (900_000, 900_000)])
def test_what_is_out_and_not_waited_for_is_asked_about_each_minute_and_later_seldom(asked_at: int, wait: int) -> None:
    assert schedule.beside_due(0, asked_at) == asked_at + wait


# --- fees

BANDS = Fees("KES", (Band(Money.of(100, "KES"), Money.of(5, "KES")), Band(Money.of(1000, "KES"), Money.of(10, "KES"))))


@pytest.mark.parametrize(
    ("minor", "fee"),
    [(1, 5), (9_999, 5), (10_000, 5), (10_001, 10), (100_001, 10), (10**9, 10)],
)
def test_a_band_holds_up_to_and_including_its_end(minor: int, fee: int) -> None:
    assert BANDS.of(Money(minor, "KES")) == Money.of(fee, "KES")


def test_without_bands_there_is_no_fee() -> None:
    assert Fees("UGX").of(Money.of(5_000, "UGX")) == Money(0, "UGX")


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_I18_who_pays_more_pays_no_smaller_fee(one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert BANDS.of(Money(less, "KES")) <= BANDS.of(Money(more, "KES"))

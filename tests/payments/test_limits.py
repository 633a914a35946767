"""How often a phone may be prompted (S-43): each boundary, and the clock of the place."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from bot.payments.limits import DAY_MS, HOUR_MS, Caps, Counts, Held, held
from tests.payments.alone import NOTHING_SENT

CAPS, NOON, NAIROBI = Caps(), datetime(2026, 3, 1, 9, 0, tzinfo=UTC), "Africa/Nairobi"

#: The most that is still allowed, by whose phone it is: (field, own, other).
MOST = [("hour", 9, 1), ("day", 29, 3)]


def why(counts: Counts, *, own: bool, at: datetime = NOON, zone: str = NAIROBI) -> Held | None:
    return held(CAPS, counts, own=own, at=at, zone=zone)


def sent(field: str, count: int) -> Counts:
    hour = count if field == "hour" else 0
    return dataclasses.replace(NOTHING_SENT, hour=hour, day=count - hour)


@pytest.mark.parametrize("own", [True, False])
def test_a_phone_to_which_nothing_was_sent_may_be_prompted(own: bool) -> None:
    assert why(NOTHING_SENT, own=own) is None


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(("field", "most_own", "most_other"), MOST)
def test_S43_caps_hold_at_their_boundary(field: str, most_own: int, most_other: int, own: bool) -> None:
    most = most_own if own else most_other
    assert why(sent(field, most), own=own) is None
    assert why(sent(field, most + 1), own=own) is Held(field)


@pytest.mark.parametrize("own", [True, False])
def test_I01_a_phone_with_a_live_prompt_gets_no_other_whosever_it_is(own: bool) -> None:
    assert why(dataclasses.replace(NOTHING_SENT, live=1, hour=99, day=99, blocked=True), own=own) is Held.LIVE


@pytest.mark.parametrize(("targets", "own", "expected"), [(2, False, None), (3, False, Held.TARGETS), (3, True, None)])
def test_S43_who_has_asked_three_others_today_asks_no_fourth(targets: int, own: bool, expected: Held | None) -> None:
    assert why(dataclasses.replace(NOTHING_SENT, targets=targets), own=own) is expected


def test_S43_who_wrote_stop_is_prompted_by_nobody_but_themselves() -> None:
    stopped = dataclasses.replace(NOTHING_SENT, blocked=True)
    assert why(stopped, own=False) is Held.BLOCKED
    assert why(stopped, own=True) is None


@pytest.mark.parametrize(
    ("hour", "minute", "quiet"),
    [(6, 59, True), (7, 0, False), (20, 59, False), (21, 0, True), (23, 59, True), (0, 0, True)],
)
def test_S43_quiet_hours_are_those_of_the_place_and_for_others_phones_only(hour: int, minute: int, quiet: bool) -> None:
    local = datetime(2026, 3, 1, hour, minute, tzinfo=UTC)
    for offset, zone in ((3, NAIROBI), (0, "UTC"), (1, "Africa/Lagos")):
        at = local - timedelta(hours=offset)
        assert why(NOTHING_SENT, own=False, at=at, zone=zone) is (Held.QUIET if quiet else None)
        assert why(NOTHING_SENT, own=True, at=at, zone=zone) is None


def test_an_hour_and_a_day_are_what_the_counting_statement_says() -> None:
    assert (HOUR_MS, DAY_MS) == (3_600_000, 86_400_000)

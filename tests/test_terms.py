"""What the business decided: fees, caps and limits taken together; and where this service is reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import terms
from bot.i18n import Languages
from bot.payments.fees import Band, Fees
from bot.payments.limits import Caps
from bot.settings import FeeBand, Settings, SettingsError, load_settings
from integrations.contract.money import Money
from integrations.contract.outcomes import VendReason
from integrations.contract.parties import AmountRules
from tests.seams import HandClock, SeededRandom
from tests.town import MORNING, Network, town_settings


@pytest.fixture(autouse=True)
def _nobodys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def kes(shillings: int) -> Money:
    return Money.of(shillings, "KES")


RULES = AmountRules(kes(10), kes(1_000), kes(1))


def settings(**given_settings: Any) -> Settings:
    return load_settings(**given_settings)


def fees(*bands: tuple[int, int]) -> Fees:
    return Fees("KES", tuple(Band(kes(up_to), kes(fee)) for up_to, fee in bands))


# --- fees, caps and limits


def test_fee_bands_are_whole_units_in_rising_order() -> None:
    found = terms.fees_of(settings(fee_bands=[FeeBand(up_to=1_000, fee=25), FeeBand(up_to=100, fee=10)]))
    assert found == fees((100, 10), (1_000, 25))
    assert terms.fees_of(settings()).of(kes(5)) == kes(0)


def test_S43_caps_come_from_the_settings() -> None:
    assert terms.caps_of(settings()) == Caps()
    changed = settings(limits_own_hour=1, limits_other_day=0, limits_quiet_from_hour=24, limits_quiet_to_hour=0)
    assert terms.caps_of(changed) == Caps(own_hour=1, other_day=0, quiet_from_hour=24, quiet_to_hour=0)


@pytest.mark.parametrize(
    ("least", "most", "fee", "expected"),
    [
        (50, 500, fees(), (50, 500)),
        (5, 500, fees(), (10, 500)),
        (50, 5_000, fees(), (50, 1_000)),
        (50, 5_000, fees((100, 5), (5_000, 25)), (50, 975)),
        (50, 1_000, fees((1_000, 10)), (50, 990)),
        # The fee of a band that nobody can order in is not kept free.
        (50, 900, fees((900, 10), (5_000, 500)), (50, 900)),
        # A small amount may cost more than a large one.
        (50, 1_000, fees((990, 30), (5_000, 0)), (50, 970)),
    ],
)
def test_I18_the_utilitys_limits_and_one_prompt_bound_an_order(
    least: int, most: int, fee: Fees, expected: tuple[int, int]
) -> None:
    assert terms.bounds(kes(least), kes(most), RULES, fee) == tuple(map(kes, expected))


BANDS = st.dictionaries(st.integers(1, 1_500), st.integers(0, 60), max_size=4)


@given(BANDS, st.integers(1, 1_500), st.integers(1, 50), st.integers(1, 1_500))
def test_every_order_within_the_bounds_fits_into_one_prompt(
    bands: dict[int, int], most: int, step: int, amount: int
) -> None:
    fee, rules = fees(*sorted(bands.items())), replace(RULES, step=kes(step))
    minimum, maximum = terms.bounds(kes(1), kes(most), rules, fee)
    assert maximum.minor % rules.step.minor == 0
    if minimum <= kes(amount) <= maximum:
        assert rules.minimum <= kes(amount) <= kes(most)
        assert kes(amount) + fee.of(kes(amount)) <= rules.maximum


def test_the_trade_is_of_both_parties() -> None:
    from bot.app import mpesa_config, xmlvend_config
    from integrations.money.mpesa.adapter import Mpesa
    from integrations.utilities.xmlvend.adapter import XmlVend

    given_settings = town_settings().model_copy(
        update={"mpesa_maximum": 1_000, "fee_bands": [FeeBand(up_to=9, fee=10)]}
    )
    clock = HandClock(MORNING)
    money = Mpesa(mpesa_config(given_settings), Network().send, clock)
    utility = XmlVend(xmlvend_config(given_settings), Network().send, clock, SeededRandom(1))
    trade = terms.trade(given_settings, money, utility, Languages())
    assert (trade.minimum, trade.maximum, trade.step) == (kes(50), kes(990), kes(1))
    assert (trade.operator, trade.utility, trade.merchant) == ("mpesa", "xmlvend", "BILI")
    assert "en" in dict(trade.languages)


# --- what contradicts


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"amounts_minimum": 100, "amounts_maximum": 99}, "BILI_AMOUNTS_MINIMUM"),
        ({"fee_bands": [FeeBand(up_to=9, fee=1), FeeBand(up_to=9, fee=2)]}, "BILI_FEE_BANDS"),
        ({"limits_quiet_from_hour": 6}, "BILI_LIMITS_QUIET_FROM_HOUR"),
        ({"limits_quiet_from_hour": 7}, "BILI_LIMITS_QUIET_FROM_HOUR"),
    ],
)
def test_settings_that_contradict_each_other_are_named(wrong: dict[str, Any], name: str) -> None:
    [sentence] = terms.contradictions(settings(**wrong))
    assert sentence.startswith(f"{name} ")


@pytest.mark.parametrize("fine", [{}, {"limits_quiet_from_hour": 24, "limits_quiet_to_hour": 0}])
def test_settings_that_agree_are_fine(fine: dict[str, Any]) -> None:
    assert list(terms.contradictions(settings(**fine))) == []


def test_texts_of_a_vending_server_are_given_one_of_our_reasons() -> None:
    assert terms.known_texts({"Asleep": "blocked"}) == {"Asleep": VendReason.BLOCKED}
    with pytest.raises(ValueError, match="known_texts gives a reason that is none of unknown_meter, blocked"):
        terms.known_texts({"Asleep": "asleep"})


@pytest.mark.parametrize(
    ("given_settings", "expected"),
    [
        ({}, False),
        ({"twilio_sms_from": "BILI", "twilio_content_api_url": "https://content.twilio.com"}, False),
        ({"twilio_account_sid": "AC"}, True),
        ({"twilio_auth_token": "x"}, True),
        ({"twilio_whatsapp_from": "+14155238886"}, True),
    ],
)
def test_a_whatsapp_sender_is_meant_by_any_part_of_it(given_settings: dict[str, Any], expected: bool) -> None:
    assert terms.has_twilio(settings(**given_settings)) == expected


# --- addresses


@pytest.mark.parametrize("url", ["http://127.0.0.1:8090", "http://127.8.9.1", "http://localhost/x", "http://[::1]:5"])
def test_this_machine_is_known_by_its_addresses(url: str) -> None:
    assert terms.is_loopback(url)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "https://localhost.example.org", "https://0.0.0.0", "", "localhost"]
)
def test_others_are_not_taken_for_this_machine(url: str) -> None:
    assert not terms.is_loopback(url)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104  it is read, not listened on
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("10.0.0.5", "http://10.0.0.5:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_own_address_is_one_that_can_be_asked(host: str, address: str) -> None:
    assert terms.own_address(settings(host=host, port=80)) == address


def test_an_operator_calls_back_to_the_public_address_or_on_this_machine() -> None:
    public, private = settings(public_url="https://pay.example.org/"), settings(port=81)
    assert terms.callback_base(public, "M-Pesa", "https://api.example.org") == "https://pay.example.org"
    assert terms.callback_base(public, "M-Pesa", "http://127.0.0.1:9") == "https://pay.example.org"
    assert terms.callback_base(private, "M-Pesa", "http://127.0.0.1:9") == "http://127.0.0.1:81"
    with pytest.raises(SettingsError, match="BILI_PUBLIC_URL is missing: M-Pesa must be given an https address"):
        terms.callback_base(private, "M-Pesa", "https://api.example.org")

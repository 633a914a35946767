"""Settings that cannot work are named before anything is sent, all of them at once."""

from __future__ import annotations

import pytest

from integrations.contract.people import Secret
from integrations.money.mpesa.config import PRODUCTION_URL, SANDBOX_URL, MpesaConfig
from tests.money.mpesa.world import config


def test_four_settings_are_enough() -> None:
    made = MpesaConfig(
        consumer_key=Secret("test-key"),
        consumer_secret=Secret("test-secret"),
        shortcode="600000",
        passkey=Secret("test"),
    )
    assert made.problems() == []
    assert (made.api_url, made.payee, made.maximum) == (PRODUCTION_URL, "600000", 250_000)


def test_a_till_is_its_own_payee() -> None:
    assert config(party_b="555123").payee == "555123"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"consumer_key": Secret("")}, "consumer_key"),
        ({"consumer_secret": Secret("")}, "consumer_secret"),
        ({"passkey": Secret("")}, "passkey"),
        ({"shortcode": ""}, "shortcode"),
        ({"shortcode": "17437A", "party_b": "174379"}, "shortcode"),
        ({"shortcode": "12345678", "party_b": "174379"}, "shortcode"),
        ({"party_b": "till"}, "party_b"),
        ({"transaction_type": "CustomerBuyGoods"}, "transaction_type"),
        ({"minimum": 0}, "minimum"),
        ({"minimum": 100, "maximum": 99}, "minimum"),
        ({"token_timeout_seconds": 31.0}, "token_timeout_seconds"),
        ({"polls_seconds": ()}, "polls_seconds"),
        ({"polls_seconds": (10.0, 0.0)}, "polls_seconds"),
        ({"api_url": ""}, "api_url"),
        ({"api_url": "api.safaricom.co.ke"}, "api_url"),
        ({"api_url": "http://api.safaricom.co.ke"}, "api_url"),
        ({"api_url": "https://[api"}, "api_url"),
    ],
)
def test_a_setting_that_cannot_work_is_named(changes: dict[str, object], named: str) -> None:
    problems = config(**changes).problems()
    assert len(problems) == 1
    assert named in problems[0]


def test_everything_wrong_is_said_at_once() -> None:
    assert len(config(consumer_key=Secret(""), passkey=Secret(""), shortcode="1", maximum=0).problems()) == 4


@pytest.mark.parametrize("url", [SANDBOX_URL, "https://daraja.test", "http://127.0.0.1:9100", "http://sandbox:9100/"])
def test_anyones_simulator_can_stand_in(url: str) -> None:
    assert config(api_url=url).problems() == []


def test_S41_settings_are_printed_without_their_secrets() -> None:
    assert "test-" not in repr(config())


@pytest.mark.parametrize(
    "url",
    ["https://bili.test/c/00aa11bb22cc33dd44ee55ff66778899", "https://bili.test:8443/c/deadbeef"],
)
def test_S08_a_neutral_address_has_no_problem(url: str) -> None:
    assert config().callback_problem(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/c/00aa",
        "bili.test/c/00aa",
        "ftp://bili.test/c/00aa",
        "http://bili.test/c/00aa",
        "https:///c/00aa",
        "https://[bili/c/00aa",
        "https://bili.test/c/ 00aa",
        "https://<your-host>/c/00aa",
        "https://bili.test/c/\u00e9",
        "https://bili.test/mpesa/00aa",
        "https://bili.test/M-PESA/00aa",
        "https://safaricom.bili.test/c/00aa",
        "https://bili.test/c/aaExEbb",
        "https://bili.test/c/aacmdbb",
        "https://bili.test/c/aasqlbb",
        "https://bili.test/c?query=1",
    ],
)
def test_S08_an_address_daraja_would_refuse_has_a_problem(url: str) -> None:
    assert config().callback_problem(url) != ""


def test_plain_http_will_do_where_daraja_itself_is_plain_http() -> None:
    here = config(api_url="http://127.0.0.1:9100")
    assert here.callback_problem("http://127.0.0.1:8080/c/00aa") == ""
    assert here.callback_problem("https://bili.test/c/00aa") == ""


def test_S08_no_hexadecimal_token_can_spell_a_banned_word() -> None:
    assert not any(set(word) <= set("0123456789abcdef") for word in config().banned_words)

"""`bili serve --sandbox`: a party without settings is replaced, one with half of them is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.practice import practised, unset
from bot.settings import Settings, load_settings, revealed
from integrations.sandbox.host import SandboxConfig

ADDRESS, SANDBOX = "http://127.0.0.1:8090", SandboxConfig()


@pytest.fixture(autouse=True)
def _nobodys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(**given: Any) -> Settings:
    return load_settings(**given)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["Telegram", "WhatsApp", "M-Pesa", "the utility"]),
        ({"telegram_token": "1:real"}, ["WhatsApp", "M-Pesa", "the utility"]),
        ({"mpesa_passkey": "half"}, ["Telegram", "WhatsApp", "the utility"]),
        ({"xmlvend_client_id": "half", "telegram_token": "1:real", "mpesa_shortcode": "600000"}, ["WhatsApp"]),
        ({"twilio_account_sid": "half"}, ["Telegram", "M-Pesa", "the utility"]),
        ({"twilio_auth_token": "half"}, ["Telegram", "M-Pesa", "the utility"]),
        ({"twilio_whatsapp_from": "half"}, ["Telegram", "M-Pesa", "the utility"]),
        (
            {"mpesa_api_url": "https://api.example.org", "twilio_api_url": "https://x", "twilio_sms_from": "BILI"},
            ["Telegram", "WhatsApp", "M-Pesa", "the utility"],
        ),
    ],
)
def test_a_party_is_unset_while_nothing_that_opens_it_is_given(given: dict[str, Any], missing: list[str]) -> None:
    assert unset(settings(**given)) == missing


def test_everything_unset_is_replaced() -> None:
    found = practised(settings(), SANDBOX, ADDRESS)
    assert unset(found) == []
    assert (found.telegram_api_url, found.mpesa_api_url, found.xmlvend_url) == (ADDRESS, ADDRESS, f"{ADDRESS}/xmlvend")
    assert revealed(found.telegram_token).reveal() == SANDBOX.telegram_token
    assert revealed(found.mpesa_passkey).reveal() == SANDBOX.daraja_passkey
    assert revealed(found.xmlvend_password).reveal() == SANDBOX.xmlvend_password
    assert (found.twilio_api_url, found.twilio_content_api_url) == (ADDRESS, ADDRESS)
    assert (found.twilio_account_sid, found.twilio_whatsapp_from, found.twilio_sms_from) == (
        SANDBOX.twilio_account_sid, SANDBOX.twilio_whatsapp_from, SANDBOX.twilio_sms_from,
    )  # fmt: skip
    assert revealed(found.twilio_auth_token).reveal() == SANDBOX.twilio_auth_token


def test_what_is_set_stays_and_the_rest_of_an_unset_party_does_not() -> None:
    real = settings(telegram_token="1:real", mpesa_party_b="12345", mpesa_transaction_type="CustomerBuyGoodsOnline")
    found = practised(real, SANDBOX, ADDRESS)
    assert revealed(found.telegram_token).reveal() == "1:real"
    assert found.telegram_api_url == "https://api.telegram.org"
    assert (found.mpesa_party_b, found.mpesa_transaction_type) == ("", "CustomerPayBillOnline")


def test_a_real_whatsapp_sender_keeps_its_addresses() -> None:
    real = settings(twilio_account_sid="AC" + "0" * 32, twilio_auth_token="real", twilio_whatsapp_from="+14155238886")
    found = practised(real, SANDBOX, ADDRESS)
    assert (found.twilio_api_url, found.twilio_content_api_url) == ("https://api.twilio.com", "")
    assert (found.twilio_whatsapp_from, found.twilio_sms_from) == ("+14155238886", "")
    assert found.telegram_api_url == ADDRESS

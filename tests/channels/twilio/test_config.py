"""The settings: what is refused, by the field's name and never by its value."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.channels.twilio.config import TwilioConfig, basic
from integrations.contract.people import Secret
from tests.channels.twilio.stage import ACCOUNT

GOOD: dict[str, Any] = {
    "account_sid": ACCOUNT,
    "auth_token": Secret("test-auth-token"),
    "whatsapp_from": "+14155238886",
    "public_url": "https://bili.test",
}


def test_what_has_a_default_need_not_be_said() -> None:
    config = TwilioConfig(**GOOD)
    assert config.api_url == "https://api.twilio.com"
    assert (config.content_api_url, config.sms_from, config.messaging_service_sid) == ("", "", "")
    assert (config.timeout_seconds, config.per_second) == (15.0, 80)
    assert (config.previous_auth_token, dict(config.shared_keys)) == (None, {})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("account_sid", ["", "AC", ACCOUNT[:-1], ACCOUNT + "0", "SK" + "0" * 32, "AC" + "g" * 32, ACCOUNT + "\n"]),
        ("auth_token", [Secret(""), Secret("to ken"), Secret("token\n"), Secret("tökén")]),
        ("previous_auth_token", [Secret(""), Secret("\n")]),
        ("shared_keys", [{"": Secret("x")}, {"key": Secret("")}, {"key": Secret("a b")}]),
        ("whatsapp_from", ["", "14155238886", "whatsapp:+14155238886", "+0155238886", "+1415", "+14155238886 "]),
        ("sms_from", ["whatsapp:+14155238886", "Twelve chars", "sms!", "1" * 20, "Bi\nli"]),
        ("messaging_service_sid", ["MG", "MG" + "0" * 31, "MG" + "z" * 32, ACCOUNT]),
        (
            "api_url",
            ["", "api.twilio.com", "https://api.twilio.com/", "ftp://x", "https://x?y", "https://x#y", "https://"],
        ),
        ("content_api_url", ["no-address", "https://content.twilio.com/", "https://u:p@x", "https://x:port"]),
        ("public_url", ["", "bili.test", "https://bili.test/", "https://a_b.test", "https://bili.test?", "https://[x"]),
        ("timeout_seconds", [0.0, -1.0]),
        ("per_second", [-1]),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown(field: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"^{field} ") as refused:
            TwilioConfig(**{**GOOD, field: value})
        shown = value.reveal() if isinstance(value, Secret) else value if isinstance(value, str) else ""
        assert len(shown) < 4 or shown not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("account_sid", ["AC" + "aF" * 16]),
        ("sms_from", ["+254700000100", "40404", "BILI", "Bili Pay"]),
        ("messaging_service_sid", ["MG" + "0" * 32]),
        ("api_url", ["http://127.0.0.1:8900", "https://twilio.test/prefix", "https://[::1]:8443"]),
        ("content_api_url", ["", "https://content.twilio.com"]),
        ("public_url", ["https://bili.test:8443", "https://bili.test/behind/a/prefix"]),
        ("per_second", [0]),
    ],
)
def test_a_right_setting_is_taken(field: str, values: list[Any]) -> None:
    for value in values:
        assert getattr(TwilioConfig(**{**GOOD, field: value}), field) == value


def test_printing_the_settings_shows_no_secret() -> None:
    config = TwilioConfig(**GOOD, previous_auth_token=Secret("old-token"), shared_keys={"key": Secret("shared-secret")})
    for secret in ("test-auth-token", "old-token", "shared-secret"):
        assert secret not in repr(config)


def test_credentials_are_those_of_rfc_7617() -> None:
    assert basic("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="

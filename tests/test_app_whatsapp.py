"""The composition root where there is a WhatsApp sender: half of one is told, and what is set reaches it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import app
from bot.app.running import _hear
from bot.service import Service
from bot.settings import Settings
from integrations.contract.exchange import NotSent, Request, Sent
from tests.seams import HandClock
from tests.test_app import WHATSAPP, settings, told
from tests.town import MORNING


@pytest.fixture(autouse=True)
def _nobodys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def nowhere(_request: Request, _deadline: float) -> Sent:
    return NotSent("no network in this test")


def ways(given: Settings) -> list[str]:
    return list(app.channels(given, nowhere, HandClock(MORNING)))


def test_whatsapp_may_stand_alone_or_beside_telegram_and_brings_sms_where_there_is_a_sender() -> None:
    assert told(settings(**WHATSAPP)) == told(settings(**WHATSAPP, telegram_token=None)) == []
    assert ways(settings()) == ["telegram"]
    assert ways(settings(**WHATSAPP)) == ["telegram", "whatsapp"]
    assert ways(settings(**WHATSAPP, telegram_token=None, twilio_sms_from="BILI")) == ["whatsapp", "sms"]
    service = settings(**WHATSAPP, twilio_messaging_service_sid="MG" + "0" * 32)
    assert ways(service) == ["telegram", "whatsapp", "sms"]


@pytest.mark.parametrize("kept", list(WHATSAPP))
def test_F149_half_a_sender_is_not_passed_over_and_all_that_is_missing_is_named(kept: str) -> None:
    lines = told(settings(**{kept: WHATSAPP[kept]}, telegram_token=None))
    assert [line.split()[0] for line in lines] == [f"BILI_{name.upper()}" for name in WHATSAPP if name != kept]


def test_without_any_channel_both_ways_to_one_are_named() -> None:
    [line] = told(settings(telegram_token=None))
    assert line.startswith("BILI_TELEGRAM_TOKEN is missing")
    assert "BILI_TWILIO_" in line


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"twilio_auth_token": "hunter 2"}, "BILI_TWILIO_AUTH_TOKEN is empty or has characters that no token has"),
        ({"twilio_whatsapp_from": "hunter2"}, "BILI_TWILIO_WHATSAPP_FROM is E.164"),
        ({"twilio_sms_from": "+hunter2 hunter2"}, "BILI_TWILIO_SMS_FROM is a number in E.164"),
        ({"twilio_messaging_service_sid": "hunter2"}, "BILI_TWILIO_MESSAGING_SERVICE_SID is MG"),
        ({"twilio_previous_auth_token": "hunter 2"}, "BILI_TWILIO_PREVIOUS_AUTH_TOKEN is empty or"),
        ({"twilio_shared_keys": "hunter2"}, "BILI_TWILIO_SHARED_KEYS has an empty id"),
        ({"twilio_shared_keys": "=hunter2"}, "BILI_TWILIO_SHARED_KEYS has an empty id"),
        ({"public_url": "https://bili_pay.example.org"}, "BILI_PUBLIC_URL has an underscore in its host"),
    ],
)
def test_one_wrong_setting_of_whatsapp_is_one_sentence_under_its_name(wrong: dict[str, Any], sentence: str) -> None:
    [line] = told(settings(**{**WHATSAPP, **wrong}))
    assert line.startswith(sentence)
    assert "hunter2" not in line


def test_whatsapp_needs_a_public_address_unless_it_is_on_this_machine() -> None:
    here = {"mpesa_api_url": "http://127.0.0.1:8090", "public_url": None}
    [line] = told(settings(**WHATSAPP, **here))
    assert line.startswith("BILI_PUBLIC_URL is missing: Twilio must be given an https address")
    assert told(settings(**WHATSAPP, **here, twilio_api_url="http://127.0.0.1:8090")) == []


def test_what_is_set_for_whatsapp_reaches_it() -> None:
    config = app.twilio_config(
        settings(
            **WHATSAPP, twilio_previous_auth_token="the-one-before", twilio_shared_keys="one=secret=,two=other",
            twilio_sms_from="BILI", twilio_api_url="http://127.0.0.1:1/", twilio_content_api_url="http://127.0.0.1:2",
            twilio_timeout_seconds=7, twilio_per_second=10,
        )
    )  # fmt: skip
    assert (config.account_sid, config.auth_token.reveal()) == ("AC" + "0" * 32, "test-auth-token")
    assert config.previous_auth_token is not None
    assert config.previous_auth_token.reveal() == "the-one-before"
    assert {name: key.reveal() for name, key in config.shared_keys.items()} == {"one": "secret=", "two": "other"}
    assert (config.whatsapp_from, config.sms_from, config.messaging_service_sid) == ("+14155238886", "BILI", "")
    assert (config.api_url, config.content_api_url) == ("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert (config.public_url, config.timeout_seconds, config.per_second) == ("https://pay.example.org", 7, 10)


async def test_what_each_channel_needs_beside_its_webhook_is_kept_running() -> None:
    kept: list[str] = []
    spawned: list[str] = []

    def spawn(name: str, work: Any) -> None:
        spawned.append(name)
        work.close()

    tasks = SimpleNamespace(keep=lambda name, _run: kept.append(name), spawn=spawn)
    service = cast("Service", SimpleNamespace(outfit=SimpleNamespace(tasks=tasks, store=None), ingress=None))
    store = {"twilio_content_api_url": "http://127.0.0.1:2"}
    for given, practising in ((settings(**WHATSAPP), False), (settings(**WHATSAPP, **store), True)):
        clock = HandClock(MORNING)
        _hear(given, app.channels(given, nowhere, clock), service, nowhere, clock, practising=practising)
    assert kept == ["telegram", "whatsapp.catch_up"] * 2
    assert spawned == ["templates"], "made in a sandbox only"

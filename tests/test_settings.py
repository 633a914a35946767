"""The settings: where they come from, what outweighs what, and that every fault is named and no value is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.settings import Settings, SettingsError, first_of_each, load_settings, named, read_settings, revealed

KEY = "a-test-key-that-opens-nothing-at-all"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def faults() -> list[str]:
    return read_settings()[1]


# --- where they come from


def test_a_section_of_the_toml_is_a_prefix(folder: Path) -> None:
    (folder / "bili.toml").write_text('log_level = "debug"\n[telegram]\napi_url = "http://t"\n[limits]\nown_day = 7\n')
    settings = load_settings()
    assert (settings.log_level, settings.telegram_api_url, settings.limits_own_day) == ("debug", "http://t", 7)


def test_the_environment_outweighs_dotenv_which_outweighs_the_toml(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bili.toml").write_text(
        '[business]\ncountry = "TZ"\n[support]\ncontact = "toml"\n[xmlvend]\ntitle = "toml"\n'
    )
    (folder / ".env").write_text("BILI_SUPPORT_CONTACT=dotenv\nBILI_XMLVEND_TITLE=dotenv\n")
    monkeypatch.setenv("BILI_XMLVEND_TITLE", "environment")
    settings = load_settings()
    assert (settings.business_country, settings.support_contact, settings.xmlvend_title) == (
        "TZ", "dotenv", "environment",
    )  # fmt: skip


def test_an_empty_value_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_PORT", "")
    monkeypatch.setenv("BILI_TELEGRAM_TOKEN", "")
    settings = load_settings()
    assert settings.port == 8080
    assert settings.telegram_token is None
    assert not revealed(settings.telegram_token).reveal()


@pytest.mark.parametrize("text", ["10, 5,2.5", "10,5,2.5,"])
def test_lists_stand_between_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BILI_MPESA_POLLS_SECONDS", text)
    monkeypatch.setenv("BILI_MPESA_DOUBTFUL_CODES", "17, SFC_IC0003")
    monkeypatch.setenv("BILI_XMLVEND_METER_LENGTHS", "11")
    settings = load_settings()
    assert list(settings.mpesa_polls_seconds or ()) == [10, 5, 2.5]
    assert settings.mpesa_doubtful_codes == ("17", "SFC_IC0003")
    assert settings.xmlvend_meter_lengths == (11,)


def test_lists_are_lists_in_the_toml_and_codes_may_be_numbers(folder: Path) -> None:
    (folder / "bili.toml").write_text("[mpesa]\npolls_seconds = [10, 2.5]\ndoubtful_codes = [17]\nbanned_words = []\n")
    settings = load_settings()
    assert list(settings.mpesa_polls_seconds or ()) == [10, 2.5]
    assert settings.mpesa_doubtful_codes == ("17",)
    assert settings.mpesa_banned_words == ()


def test_tables_are_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_FEE_BANDS", '[{"up_to": 1000, "fee": 10}]')
    monkeypatch.setenv("BILI_XMLVEND_KNOWN_TEXTS", '{"Meter is asleep": "blocked"}')
    settings = load_settings()
    assert [(band.up_to, band.fee) for band in settings.fee_bands] == [(1000, 10)]
    assert settings.xmlvend_known_texts == {"Meter is asleep": "blocked"}


def test_addresses_lose_their_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_PUBLIC_URL", "https://pay.example.org/")
    monkeypatch.setenv("BILI_XMLVEND_URL", "https://utility.example.org/vend/")
    settings = load_settings()
    assert (settings.public_url, settings.xmlvend_url) == (
        "https://pay.example.org", "https://utility.example.org/vend",
    )  # fmt: skip


def test_shared_keys_of_twilio_stand_between_commas_each_with_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_TWILIO_SHARED_KEYS", "one=hunter2=, two=hunter3")
    settings = load_settings()
    assert [key.get_secret_value() for key in settings.twilio_shared_keys] == ["one=hunter2=", "two=hunter3"]
    assert "hunter" not in repr(settings)


# --- what is wrong with them


def test_F149_every_wrong_setting_is_named_at_once_and_stands_at_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "BILI_DATABASE_URL": "mysql://bili:hunter2@db/bili",
        "BILI_SECRET_KEY": "hunter2",
        "BILI_PREVIOUS_SECRET_KEYS": f"{KEY},hunter2",
        "BILI_PORT": "hunter2",
        "BILI_PUBLIC_URL": "pay.example.org/hunter2",
        "BILI_LOG_LEVEL": "hunter2",
        "BILI_MPESA_API_URL": "https://[hunter2",
        "BILI_MPESA_MAXIMUM": "0",
        "BILI_MPESA_POLLS_SECONDS": "10,hunter2",
        "BILI_XMLVEND_KNOWN_TEXTS": "[hunter2",
        "BILI_BUSINESS_COUNTRY": "hunter2",
        "BILI_BUSINESS_CURRENCY": "hunter2",
        "BILI_BUSINESS_TIME_ZONE": "Hunter/2",
        "BILI_FEE_BANDS": '[{"up_to": "hunter2", "fee": 1}]',
        "BILI_LIMITS_QUIET_FROM_HOUR": "25",
        "BILI_TWILIO_API_URL": "hunter2",
        "BILI_TWILIO_CONTENT_API_URL": "ftp://hunter2",
        "BILI_TWILIO_TIMEOUT_SECONDS": "0",
        "BILI_TWILIO_PER_SECOND": "-1",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    settings, found = read_settings()
    assert settings == Settings.model_construct()
    assert {line.split()[0].rstrip(":") for line in found} == set(wrong)
    assert len(found) == len(wrong)
    assert "hunter2" not in "\n".join(found).lower()


def test_the_place_inside_a_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_FEE_BANDS", '[{"up_to": 10, "fee": 1}, {"up_to": 20}]')
    assert faults() == ["BILI_FEE_BANDS (1.fee): Field required"]


def test_load_settings_raises_them_all_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_PORT", "0")
    monkeypatch.setenv("BILI_PROXY_HOPS", "-1")
    with pytest.raises(SettingsError, match=r"(?s)BILI_PORT: .*\nBILI_PROXY_HOPS: "):
        load_settings()


def test_a_setting_of_the_toml_that_does_not_exist_is_told(folder: Path) -> None:
    (folder / "bili.toml").write_text("[amount]\nmaximum = 500\n[limits]\nown_hours = 3\n[feebands]\n")
    assert faults() == [
        "bili.toml: there is no setting amount.maximum",
        "bili.toml: there is no setting limits.own_hours",
    ]


@pytest.mark.parametrize(("content", "why"), [(b"[business\n", "line 1"), (b"\xff", "UnicodeDecodeError")])
def test_a_toml_that_cannot_be_read_is_told_with_the_place(folder: Path, content: bytes, why: str) -> None:
    (folder / "bili.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=rf"bili\.toml cannot be read: .*{why}"):
        load_settings()


def test_one_sentence_a_setting_and_every_line_of_the_toml() -> None:
    found = [
        "BILI_A: too long",
        "bili.toml: no x",
        "bili.toml: no y",
        "BILI_A is missing.",
        "BILI_B_…: p",
        "BILI_B_…: q",
    ]
    assert list(first_of_each(found)) == [
        "BILI_A: too long",
        "bili.toml: no x",
        "bili.toml: no y",
        "BILI_B_…: p",
        "BILI_B_…: q",
    ]


def test_an_adapters_sentence_is_put_under_the_name_the_setting_has_here() -> None:
    assert named("mpesa", "consumer_key is empty") == "BILI_MPESA_CONSUMER_KEY is empty"
    assert named("xmlvend", "limits are in another currency") == "BILI_XMLVEND_…: limits are in another currency"


# --- secrets


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert len(secrets) > 6
    for name in secrets:
        monkeypatch.setenv(f"BILI_{name.upper()}", f"hunter2-{KEY}")
    monkeypatch.setenv("BILI_DATABASE_URL", "postgresql://bili:hunter2@db/bili")
    monkeypatch.setenv("BILI_XMLVEND_URL", "https://us:hunter2@utility.example.org")
    settings = load_settings()
    assert "hunter2" not in f"{settings!r} {settings} {settings.key()} {settings.previous_keys()}"
    assert settings.key().reveal() == f"hunter2-{KEY}"
    assert [key.reveal() for key in settings.previous_keys()] == [f"hunter2-{KEY}"]


def test_a_missing_key_is_told_with_the_way_to_one() -> None:
    with pytest.raises(SettingsError, match=r"BILI_SECRET_KEY is missing\. Make one with  bili secret"):
        load_settings().key()


def test_S03_the_webhook_secret_is_derived_from_the_key_or_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    derived = load_settings(secret_key=KEY).webhook_secret()
    assert derived == load_settings(secret_key=KEY).webhook_secret()
    assert derived != load_settings(secret_key=KEY[::-1]).webhook_secret()
    assert KEY not in derived.reveal()
    assert len(derived.reveal()) == 64
    monkeypatch.setenv("BILI_TELEGRAM_WEBHOOK_SECRET", "s" * 32)
    assert load_settings(secret_key=KEY).webhook_secret().reveal() == "s" * 32


def test_a_secret_is_revealed_on_purpose_only() -> None:
    assert revealed(SecretStr("hunter2")).reveal() == "hunter2"
    assert "hunter2" not in str(revealed(SecretStr("hunter2")))


def test_the_toml_holds_no_section_inside_a_section_but_for_tables_of_one_setting(folder: Path) -> None:
    text = '[xmlvend]\ntitle = "Umoja"\n[xmlvend.known_texts]\n"Asleep" = "blocked"\n'
    (folder / "bili.toml").write_text(text)
    assert load_settings().xmlvend_known_texts == tomllib.loads(text)["xmlvend"]["known_texts"]

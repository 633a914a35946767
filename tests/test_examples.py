"""The example files name settings that exist, show the true defaults, and are taken as they stand."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot import app, practice, terms
from bot.payments.limits import Caps
from bot.settings import Settings, load_settings
from integrations.contract.outcomes import VendReason
from integrations.sandbox.host import SandboxConfig
from tests.tidy import ROOT

ENVIRONMENT = (ROOT / ".env.example").read_text(encoding="utf-8")
BUSINESS = (ROOT / "bili.example.toml").read_text(encoding="utf-8")
SET = re.compile(r"^(#?)BILI_([A-Z0-9_]+)=(.*)$", re.MULTILINE)

#: Shown by an example, or by what an empty value stands for.
MADE_UP = {"public_url", "mpesa_api_url", "twilio_shared_keys"}


@pytest.fixture
def business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example as its `bili.toml`, every optional line switched on."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bili.toml"
    path.write_text(re.sub(r"^#(?! )(.+)$", r"\1", BUSINESS, flags=re.MULTILINE), encoding="utf-8")
    return path


def test_every_line_of_the_environment_is_a_setting_at_its_default() -> None:
    lines = SET.findall(ENVIRONMENT)
    assert len(lines) > 15
    for commented, upper, shown in lines:
        field = Settings.model_fields[upper.lower()]
        if commented and shown and upper.lower() not in MADE_UP:
            assert shown == str(field.default), upper
        elif not commented:
            assert shown == "", f"{upper} is to be filled in, not to be copied"


def test_no_secret_stands_in_the_examples() -> None:
    secrets = {name for name, field in Settings.model_fields.items() if SecretStr in _members(field.annotation)}
    assert "mpesa_passkey" in secrets
    assert [upper for _, upper, shown in SET.findall(ENVIRONMENT) if upper.lower() in secrets and shown] == []
    assert not any(name.partition("_")[2] in BUSINESS for name in secrets)


def test_every_line_of_the_business_is_taken(business: Path) -> None:
    settings = load_settings()
    assert (settings.business_country, settings.support_contact) == ("KE", "0700 000 000")
    assert [(band.up_to, band.fee) for band in settings.fee_bands] == [(1_000, 10), (35_000, 25)]
    sections = tomllib.loads(business.read_text(encoding="utf-8"))
    names = {f"{section}_{key}" for section, lines in sections.items() for key in lines}
    assert names <= set(Settings.model_fields)


def test_every_setting_is_shown_in_exactly_one_of_the_examples(business: Path) -> None:
    sections = tomllib.loads(business.read_text(encoding="utf-8"))
    decided = [f"{section}_{key}" for section, lines in sections.items() for key in lines]
    shown = [upper.lower() for _, upper, _ in SET.findall(ENVIRONMENT)]
    assert sorted(decided + shown) == sorted(Settings.model_fields)


def test_the_business_example_shows_the_adapters_own_defaults(business: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = with_parties(load_settings())
    monkeypatch.setattr("bot.settings.TOML_FILE", business.with_name("none.toml"))
    plain = with_parties(load_settings())
    money, utility = app.mpesa_config(shown), app.xmlvend_config(shown)
    assert money.doubtful_codes == {"17"}
    assert replace(money, doubtful_codes=frozenset()) == app.mpesa_config(plain)
    assert utility.known_texts == {"VD.01010001": VendReason.NOT_DUE}
    assert replace(utility, known_texts={}) == app.xmlvend_config(plain)
    assert terms.caps_of(shown) == terms.caps_of(plain) == Caps()


def test_a_copy_of_the_environments_example_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = load_settings()
    (tmp_path / ".env").write_text(ENVIRONMENT, encoding="utf-8")
    assert load_settings() == before
    assert practice.unset(load_settings()) == ["Telegram", "WhatsApp", "M-Pesa", "the utility"]


def with_parties(settings: Settings) -> Settings:
    """The settings with every party at a sandbox."""
    return practice.practised(settings, SandboxConfig(), "http://127.0.0.1:8090")


def _members(annotation: object) -> tuple[object, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))

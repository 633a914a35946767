"""The example files name settings that exist, show the true defaults, and are taken as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.settings import Settings, load_settings
from tests.tidy import ROOT

ENVIRONMENT = (ROOT / ".env.example").read_text(encoding="utf-8")
BUSINESS = (ROOT / "bili.example.toml").read_text(encoding="utf-8")
SET = re.compile(r"^(#?)BILI_([A-Z0-9_]+)=(.*)$", re.MULTILINE)

#: Shown by an example, or by what an empty value stands for.
MADE_UP = {"public_url", "mpesa_api_url"}


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


def _members(annotation: object) -> tuple[object, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))

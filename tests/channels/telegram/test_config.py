"""A wrong setting is found at start and named without its value."""

from __future__ import annotations

import pytest

from integrations.channels.telegram.config import TelegramConfig
from integrations.contract.people import Secret
from tests.channels.telegram.stage import SECRET, TOKEN


def config(
    token: str = TOKEN, secret: str = SECRET, previous: str | None = None, url: str = "https://telegram.test"
) -> TelegramConfig:
    old = None if previous is None else Secret(previous)
    return TelegramConfig(token=Secret(token), webhook_secret=Secret(secret), previous_webhook_secret=old, api_url=url)


def test_the_real_telegram_is_the_default() -> None:
    assert TelegramConfig(token=Secret(TOKEN), webhook_secret=Secret(SECRET)).api_url == "https://api.telegram.org"


@pytest.mark.parametrize("token", ["", "700", "test-token", "700:a/b", "700:a b", "bot700:abc", "700:"])
def test_a_token_that_cannot_be_one_is_refused_unquoted(token: str) -> None:
    with pytest.raises(ValueError, match="token") as refused:
        config(token=token)
    assert not token or token not in str(refused.value)


@pytest.mark.parametrize("secret", ["", "x" * 31, "x" * 257, "x" * 31 + "/", "x" * 31 + "é", "x" * 32 + "\n"])
def test_S03_a_weak_or_impossible_webhook_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        config(secret=secret)
    with pytest.raises(ValueError, match="secret"):
        config(previous=secret)


def test_S03_secrets_at_their_bounds_are_taken() -> None:
    config(secret="x" * 32, previous="Aa0_-" * 51)


def test_an_address_with_a_slash_at_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="slash"):
        config(url="https://telegram.test/")


def test_printing_the_settings_shows_no_secret() -> None:
    printed = repr(config(previous="y" * 40))
    assert TOKEN not in printed
    assert SECRET not in printed
    assert "y" * 40 not in printed

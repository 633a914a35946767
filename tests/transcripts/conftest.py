"""`pytest tests/transcripts --update` writes into the stories what the bot says now. It is for a person to read after."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption("--update", action="store_true", help="rewrite the bot's lines in the stories of tests/transcripts")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse it where nobody reads what it wrote."""
    if config.getoption("--update", default=False) and os.environ.get("CI") == "true":
        raise pytest.UsageError("--update is for a person who then reads the difference; CI only compares")

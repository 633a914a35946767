"""`pytest tests/transcripts --update` writes into the stories what the bot says now, for a person to read after it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.transcripts.theatre import Theatre

IN_MEMORY = Path("/dev/shm")  # noqa: S108  only fresh, private folders are made in it


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option."""
    parser.addoption(
        "--update", action="store_true", help="rewrite the bot's lines in the stories of tests/transcripts"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse it where nobody reads what it wrote."""
    if config.getoption("--update", default=False) and os.environ.get("CI") == "true":
        raise pytest.UsageError("--update is for a person who then reads the difference; CI only compares")


@pytest.fixture
def theatre(sqlite_template: Path) -> Iterator[Theatre]:
    """A theatre. Nobody pulls the plug on a test, so its files may lie in memory where that can be had."""
    with TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        yield Theatre(sqlite_template, Path(folder))

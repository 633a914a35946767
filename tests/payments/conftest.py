"""What the tests of payments have around them."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bili.toml that somebody tries out in the repository changes nothing here."""
    monkeypatch.chdir(tmp_path)

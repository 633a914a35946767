"""Every test here starts processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.programs import Stage, stage


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage in a folder of its own."""
    async with stage(tmp_path) as one:
        yield one

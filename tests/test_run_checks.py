"""`make test` says one line for a check that is content and everything for one that is not."""

from __future__ import annotations

import sys

import pytest

from tests import run_checks
from tests.run_checks import Check, main, run, run_all

CONTENT = Check("content", (sys.executable, "-c", "print('lots to say'); print('3 files, 0 findings')"))
FAILING = Check("failing", (sys.executable, "-c", "import sys; print('a.py:1: wrong'); sys.exit('1 finding')"))
SILENT = Check("silent", (sys.executable, "-c", "pass"))


async def test_a_content_check_says_its_last_line_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(CONTENT)
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("content     ok")
    assert line.endswith("3 files, 0 findings")


async def test_a_failing_check_says_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert not await run(FAILING)
    assert capsys.readouterr().out == "failing     FAILED\na.py:1: wrong\n1 finding\n\n"


async def test_a_silent_check_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(SILENT)
    assert "ok" in capsys.readouterr().out


async def test_one_failing_check_fails_all_and_stops_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert not await run_all([FAILING, CONTENT], at_once=1)
    assert "content     ok" in capsys.readouterr().out
    assert await run_all([CONTENT, SILENT])


@pytest.mark.parametrize(
    ("checks", "pytest_itself", "code", "last"),
    [
        ((CONTENT,), CONTENT, 0, "3 files, 0 findings"),
        ((FAILING,), CONTENT, 1, "3 files, 0 findings"),
        ((CONTENT,), FAILING, 1, "1 finding"),
    ],
)
async def test_the_last_line_is_pytests_own_and_either_can_fail(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    checks: tuple[Check, ...],
    pytest_itself: Check,
    code: int,
    last: str,
) -> None:
    monkeypatch.setattr(run_checks, "CHECKS", checks)
    monkeypatch.setattr(run_checks, "PYTEST", pytest_itself)
    assert await main() == code
    assert capsys.readouterr().out.splitlines()[-1] == last

"""docs/guarantees.md explains every id that a test carries, and each row names a test file that shows it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_ROW = re.compile(r"\| (?P<id>[IFS]-[0-9]+) \| (?P<sentence>[^|]+) \| `(?P<file>[^`]+)` \|")
_NAME = re.compile(r"def (test_\w+)")
_ID = re.compile(r"_([IFS])([0-9]{2,3})(?=_)")


def shown() -> dict[str, set[str]]:
    """The ids in names of tests, each with the files it is in."""
    files: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for name in _NAME.findall(path.read_text(encoding="utf-8")):
            for letter, number in _ID.findall(name):
                files[f"{letter}-{number}"].add(path.relative_to(ROOT).as_posix())
    return files


def explained() -> dict[str, str]:
    """The ids of the page, each with the file it names."""
    rows = _ROW.finditer((ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8"))
    return {row["id"]: row["file"] for row in rows}


def test_every_id_that_a_test_carries_is_explained() -> None:
    missing = {name: sorted(files) for name, files in shown().items() if name not in explained()}
    assert missing == {}, "give each a row in docs/guarantees.md"


def test_every_row_names_a_file_that_shows_it() -> None:
    files = shown()
    wrong = {name: file for name, file in explained().items() if file not in files.get(name, set())}
    assert wrong == {}


def test_no_id_is_explained_twice() -> None:
    rows = _ROW.findall((ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8"))
    assert len(rows) == len(explained())

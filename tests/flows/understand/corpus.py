"""The corpora: text files that a shopkeeper or a translator can read, one `what was typed => what it is` a line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

FOLDER = Path(__file__).parent
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})|\\n")


class Case(NamedTuple):
    """One line. `section` is the last `[…]` above it."""

    where: str
    section: str
    typed: str
    expected: str


def cases(name: str) -> list[Case]:
    """The lines of one corpus. `#` begins a comment, `\\u200b` is the character of that code, `\\n` a new line."""
    found = []
    section = ""
    for number, line in enumerate((FOLDER / name).read_text("utf-8").splitlines(), 1):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif " => " in line and not line.startswith("# "):
            typed, expected = line.rsplit(" => ", 1)
            found.append(Case(f"{name}:{number}", section, _ESCAPE.sub(_meant, typed), expected))
    return found


def _meant(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else "\n"


def numberish() -> st.SearchStrategy[str]:
    """Texts full of what numbers are typed with, so that generated ones come near to being some."""
    marks = st.sampled_from([*"0123456789012345678900000 .,-+/=()#:_'\n", "\u200b", "²", "½", "٣", "𝟙", "Ⅷ", "\ud800"])
    words = st.sampled_from(
        [
            "ksh ",
            " bob",
            "k",
            "elfu ",
            "mia ",
            " to ",
            "mama",
            "14123456789",
            "0712345678",
            "254",
            "500 ",
            " 000",
            "usd",
        ]
    )
    return st.lists(st.one_of(marks, words), max_size=14).map("".join)

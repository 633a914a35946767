"""WhatsApp's formatting as a reader, written from its help page and not from our writer.

A mark opens when it stands at the beginning of a line or after something that is no letter or digit, and is followed
by something that is no space; it closes the same way round, on the same line. Three backticks win over the rest. Beside
the documented rules, `loosely` reads as the most willing phone would: a mark opens and closes wherever it can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from integrations.contract.message import Style

_LOOSE = (
    (re.compile(r"```(.+?)```"), "code"),
    (re.compile(r"`(.+?)`"), "code"),
    (re.compile(r"\*(\S(?:.*?\S)??)\*"), "bold"),
    (re.compile(r"_(\S(?:.*?\S)??)_"), "italic"),
    (re.compile(r"~(\S(?:.*?\S)??)~"), "struck"),
)
_STRICT = (
    (re.compile(r"(?<![^\W_])```(?! )(.+?)(?<! )```(?![^\W_])"), "code"),
    (re.compile(r"(?<![^\W_`])`(?![` ])(.+?)(?<![` ])`(?![^\W_`])"), "code"),
    (re.compile(r"(?<![^\W_])\*(\S(?:.*?\S)??)\*(?![^\W_])"), "bold"),
    (re.compile(r"(?<![^\W_])_(\S(?:.*?\S)??)_(?![^\W_])"), "italic"),
    (re.compile(r"(?<![^\W_])~(\S(?:.*?\S)??)~(?![^\W_])"), "struck"),
)
_STARTS = ((re.compile(r">\s?"), "quote"), (re.compile(r"[*-]\s"), "bullet"))


@dataclass(frozen=True)
class Shown:
    """What a phone shows: each character with the names of its styles."""

    chars: tuple[tuple[str, frozenset[str]], ...]

    @property
    def text(self) -> str:
        return "".join(char for char, _ in self.chars)

    def styled(self, style: str) -> str:
        """The characters in one style, spaces left out: they look the same in any."""
        return "".join(char for char, styles in self.chars if style in styles and not char.isspace())


def strictly(text: str) -> Shown:
    """As the help page says."""
    return _shown(text, _STRICT)


def loosely(text: str) -> Shown:
    """As a phone that finds marks everywhere would."""
    return _shown(text, _LOOSE)


NAMES = {Style.PLAIN: "", Style.BOLD: "bold", Style.CODE: "code"}


def _shown(text: str, rules: tuple[tuple[re.Pattern[str], str], ...]) -> Shown:
    chars: list[tuple[str, frozenset[str]]] = []
    for number, line in enumerate(text.split("\n")):
        if number:
            chars.append(("\n", frozenset()))
        styles: frozenset[str] = frozenset()
        rest = line
        for start, name in _STARTS:
            if found := start.match(line.lstrip()):
                styles |= {name}
                rest = line.lstrip()[found.end() :]
        chars += _line(rest, rules, styles)
    return Shown(tuple(chars))


def _line(
    line: str, rules: tuple[tuple[re.Pattern[str], str], ...], styles: frozenset[str]
) -> list[tuple[str, frozenset[str]]]:
    found = [
        (match.start(), order, match, name) for order, (rule, name) in enumerate(rules) if (match := rule.search(line))
    ]
    if not found:
        return [(char, styles) for char in line]
    _, _, match, name = min(found, key=lambda one: one[:2])
    before = [(char, styles) for char in line[: match.start()]]
    inner = match[1]
    inside = [(char, styles | {name}) for char in inner] if name == "code" else _line(inner, rules, styles | {name})
    return [*before, *inside, *_line(line[match.end() :], rules, styles)]

"""Styled text as WhatsApp's marks, in parts that fit.

WhatsApp has marks and no way to escape them, so a value that contains a mark could make the rest of a message bold, or
a name could pass for a quotation. Marks inside a text are therefore replaced by characters that look like them, and a
style is given only where WhatsApp is sure to show it: within one line, and not touching a letter or a digit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby

from integrations.contract.message import Rich, Span, Style

#: The longest body Twilio takes (its error 21617), counted in UTF-16 units to be on the safe side.
TEXT_MAX = 1600

#: What stands for a mark inside a text.
LOOK_ALIKES = {"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"}
#: What stands for a mark that means a quotation or a list at the beginning of a line.
LOOK_ALIKES_AT_START = {">": "›", "-": "–"}

_MARKS = {Style.PLAIN: "", Style.BOLD: "*", Style.CODE: "```"}

#: A link must stay as it is to work. Within a word neither of these two is a mark.
_IN_LINK = re.compile(r"(?<=[A-Za-z0-9])[_~](?=[A-Za-z0-9])")
_LINK = re.compile(r"https?://\S+")

_Piece = tuple[str, Style]


def to_lines(body: Rich) -> list[str]:
    """The lines of a text with WhatsApp's marks, each complete in itself and none longer than TEXT_MAX."""
    return [_rendered(line) for whole in _lines(body) for line in _folded(whole)]


def plain_lines(text: str) -> list[str]:
    """The same without any style or mark of ours."""
    return to_lines((Span(text),))


def into_parts(lines: Sequence[str], room: int = TEXT_MAX) -> list[str]:
    """Lines packed into as few bodies as fit, broken only between lines. Blank lines at their ends are dropped."""
    parts: list[str] = []
    for line in lines:
        if parts and units(parts[-1]) + 1 + units(line) <= room:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return [part.strip("\n") for part in parts if part.strip()]


def units(text: str) -> int:
    """Length in UTF-16 units: an emoji counts two."""
    return len(text) + sum(char > "\uffff" for char in text)


def sound(text: str) -> str:
    """Text that can be written as UTF-8; half of a surrogate pair cannot."""
    return text.encode("utf-8", "replace").decode()


def _lines(body: Rich) -> list[list[_Piece]]:
    lines: list[list[_Piece]] = [[]]
    for span in body:
        first, *rest = sound(span.text).replace("\r\n", "\n").split("\n")
        lines[-1].append((first, span.style))
        lines += [[(text, span.style)] for text in rest]
    return [_merged(line) for line in lines]


def _merged(line: Iterable[_Piece]) -> list[_Piece]:
    full = (piece for piece in line if piece[0])
    return [("".join(text for text, _ in run), style) for style, run in groupby(full, key=lambda piece: piece[1])]


def _folded(line: list[_Piece]) -> list[list[_Piece]]:
    """One line as several where its rendered length may be more than fits; broken at a space where there is one."""
    text = "".join(piece for piece, _ in line)
    marks = sum(2 * len(_MARKS[style]) for _, style in line)
    if marks > TEXT_MAX // 2:  # more marks than text: then the text alone
        marks, line = 0, [(text, Style.PLAIN)]
    room = TEXT_MAX - marks
    folded: list[list[_Piece]] = []
    while units(text) > room:
        end, used = 0, 0
        while used + units(text[end]) <= room:
            used += units(text[end])
            end += 1
        at = text.rfind(" ", 1, end) + 1 or end
        head, line = _cut(line, at)
        folded.append(head)
        text = text[at:]
    return [*folded, line]


def _cut(line: list[_Piece], at: int) -> tuple[list[_Piece], list[_Piece]]:
    head: list[_Piece] = []
    tail: list[_Piece] = []
    for text, style in line:
        head.append((text[: max(at, 0)], style))
        tail.append((text[max(at, 0) :], style))
        at -= len(text)
    return _merged(head), _merged(tail)


def _rendered(line: list[_Piece]) -> str:
    pieces = _harmless(line)
    out = ""
    for number, (text, style) in enumerate(pieces):
        after = pieces[number + 1][0][0] if number + 1 < len(pieces) else ""
        inner = text.strip()
        before, _, behind = text.partition(inner) if inner else (text, "", "")
        touches = (out + before)[-1:], (behind or after)[:1]
        if style is Style.PLAIN or not _can_be_marked(inner, *touches):
            out += text
        else:
            mark = _MARKS[style]
            out += f"{before}{mark}{inner}{mark}{behind}"
    return out


def _can_be_marked(inner: str, before: str, after: str) -> bool:
    if not inner or unicodedata.category(inner[0])[0] in "MC" or unicodedata.category(inner[-1])[0] == "C":
        return False
    return _is_border(before) and _is_border(after)


def _is_border(char: str) -> bool:
    # A mark of the neighbour is no border: two styles that touch would share it.
    return char not in {"*", "`"} and (not char or unicodedata.category(char)[0] in "PSZ")


def _harmless(line: list[_Piece]) -> list[_Piece]:
    """The pieces with look-alikes for every mark that is not ours."""
    text = "".join(piece for piece, _ in line)
    chars = list(text)
    kept = {link.start() + found.start() for link in _LINK.finditer(text) for found in _IN_LINK.finditer(link.group())}
    for at, char in enumerate(chars):
        if char in LOOK_ALIKES and at not in kept:
            chars[at] = LOOK_ALIKES[char]
    start = len(text) - len(text.lstrip())
    if text[start : start + 1] == ">" or re.match(r"-(\s|$)", text[start:]):
        chars[start] = LOOK_ALIKES_AT_START[text[start]]
    harmless: list[_Piece] = []
    at = 0
    for piece, style in line:
        harmless.append(("".join(chars[at : at + len(piece)]), style))
        at += len(piece)
    return harmless

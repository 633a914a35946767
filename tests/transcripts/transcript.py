"""The language of transcripts: a conversation as a text file that a shopkeeper can read, and how it is compared.

One story a file. Its first line is `# title / language / what it shows`, where the language is English or Kiswahili and
the channel Telegram; `Kiswahili, WhatsApp` is told on WhatsApp. Further `#` lines are remarks.

    > text          the customer types; `a (at once) b` are two messages, sent before the first is answered
    > [Label]       taps the newest button, or picks the newest row, of that name; `[Label] old` the oldest of that name
    > (photo)       or (voice), (location), (forward sms); on Telegram (edit), (share phone), (share contact); on
                    WhatsApp (contact), `(photo) words under it`, `(reply to Which meter…) words`
    ~ pin 1234      the world outside: the phone, time, a fault, a restart (all of them in `performance.py`)
    < text          the bot's message and `|` its further lines; `<*` is its newest message edited in place, `<**` one
                    further up in the chat, where few would notice; `<SMS` came as a text message to the same phone
    [Yes] [No]      its buttons, `(Share my phone number)` the key that shares the number, and
                    `[≡ Choose] (Mama) (Shop)` the button that opens a list, with the rows of the list
    = vended        what is true then: states of the payments; `= case …`, `= tokens …`, `= money …`

`…` stands for anything, and a line `| …` for any number of further lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LINES_MAX = 70

_HEADER = re.compile(r"# (?P<title>[^/]+) / (?P<told>[^/]+) / .+")
_TOLD = re.compile(r"(?P<language>English|Kiswahili)(?:, (?P<channel>WhatsApp))?")
_CUES = (">", "~")
_ANYTHING = "…"
_ANY_LINES = "| …"
_SOME_LINES = r"(?:\|.*\n)*"

#: What the sandbox's parties draw at random: tokens, and receipt numbers of money.
_DRAWN = re.compile(r"(?:[0-9]{4} ){4}[0-9]{4}|\bSK[0-9A-Z]{8}\b")


@dataclass(frozen=True, slots=True)
class Beat:
    """A cue, and the lines that stand below it. The first beat of a story has remarks only."""

    cue: str
    lines: tuple[str, ...]

    @property
    def facts(self) -> tuple[str, ...]:
        """The kinds of the `=` lines asked for here, in order."""
        return tuple(kind_of(line) for line in self.lines if line.startswith("="))


@dataclass(frozen=True, slots=True)
class Story:
    """One file. `name` is its path without the ending: `first_purchase`, `whatsapp/first_purchase`."""

    path: Path
    name: str
    title: str
    language: str
    channel: str
    beats: tuple[Beat, ...]


def read(path: Path, folder: Path | None = None) -> Story:
    """The story in a file, named as from `folder`. ValueError, naming the line, for what is not in the language."""
    lines = path.read_text(encoding="utf-8").splitlines()
    header = _HEADER.fullmatch(lines[0] if lines else "")
    if header is None:
        raise ValueError(f"{path.name}: the first line is `# title / language / what it shows`")
    setting = _TOLD.fullmatch(header["told"])
    if setting is None:
        raise ValueError(f"{path.name}: {header['told']!r} is not English or Kiswahili, with `, WhatsApp` or without")
    beats: list[list[str]] = [[]]
    for number, line in enumerate(lines, 1):
        if line.startswith(_CUES):
            beats.append([])
        elif line and line[0] not in "#<|[(=":
            raise ValueError(f"{path.name}:{number}: {line!r} is no line of a transcript")
        beats[-1].append(line)
    told = tuple(Beat(cue, tuple(rest)) for cue, *rest in beats[1:])
    name = path.relative_to(folder or path.parent).with_suffix("").as_posix()
    channel = setting["channel"] or "Telegram"
    return Story(path, name, header["title"], setting["language"], channel, (Beat("", tuple(beats[0])), *told))


def kind_of(fact: str) -> str:
    """What an `=` line speaks of: "case", "tokens", "money", else "state"."""
    word = fact.removeprefix("=").split(maxsplit=1)[:1]
    return word[0] if word and word[0] in {"case", "tokens", "money"} else "state"


def message_lines(
    text: str, buttons: Sequence[str], key: str | None, mark: str = "", rows: Sequence[str] = ()
) -> list[str]:
    """A message of the bot as a transcript writes it; `mark` is `*` or `**` for an edit, `SMS` for a text message."""
    first, *rest = text.split("\n")
    lines = [f"<{mark} {first}", *(f"| {line}".rstrip() for line in rest)]
    offered = [f"[{label}]" for label in buttons] + [f"({label})" for label in (*rows, *([key] if key else []))]
    return [*lines, " ".join(offered)] if offered else lines


def same(expected: Iterable[str], told: Iterable[str]) -> bool:
    """Whether lines are as written; `…` stands for anything, and a line `| …` for any number of further lines."""
    pattern = "".join(_SOME_LINES if line == _ANY_LINES else _pattern(line) + "\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in told)) is not None


def same_label(expected: str, label: str) -> bool:
    """Whether a button's name is as written."""
    return re.fullmatch(_pattern(expected), label) is not None


def same_words(expected: str, text: str) -> bool:
    """Whether a text of several lines is as written; here `…` stands for line ends too."""
    return re.fullmatch(_pattern(expected), text, re.DOTALL) is not None


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split(_ANYTHING))


def differences(story: Story, told: Sequence[Sequence[str]], alike: Callable[[str], str] = str) -> list[str]:
    """Where what was told is not what is written, a line each; `alike` makes lines equal that may differ."""
    found = []
    for beat, lines in zip(story.beats, told, strict=True):
        written = [line for line in beat.lines if line and not line.startswith("#")]
        if not same(map(alike, written), map(alike, lines)):
            found += [f"after {beat.cue!r}", *(f"  - {line}" for line in written), *(f"  + {line}" for line in lines)]
    return found


def without_drawn(line: str) -> str:
    """A line without what the sandbox's parties draw at random.

    After a restart the draws differ: the new process fetches an access token, which is drawn from the same seed.
    """
    return _DRAWN.sub(_ANYTHING, line)


def rewritten(story: Story, told: Sequence[Sequence[str]]) -> str:
    """The file as it should be: cues and remarks stay, and so does every beat that still fits."""
    lines: list[str] = []
    for beat, new in zip(story.beats, told, strict=True):
        remarks = [line for line in beat.lines if not line or line.startswith("#")]
        old = [line for line in beat.lines if line not in remarks]
        lines += [beat.cue] if beat.cue else []
        lines += beat.lines if same(old, new) else [*new, *remarks]
    return "\n".join(lines) + "\n"

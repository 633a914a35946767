"""The kernel: a conversation is a coroutine of steps, replayed from its journal and stopped at the first open step.

A flow is an ordinary-looking `async def`, but no event loop ever runs it. `replay` sends it the journalled values one
after another and returns where it stands. That gives restarts, several replicas, going back and changing language in
mid-flow for nothing. What follows for flows:

- only steps may be awaited (`Ask`, `Say`, `Call`, `Commit`, or an `async def` made of them); anything else is refused;
- the same journal must lead to the same steps: no clock, no randomness, no I/O;
- no `await` in `finally` and no bare `except`: the coroutine is closed at the end of every replay.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from flows.text import Body, Json, Text

T = TypeVar("T")

#: A flow that needs more entries is two flows.
JOURNAL_ENTRIES_MAX = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answered: words, the id of a choice, or a phone number their channel vouches for (E.164)."""

    text: str = ""
    choice: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One offered answer. `id` is stable and at most 24 ASCII characters; the label is shown.

    As a global word it is a command, or the whole data of a button where it has a colon (`lang:sw`).
    """

    id: str
    label: Text


class Invalid(Exception):
    """The answer does not fit the question; `body` tells the person why and what would fit."""

    def __init__(self, *body: Text) -> None:
        super().__init__()
        self.body: Body = body


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A question. `parse` turns an Answer into a value or raises Invalid; only accepted answers are journalled.

    `fresh` questions (anything that commits) take only answers given after they were shown. After `valid_seconds` the
    question is out of date: the lookup before it is made again. `expects_number` says that a lone number is an answer
    here and not a PIN; `share_phone` labels the button that hands over the sender's own number. `also` are global words
    offered as further buttons: no answers, and they leave the question as it is.
    """

    key: str
    body: Body
    parse: Callable[[Answer], T]
    choices: tuple[Choice, ...] = ()
    also: tuple[Choice, ...] = ()
    fresh: bool = False
    valid_seconds: int = 0
    #: Values that are taken from an out-of-date question all the same: saying no needs no new price.
    always: tuple[object, ...] = ()
    expects_number: bool = False
    share_phone: Text | None = None

    def __await__(self) -> Generator[Step, Json, T]:
        value = yield self
        try:
            return self.parse(answer_from_json(value))
        except (Invalid, TypeError) as misfit:
            raise _Misfit(self.key) from misfit


@dataclass(frozen=True, slots=True)
class Say:
    """Something to tell. Not journalled: see `spoken` in `replay`. `choices` are global words offered as buttons."""

    body: Body
    choices: tuple[Choice, ...] = ()

    def __await__(self) -> Generator[Step, Json, None]:
        yield self


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A question to the world, asked once by a worker and journalled. It only reads; `args` and the answer are JSON."""

    key: str
    args: Mapping[str, Json]
    decode: Callable[[Json], T]

    def __await__(self) -> Generator[Step, Json, T]:
        value = yield self
        try:
            return self.decode(value)
        except (KeyError, TypeError, ValueError) as misfit:
            raise _Misfit(self.key) from misfit


@dataclass(frozen=True, slots=True)
class Commit:
    """A row of ours, written in the same transaction as the journal entry; `back` never crosses it."""

    key: str
    args: Mapping[str, Json] = field(default_factory=dict)

    def __await__(self) -> Generator[Step, Json, None]:
        yield self


Step: TypeAlias = "Ask[Any] | Say | Call[Any] | Commit"
Flow: TypeAlias = Coroutine[Step, Json, None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One journalled value: an accepted answer, the answer to a call, or a commit."""

    kind: Literal["ask", "call", "commit"]
    key: str
    value: Json = None


Journal: TypeAlias = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The flow stands at `step`, the journal's next entry; `said` is what it said for the first time on the way."""

    step: Ask[Any] | Call[Any] | Commit
    position: int
    said: tuple[Say, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The flow has ended."""

    position: int
    said: tuple[Say, ...]


class Diverged(Exception):
    """The journal no longer fits the code: at `position` it holds `recorded`, and the flow came to `expected`."""

    def __init__(self, position: int, expected: str, recorded: str) -> None:
        super().__init__(f"journal entry {position} is {recorded}, but the flow came to {expected}")


class _Misfit(Exception):
    """A journalled value that today's code cannot read; becomes Diverged."""


class StrayAwait(TypeError):
    """A flow awaited something that is not a step."""

    def __init__(self, awaited: object) -> None:
        super().__init__(
            f"a flow awaited {type(awaited).__name__}; flows are replayed, not run by an event loop, so they may await "
            "only Ask, Say, Call and Commit. Ask the world through a Call, which a worker performs."
        )


def replay(flow: Flow, journal: Journal, spoken: int) -> Waiting | Finished:
    """Run `flow` over `journal` and say where it stands.

    `spoken` is how many entries the last finished turn had consumed (-1: none yet). A `Say` reached by then has gone
    out already and is silent; one reached later is live and returned in `said`. So a text added by a later release does
    not disturb a conversation, and a turn that was lost says what had not been said.

    Raises Diverged when the journal does not fit, StrayAwait when the flow awaits anything but a step.
    """
    said: list[Say] = []
    position = 0
    value: Json = None
    try:
        while True:
            step = flow.send(value)
            value = None
            match step:
                case Say():
                    if position > spoken:
                        said.append(step)
                    continue
                case Ask() | Call() | Commit():
                    if position == len(journal):
                        return Waiting(step, position, tuple(said))
                    entry = journal[position]
                    if (entry.kind, entry.key) != (kind_of(step), step.key):
                        raise Diverged(position, f"{kind_of(step)} {step.key}", f"{entry.kind} {entry.key}")
                    position, value = position + 1, entry.value
                case _:
                    raise StrayAwait(step)
    except StopIteration:
        if position < len(journal):
            raise Diverged(position, "its end", f"{journal[position].kind} {journal[position].key}") from None
        return Finished(position, tuple(said))
    except _Misfit as misfit:
        raise Diverged(position - 1, f"a parser of {misfit} that refuses it", "an earlier release's answer") from misfit
    finally:
        flow.close()


def kind_of(step: Ask[Any] | Call[Any] | Commit) -> Literal["ask", "call", "commit"]:
    """The kind of journal entry a step leaves."""
    match step:
        case Ask():
            return "ask"
        case Call():
            return "call"
        case Commit():
            return "commit"


def back(journal: Journal) -> Journal | None:
    """The journal without its last answer and what followed; None when nothing is left or a commit would be undone."""
    for position in range(len(journal) - 1, -1, -1):
        match journal[position].kind:
            case "commit":
                return None
            case "ask":
                return journal[:position]
            case "call":
                continue
    return None


def before_last_call(journal: Journal) -> Journal:
    """The journal up to, not including, its last call: what is looked up again when an offer went out of date.

    What is committed is not undone: with a commit after the call, the journal stays as it is.
    """
    for position in range(len(journal) - 1, -1, -1):
        match journal[position].kind:
            case "call":
                return journal[:position]
            case "commit":
                return journal
            case "ask":
                continue
    return journal


def answer_to_json(answer: Answer) -> Json:
    """An Answer as plain JSON, without what is empty."""
    pairs = {"text": answer.text, "choice": answer.choice, "phone": answer.phone}
    return {name: value for name, value in pairs.items() if value}


def answer_from_json(data: Json) -> Answer:
    """The Answer that `answer_to_json` wrote."""
    return Answer(**data)

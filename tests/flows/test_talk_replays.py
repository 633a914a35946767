"""For flows made up at random: any journal prefix replayed and continued is the straight run, and all is said once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.talk import (
    Answer,
    Ask,
    Call,
    Commit,
    Entry,
    Finished,
    Invalid,
    Journal,
    Say,
    Waiting,
    back,
    before_last_call,
    kind_of,
    replay,
)
from flows.text import Text

#: ("say" | "ask" | "call" | "commit", key), ("if", then, else) by the last value's parity, ("times", body) by it mod 3.
Spec: TypeAlias = "Sequence[tuple[Any, ...]]"

STEPS = st.tuples(st.sampled_from(("say", "ask", "call", "commit")), st.sampled_from("abc"))
SPECS = st.recursive(
    st.lists(STEPS, max_size=4),
    lambda inner: st.lists(
        STEPS | st.tuples(st.just("if"), inner, inner) | st.tuples(st.just("times"), inner), max_size=4
    ),
    max_leaves=8,
)
VALUES = st.lists(st.integers(0, 9), min_size=1, max_size=12)


def number(answer: Answer) -> int:
    if not answer.text.isdecimal():
        raise Invalid(Text("not a number"))
    return int(answer.text)


@dataclass
class Reference:
    """What a flow of this spec does, told without the kernel."""

    values: Sequence[int]
    journal: list[Entry] = field(default_factory=list)
    #: What is said, with the number of entries before it.
    said: list[tuple[int, str]] = field(default_factory=list)
    last: int = 0

    def run(self, spec: Spec) -> Reference:
        for node in _flat(spec, self):
            kind, key = node
            if kind == "say":
                self.said.append((len(self.journal), key))
                continue
            self.journal.append(Entry(kind, key, self._value(kind)))
        return self

    def _value(self, kind: str) -> Any:
        number = self.values[len(self.journal) % len(self.values)]
        if kind == "commit":
            return None
        self.last = number
        return {"text": str(number)} if kind == "ask" else number


def _flat(spec: Spec, state: Reference) -> Iterator[tuple[Any, ...]]:
    for node in spec:
        match node:
            case ("if", then, otherwise):
                yield from _flat(otherwise if state.last % 2 else then, state)
            case ("times", body):
                for _ in range(state.last % 3):
                    yield from _flat(body, state)
            case _:
                yield node


async def flow(spec: Spec, last: int = 0) -> None:
    await _walk(spec, last)


async def _walk(spec: Spec, last: int) -> int:
    for node in spec:
        match node:
            case ("if", then, otherwise):
                last = await _walk(otherwise if last % 2 else then, last)
            case ("times", body):
                for _ in range(last % 3):
                    last = await _walk(body, last)
            case ("say", key):
                await Say((Text(key),))
            case ("ask", key):
                last = await Ask(key, (), number)
            case ("call", key):
                last = await Call(key, {"last": last}, int)
            case _:
                await Commit(node[1])
    return last


def words(stand: Waiting | Finished) -> list[str]:
    return [say.body[0].msgid for say in stand.said]


def stands(spec: Spec, journal: Journal, spoken: int = -1) -> Waiting | Finished:
    return replay(flow(spec), journal, spoken)


@settings(deadline=None)
@given(SPECS, VALUES)
def test_every_prefix_stops_where_the_straight_run_went_on(spec: Spec, values: list[int]) -> None:
    straight = Reference(values).run(spec)
    journal = tuple(straight.journal)
    for length in range(len(journal)):
        stand = stands(spec, journal[:length])
        assert isinstance(stand, Waiting)
        assert (kind_of(stand.step), stand.step.key, stand.position) == (
            journal[length].kind, journal[length].key, length,
        )  # fmt: skip
        assert words(stand) == [key for at, key in straight.said if at <= length]
    assert stands(spec, journal) == stands(spec, journal)
    end = stands(spec, journal)
    assert isinstance(end, Finished)
    assert words(end) == [key for _, key in straight.said]


@settings(deadline=None)
@given(SPECS, VALUES, st.data())
def test_turns_of_any_length_some_of_them_lost_say_everything_once(
    spec: Spec, values: list[int], data: st.DataObject
) -> None:
    straight = Reference(values).run(spec)
    journal = tuple(straight.journal)
    position, spoken, said = 0, -1, list[str]()
    while True:
        stand = stands(spec, journal[:position], spoken)
        if data.draw(st.booleans(), "lost"):
            assert stands(spec, journal[:position], spoken) == stand
        said += words(stand)
        spoken = stand.position
        if isinstance(stand, Finished):
            break
        position = data.draw(st.integers(position + 1, len(journal)), "the next turn ends at")
    assert said == [key for _, key in straight.said]


@settings(deadline=None)
@given(SPECS, VALUES, st.integers(0, 30))
def test_going_back_stops_at_a_question_that_was_answered_and_keeps_all_commits(
    spec: Spec, values: list[int], length: int
) -> None:
    journal = tuple(Reference(values).run(spec).journal)[:length]
    shorter = back(journal)
    if shorter is None:
        return
    assert shorter == journal[: len(shorter)]
    assert all(entry.kind != "commit" for entry in journal[len(shorter) :])
    stand = stands(spec, shorter, len(shorter))
    assert isinstance(stand, Waiting)
    assert isinstance(stand.step, Ask)
    assert stand.said == ()


@settings(deadline=None)
@given(SPECS, VALUES, st.integers(0, 30))
def test_looking_up_again_ends_at_a_call_or_changes_nothing(spec: Spec, values: list[int], length: int) -> None:
    journal = tuple(Reference(values).run(spec).journal)[:length]
    shorter = before_last_call(journal)
    assert all(entry.kind != "commit" for entry in journal[len(shorter) :])
    if shorter != journal:
        stand = stands(spec, shorter)
        assert isinstance(stand, Waiting)
        assert isinstance(stand.step, Call)

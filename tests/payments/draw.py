"""Draws the payment machine from its table: `python -m tests.payments.draw` writes docs/payment-machine.md anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bot.payments.machine import (
    BEFORE_MONEY,
    FINAL,
    OURS,
    PROMPT_OPEN,
    REPEATS,
    RESTING,
    TABLE,
    Event,
    Moved,
    Repeat,
    State,
    advance,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "payment-machine.md"

_BEGINNING = """\
# The payment machine

Drawn from the table in `bot/payments/machine.py`; a test fails when this page is not what
`python -m tests.payments.draw` writes.

A state ending in "-ing" means: we have asked, or may have asked, and only a definite answer moves us on. Time alone
moves nothing. The states of the first box are before a proof of money; nothing leads back into it.
"""

_REST = """\
Not drawn: an event that repeats what is known already (`·` below) changes nothing. One that cannot be true beside what
is known (`!`) is kept as an event and opens a case; the state stays. What we do ourselves is never a contradiction: a
move of ours that is not in the table is a bug, raises, and changes nothing (`✗`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_BEGINNING, "```mermaid", *_diagram(), "```", "", _REST, *_matrix(), ""])


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {State.CONFIRMED.value}"
    for title, states in (("before money", BEFORE_MONEY), ("after money", frozenset(State) - BEFORE_MONEY)):
        yield f'    state "{title}" as {title.replace(" ", "_")} {{'
        yield from (f"        {line}" for line in _moves(states, states))
        yield "    }"
    yield from (f"    {line}" for line in _moves(BEFORE_MONEY, frozenset(State) - BEFORE_MONEY))
    yield from (f"    {state.value} --> [*]" for state in State if state in FINAL)


def _moves(sources: frozenset[State], targets: frozenset[State]) -> Iterator[str]:
    """An arrow for each pair of states, with the events that lead along it."""
    for source in (state for state in State if state in sources):
        for target in (state for state in State if state in targets):
            events = [event.value for event in Event if TABLE[source].get(event) is target]
            if events:
                yield f"{source.value} --> {target.value} : {', '.join(events)}"


def _matrix() -> Iterator[str]:
    """Every state with every event."""
    yield "| | " + " | ".join(f"`{state.value}`" for state in State) + " |"
    yield "|---" * (len(State) + 1) + "|"
    for event in Event:
        yield f"| `{event.value}` | " + " | ".join(_cell(state, event) for state in State) + " |"
    yield ""
    yield f"A prompt may be on the phone: {_names(PROMPT_OPEN)}."
    yield f"Over, but late money is still heard: {_names(RESTING)}."
    yield f"Final: {_names(FINAL)}."


def _cell(state: State, event: Event) -> str:
    if event in OURS and event not in TABLE[state] and state not in REPEATS.get(event, frozenset()):
        return "✗"
    match advance(state, event):
        case Moved(after):
            return after.value
        case Repeat():
            return "·"
        case _:
            return "!"


def _names(states: frozenset[State]) -> str:
    return ", ".join(f"`{state.value}`" for state in State if state in states)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""The values of one turn: what it is thought from, and what it proposes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from flows.customer import Customer
from flows.talk import Entry, Flow, Journal
from flows.text import Body, Json, Text
from integrations.contract.message import Content


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The world's answer to the call with this work id."""

    work_id: str
    value: Json


@dataclass(frozen=True, slots=True)
class Fact:
    """Something happened to a payment of this customer; what to tell of it was told by the payment's own notice."""

    event: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One stored input, in the order it is to be taken. `stored_at` is milliseconds since 1970."""

    id: int
    stored_at: int
    what: Content | CallAnswered | Fact


@dataclass(frozen=True, slots=True)
class State:
    """Where a flow stands. `asked` is the position whose question is out, -1 when none is."""

    flow: str
    revision: int
    who: Json
    args: Json
    journal: Journal = ()
    spoken: int = -1
    asked: int = -1
    misses: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """What a turn is thought from. `pending` is the id of the call being asked; `label` renders for this reader.

    `asked_at` is when the open question was first asked, `shown_at` when it reached the person (0: not yet).
    `language` is the code in force. `first`: no turn was ever taken in this conversation. `offered` are the buttons of
    its newest message that has any, as (data, label): they can be typed, by label or by place.
    """

    conversation_id: str
    epoch: int
    state: State | None
    who: Customer
    asked_at: int
    shown_at: int
    now: int
    pending: str | None
    last_tap: str
    label: Callable[[Text], str]
    language: str = "en"
    first: bool = False
    offered: Callable[[], tuple[tuple[str, Text], ...]] = tuple


@dataclass(frozen=True, slots=True)
class Script:
    """A flow by name. Raising `revision` is the deliberate way to end conversations begun by an earlier release."""

    revision: int
    begin: Callable[[Customer, Mapping[str, Json]], Flow]


@dataclass(frozen=True, slots=True)
class Said:
    """A message to this conversation. `buttons` are (data, label).

    `place` is the epoch and position of the question it asks, empty for anything else; a question may be dropped when
    a newer one overtakes it.
    """

    body: Body
    buttons: tuple[tuple[str, Text], ...] = ()
    share_phone: Text | None = None
    place: str = ""

    @property
    def question(self) -> bool:
        """Whether it asks."""
        return bool(self.place)


@dataclass(frozen=True, slots=True)
class Order:
    """A row of ours to write with this turn: a Commit of a flow or a global word. `id` is derived, so it is the same
    when the turn is thought again."""

    id: str
    key: str
    args: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Errand:
    """Work to be done for this conversation. A call's answer comes back as an input; an errand's is a message."""

    id: str
    name: str
    args: Mapping[str, Json]


@dataclass(slots=True)
class Turn:
    """What one turn proposes."""

    state: State | None
    epoch: int
    asked_at: int
    last_tap: str
    answered: dict[int, str] = field(default_factory=dict)
    held: list[int] = field(default_factory=list)
    blanked: list[int] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    errands: list[Errand] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The epoch and position of the open question, which its buttons carry; empty when none is open."""
        return f"{self.epoch}.{self.state.asked}" if self.state is not None and self.state.asked >= 0 else ""


Flows: TypeAlias = Mapping[str, Script]


def state_to_json(state: State) -> Json:
    """A State as plain JSON."""
    journal = [[entry.kind, entry.key, entry.value] for entry in state.journal]
    rest = [state.spoken, state.asked, state.misses]
    return [state.flow, state.revision, state.who, state.args, journal, *rest]


def state_from_json(data: Json) -> State:
    """The State that `state_to_json` wrote."""
    flow, revision, who, args, journal, spoken, asked, misses = data
    entries = tuple(Entry(kind, key, value) for kind, key, value in journal)
    return State(flow, revision, who, args, entries, spoken, asked, misses)

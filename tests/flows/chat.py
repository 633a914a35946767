"""A chat without a service: a turn is thought from what the last one left, as it would be stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bot.i18n import Languages
from flows.catalogue import FLOWS
from flows.customer import Customer, KnownMeter, Trade, from_json
from flows.driver import take_turn
from flows.lookups import Offer, money_to_json
from flows.talk import Ask, Waiting, replay
from flows.text import Body, Text, body_to_json
from flows.turn import (
    CallAnswered,
    Errand,
    Fact,
    Flows,
    Heard,
    Order,
    Said,
    State,
    Turn,
    View,
    state_from_json,
    state_to_json,
)
from integrations.contract.message import Content, SharedPhone, Tapped, Typed
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone


def KES(units: int) -> Money:
    return Money.of(units, "KES")


METER, OTHER_METER = MeterNumber("14123456783"), MeterNumber("14120000055")
PHONE, OTHER_PHONE = Phone("+254712345678"), Phone("+254722000111")

TRADE = Trade(
    utility="xmlvend", utility_title="Umoja Power", meter_lengths=(11, 13), meter_luhn=True, operator="mpesa",
    operator_title="M-Pesa", merchant="BILI", currency="KES", country="KE", minimum=KES(50), maximum=KES(35_000),
    step=KES(1), zone="Africa/Nairobi", support_contact="0800 000 000",
    languages=(("en", "English"), ("sw", "Kiswahili")),
)  # fmt: skip

NOBODY = Customer(TRADE)
MAMA = KnownMeter(METER, "J••• W••••••", "Mama")
REGULAR = Customer(TRADE, PHONE, (MAMA,))

_LANGUAGES = Languages()


def offer() -> Offer:
    return Offer(KES(10), "16.3 kWh", ())


def found(meter: MeterNumber = METER, owner: str = "J••• W••••••") -> Any:
    return {"meter": meter.reveal(), "owner": owner, "minimum": None, "maximum": None}


def priced(fee: int = 10) -> Any:
    return {"fee": money_to_json(KES(fee)), "units": "16.3 kWh", "notes": []}


def sorry(*, over: bool) -> Any:
    return {"sorry": body_to_json((Text("sorry"),)), "over": over}


@dataclass
class Chat:
    """One conversation. Each turn is thought twice and must come out the same; every input must end somewhere."""

    who: Customer = NOBODY
    flows: Flows = field(default_factory=lambda: FLOWS)
    language: str = "en"
    first: bool = False
    offered: tuple[tuple[str, Text], ...] = ()
    labels: Callable[[Text], str] | None = None
    state: State | None = None
    epoch: int = 0
    asked_at: int = 0
    shown_at: int = 0
    place: str = ""
    last_tap: str = ""
    now: int = 1_000_000
    held: list[Heard] = field(default_factory=list)
    works: dict[str, Errand] = field(default_factory=dict)
    ids: int = 0
    keys: list[str] = field(default_factory=list)

    def type(self, *texts: str) -> Turn:
        """So many messages at once, a moment later."""
        return self.hear(*map(Typed, texts))

    def tap(self, choice: str) -> Turn:
        """A button of the question that was put last."""
        return self.hear(self.button(choice))

    def button(self, choice: str) -> Tapped:
        assert self.state is not None
        return Tapped(f"{self.epoch}.{len(self.state.journal)}.{choice}", "m1")

    def share(self, phone: Phone = PHONE, *, own: bool = True) -> Turn:
        return self.hear(SharedPhone(phone, own))

    def answer(self, value: Any, *more: Content) -> Turn:
        """The world's answer to the pending call, and what was sent beside it."""
        assert self.pending is not None
        return self.hear(CallAnswered(self.pending, value), *more)

    def hear(self, *what: Content | CallAnswered | Fact, seconds: float = 1) -> Turn:
        self.now += int(seconds * 1000)
        new = [self.input(one) for one in what]
        return self.take(new)

    def input(self, what: Content | CallAnswered | Fact, *, at: int | None = None) -> Heard:
        self.ids += 1
        return Heard(self.ids, self.now if at is None else at, what)

    def take(self, new: Sequence[Heard]) -> Turn:
        """A turn over what is held and what is new, and what the store keeps of it."""
        heard = [*self.held, *new]
        self.now += 1
        turn = self.think(heard)
        assert turn == self.think(heard), "thinking is not pure"
        self._settled(turn, heard)
        self._keep(turn, heard)
        return turn

    def think(self, heard: Sequence[Heard]) -> Turn:
        return take_turn(self.flows, self.view(), heard)

    def view(self) -> View:
        return View(
            "v1", self.epoch, self.state, self.who, self.asked_at, self.shown_at, self.now, self.pending, self.last_tap,
            self.labels or (lambda text: _LANGUAGES.label(text, self.language)), self.language, self.first,
            lambda: self.offered,
        )  # fmt: skip

    @property
    def pending(self) -> str | None:
        """The call being asked for the flow, as the thinker finds it among open work."""
        return next((work for work in self.works if work.startswith(f"v1:{self.epoch}:")), None)

    @property
    def errand(self) -> Errand:
        assert self.pending is not None
        return self.works[self.pending]

    def _settled(self, turn: Turn, heard: Sequence[Heard]) -> None:
        ids = {item.id for item in heard}
        assert set(turn.answered) | set(turn.held) == ids, "an input was neither answered nor held"
        assert not set(turn.answered) & set(turn.held)
        assert sorted(turn.held) == turn.held, "what is held has changed places"
        assert set(turn.blanked) <= set(turn.answered)
        opened = [order for order in turn.orders if order.key == "open_payment"]
        if opened:
            assert len(opened) == 1
            assert self.asked_key == "confirm"
            assert self.state is not None
            assert self.state.asked == len(self.state.journal), "paid for something that was not shown"

    def _keep(self, turn: Turn, heard: Sequence[Heard]) -> None:
        for item in heard:
            if isinstance(item.what, CallAnswered):
                self.works.pop(item.what.work_id, None)
        self.keys += [order.id for order in turn.orders] + [errand.id for errand in turn.errands]
        self.works.update({errand.id: errand for errand in turn.errands})
        kept = turn.state and state_from_json(orjson.loads(orjson.dumps(state_to_json(turn.state))))
        assert kept == turn.state, "a state does not survive storage"
        self.state, self.epoch, self.asked_at, self.last_tap = kept, turn.epoch, turn.asked_at, turn.last_tap
        if turn.place != self.place:
            # The question is delivered at once; a test that wants it under way sets `shown_at` back to 0.
            self.place, self.shown_at = turn.place, self.now
        self.held = [item for item in heard if item.id in turn.held]
        self.first = False
        self.language = next(
            (order.args["language"] for order in reversed(turn.orders) if order.key == "set_language"), self.language
        )
        self.offered = next((said.buttons for said in reversed(turn.said) if said.buttons), self.offered)
        assert not self.held or self.pending, "held with nothing to wait for"

    # --- what a test looks at

    @property
    def asked_key(self) -> str | None:
        """The key of the question that is open; None at a call or outside a flow."""
        if self.state is None:
            return None
        begin = self.flows[self.state.flow].begin
        stand = replay(begin(from_json(self.state.who, self.who.trade), self.state.args), self.state.journal, 0)
        return stand.step.key if isinstance(stand, Waiting) and isinstance(stand.step, Ask) else None

    @property
    def journal(self) -> list[tuple[str, str]]:
        return [(entry.kind, entry.key) for entry in self.state.journal] if self.state else []

    @property
    def flow(self) -> str | None:
        return self.state.flow if self.state else None


def at_meter(who: Customer = NOBODY) -> Chat:
    """A purchase at its first question."""
    chat = Chat(who)
    chat.type("buy")
    return chat


def at_lookup(who: Customer = NOBODY) -> Chat:
    """A purchase while the utility is asked whose meter it is."""
    chat = at_meter(who)
    chat.type(METER.reveal())
    return chat


def at_confirm(who: Customer = NOBODY) -> Chat:
    """A purchase of 500 shillings with everything said, at the question that commits."""
    chat = at_lookup(who)
    chat.answer(found())
    chat.type("500")
    if chat.pending is None:
        chat.share()
    chat.answer(priced())
    assert chat.asked_key == "confirm"
    return chat


def dispositions(turn: Turn) -> list[str]:
    """How each input was answered, in the order of the inputs."""
    return [turn.answered[key] for key in sorted(turn.answered)]


def asked(turn: Turn) -> list[Said]:
    """The questions a turn puts."""
    return [said for said in turn.said if said.question]


def choices(said: Said) -> list[str]:
    """The ids behind a message's buttons, without their place."""
    return [data.rpartition(".")[2] for data, _ in said.buttons]


def sentences(turn: Turn) -> Body:
    """Everything a turn says, line by line."""
    return tuple(text for said in turn.said for text in said.body)


def order_of(turn: Turn) -> Order:
    [order] = turn.orders
    return order

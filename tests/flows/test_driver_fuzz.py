"""Whatever is sent in whatever order: nothing raises, every input ends, no key is used twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.customer import Customer
from flows.driver import HELD_MAX
from flows.turn import Fact
from integrations.contract.message import Content, Edited, Reachable, SharedPhone, Tapped, Typed, Unreadable
from tests.flows.chat import (
    METER,
    NOBODY,
    OTHER_PHONE,
    PHONE,
    REGULAR,
    Chat,
    found,
    priced,
    sorry,
)

WORDS = [
    "buy", "again", "meters", "token", "status", "help", "agent", "language", "stop", "start", "menu", "back", "cancel",
    "yes", "no", "1", "2", "3", "200", "500", "1500", "1234", "14123456783", "14120000055", "14123456784",
    "0712345678", "mama", "hello", "pin", "habari", "kiswahili", "english", "français", "meter", "Another meter",
    "Buy again", "Change", "Kiswahili",
]  # fmt: skip
LINES = [
    "500 14123456783", "500 mama", "my pin is 4821", "SKP4T7XYZ1 Confirmed. Ksh5 sent", "KES 500", "😀", "", " ", "\0",
]  # fmt: skip
CHOICES = [
    "yes",
    "no",
    "pay",
    "change",
    "amount",
    "payer",
    "meter",
    "stop",
    "own",
    "m0",
    "buy",
    "name",
    "forget",
    "a50000",
    "",
]
ANSWERS = [
    found(), found(owner=""), priced(), priced(0), sorry(over=True), sorry(over=False), None,
    {"meter": "14123456783", "owner": "A", "amount": [50_000, "KES"]}, {}, [], "x",
]  # fmt: skip

TAPS = ["go:buy", "go:cancel", "go:", "lang:sw", "lang:", "retry:p1:1", "retry:p1:x", "0.0.m0", "0..", ":::", "0.6.pay"]

MEANT: dict[str, Any] = {
    "find_meter": found(), "price": priced(), "may_retry": None,
    "last_purchase": {"meter": METER.reveal(), "owner": "A", "amount": [50_000, "KES"]},
}  # fmt: skip

typed = st.builds(Typed, st.sampled_from(WORDS) | st.sampled_from(LINES) | st.text(max_size=40))
tapped = st.sampled_from(TAPS).map(lambda data: Tapped(data, "m")) | st.builds(
    Tapped, st.text(max_size=64), st.just("m")
)
others: st.SearchStrategy[Content] = st.sampled_from(
    [
        SharedPhone(PHONE, own=True), SharedPhone(OTHER_PHONE, own=False), Edited(), Unreadable("photo"),
        Reachable(True), Reachable(False),
    ]
)  # fmt: skip
contents: st.SearchStrategy[Content] = st.one_of(typed, tapped, others)
#: ("choice", id): a button of the question that is open at that moment; ("answer", value): the pending call's.
#: ("on", n): the customer goes on as meant, n steps, so that chats get anywhere at all.
moves = (
    st.tuples(st.just("on"), st.integers(1, 8))
    | st.tuples(st.just("hear"), st.lists(contents, min_size=1, max_size=5))
    | st.tuples(st.just("choice"), st.sampled_from(CHOICES))
    | st.tuples(st.just("answer"), st.sampled_from(ANSWERS))
    | st.tuples(st.just("fact"), st.just("paid"))
    | st.tuples(st.just("wait"), st.sampled_from([1, 700, 100_000]))
)
customers = st.sampled_from([NOBODY, REGULAR])


def play(chat: Chat, moves: list[tuple[str, object]]) -> None:
    """`Chat` itself checks each turn: it is pure, every input is answered or held, and held only while one waits; a
    payment is opened only by an answer to the question that showed it, and only one.
    """
    for move in moves:
        match move:
            case ("hear", list() as what):
                chat.hear(*what)
            case ("on", int() as steps):
                for _ in range(steps):
                    go_on(chat)
            case ("choice", str() as choice) if chat.state is not None:
                chat.tap(choice)
            case ("answer", value) if chat.pending is not None:
                chat.answer(value)
            case ("fact", str() as event):
                chat.hear(Fact(event))
            case ("wait", int() as seconds):
                chat.now += seconds * 1000
            case _:
                pass


def go_on(chat: Chat) -> None:
    """What somebody does who wants to buy, or to name a meter."""
    match chat.asked_key:
        case None if chat.pending is None:
            chat.type("buy")
        case None:
            chat.answer(MEANT[chat.errand.name])
        case "payer":
            chat.share()
        case "meter" | "amount" | "nickname" as key:
            chat.type({"meter": METER.reveal(), "amount": "500", "nickname": "Shop"}[key])
        case key:
            chat.tap(
                {"confirm": "pay", "change": "amount", "which_of_mine": "m0", "what_to_do": "name"}.get(key, "yes")
            )


@settings(max_examples=400, deadline=None)
@given(customers, st.lists(moves, max_size=30), st.sampled_from(["en", "sw"]))
def test_nothing_raises_every_input_ends_and_no_key_is_used_twice(
    who: Customer, moves: list[tuple[str, object]], language: str
) -> None:
    chat = Chat(who, language=language, first=True)
    play(chat, moves)
    assert len(chat.keys) == len(set(chat.keys))
    assert len(chat.held) <= HELD_MAX


@settings(deadline=None)
@given(customers, st.lists(moves, max_size=20), st.lists(contents, min_size=1, max_size=4))
def test_cancel_always_ends_in_a_chat_that_starts_again(
    who: Customer, moves: list[tuple[str, object]], burst: list[Content]
) -> None:
    chat = Chat(who)
    play(chat, moves)
    chat.hear(*burst, Typed("cancel"))
    assert (chat.flow, chat.pending, chat.held) == (None, None, [])
    chat.type("buy")
    assert chat.asked_key == "meter"


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(-2, 300))
def test_any_call_answer_is_taken_or_politely_starts_again(noise: bytes, number: int) -> None:
    for value in (noise.decode("latin-1"), number, [number], {"sorry": number}, {"meter": "x", "owner": number}):
        chat = Chat()
        chat.type("buy", "14123456783")
        chat.answer(value)
        assert chat.pending is None

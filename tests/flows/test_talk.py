"""The kernel: what each step does, what a replay says of a journal, and what it refuses."""

from __future__ import annotations

from typing import Any, Literal, assert_type

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.customer import Customer
from flows.lookups import FoundMeter, Sorry, find_meter, may_retry
from flows.questions import confirm, how_much, who_pays
from flows.talk import (
    Answer,
    Ask,
    Call,
    Choice,
    Commit,
    Diverged,
    Entry,
    Finished,
    Invalid,
    Journal,
    Say,
    Waiting,
    answer_from_json,
    answer_to_json,
    back,
    before_last_call,
    kind_of,
    replay,
)
from flows.text import T, Text
from flows.turn import State, state_from_json, state_to_json
from integrations.contract.money import Money
from integrations.contract.people import MeterNumber, Phone
from tests.flows.chat import KES, METER, TRADE, offer

HELLO, FOUND, BYE = Say((Text("hello"),)), Say((Text("found"),)), Say((Text("bye"),))

ASKED = Entry("ask", "count", {"text": "3"})
CALLED = Entry("call", "price", 7)
COMMITTED = Entry("commit", "open")
JOURNAL = (ASKED, CALLED, COMMITTED)


def number(answer: Answer) -> int:
    if not answer.text.isdecimal():
        raise Invalid(Text("not a number"))
    return int(answer.text)


def doubled(data: Any) -> int:
    return int(data) * 2


async def order(seen: list[object]) -> None:
    """One step of each kind; `seen` is what each gave back."""
    await HELLO
    count = await Ask("count", (Text("how many?"),), number)
    seen.append(count)
    seen.append(await Call("price", {"count": count}, doubled))
    await FOUND
    await Commit("open", {"count": count})
    await BYE


def stand(journal: Journal = (), spoken: int = -1) -> Waiting | Finished:
    return replay(order([]), journal, spoken)


# --- each step


def test_steps_give_their_values_and_a_full_journal_runs_to_the_end() -> None:
    seen: list[object] = []
    assert replay(order(seen), JOURNAL, -1) == Finished(3, (HELLO, FOUND, BYE))
    assert seen == [3, 14]


def test_an_ask_is_where_an_empty_journal_stops() -> None:
    at = stand()
    assert isinstance(at, Waiting)
    assert isinstance(at.step, Ask)
    assert (at.step.key, at.position, at.said) == ("count", 0, (HELLO,))


def test_a_call_carries_what_is_asked_of_the_world() -> None:
    at = stand((ASKED,))
    assert isinstance(at, Waiting)
    assert isinstance(at.step, Call)
    assert (at.step.key, at.step.args, at.position) == ("price", {"count": 3}, 1)


def test_a_commit_is_waited_for_like_an_answer() -> None:
    at = stand((ASKED, CALLED))
    assert isinstance(at, Waiting)
    assert at.step == Commit("open", {"count": 3})


@pytest.mark.parametrize(("step", "kind"), [(Commit("k"), "commit"), (Call("k", {}, doubled), "call")])
def test_the_kind_of_a_step_is_the_kind_of_its_entry(step: Commit | Call[int], kind: str) -> None:
    assert kind_of(step) == kind
    assert kind_of(Ask("k", (), number)) == "ask"


def test_steps_inside_functions_of_a_flow_count_like_its_own() -> None:
    async def two() -> int:
        return await Ask("a", (), number) + await Ask("b", (), number)

    sums: list[int] = []

    async def flow() -> None:
        sums.append(await two())

    assert replay(flow(), (Entry("ask", "a", {"text": "1"}), Entry("ask", "b", {"text": "2"})), -1).position == 2
    assert sums == [3]


def test_a_loop_asks_the_same_key_at_other_positions() -> None:
    async def flow() -> None:
        while await Ask("more", (), number):
            pass

    more = Entry("ask", "more", {"text": "1"})
    at = replay(flow(), (more,) * 5, -1)
    assert isinstance(at, Waiting)
    assert at.position == 5
    assert isinstance(replay(flow(), (more, Entry("ask", "more", {"text": "0"})), -1), Finished)


# --- what was said


@pytest.mark.parametrize(
    ("spoken", "said"), [(-1, (HELLO, FOUND, BYE)), (0, (FOUND, BYE)), (1, (FOUND, BYE)), (2, (BYE,)), (3, ())]
)
def test_only_what_is_said_beyond_the_last_finished_turn_is_live(spoken: int, said: tuple[Say, ...]) -> None:
    assert stand(JOURNAL, spoken).said == said


def test_a_turn_that_was_lost_says_again_and_a_finished_one_does_not() -> None:
    first = stand((ASKED, CALLED), spoken=0)
    assert first.said == (FOUND,)
    assert stand((ASKED, CALLED), spoken=0) == first
    assert stand((ASKED, CALLED), spoken=first.position).said == ()


def test_a_text_added_by_a_later_release_does_not_disturb_a_conversation() -> None:
    async def later() -> None:
        await Say((Text("new"),))
        await HELLO
        await Ask("count", (), number)
        await Say((Text("newer"),))
        await Call("price", {}, doubled)

    at = replay(later(), (ASKED,), 1)
    assert isinstance(at, Waiting)
    assert (at.position, at.said) == (1, ())
    assert len(replay(later(), (ASKED,), 0).said) == 1


# --- back


@pytest.mark.parametrize(
    ("kinds", "left"),
    [
        ("", None), ("a", 0), ("c", None), ("ac", 0), ("acc", 0), ("aca", 2), ("acac", 2), ("m", None), ("am", None),
        ("amc", None), ("ama", 2), ("amcac", 3),
    ],
)  # fmt: skip
def test_back_cuts_the_last_answer_and_never_a_commit(kinds: str, left: int | None) -> None:
    names = {"a": Entry("ask", "k"), "c": Entry("call", "k"), "m": Entry("commit", "k")}
    journal = tuple(names[kind] for kind in kinds)
    assert back(journal) == (None if left is None else journal[:left])


def test_back_over_a_call_asks_the_question_and_then_the_world_again() -> None:
    journal = back((ASKED, CALLED))
    assert journal == ()
    at = stand(journal, spoken=0)
    assert isinstance(at, Waiting)
    assert isinstance(at.step, Ask)
    assert at.said == ()
    again = stand((Entry("ask", "count", {"text": "4"}),))
    assert isinstance(again, Waiting)
    assert isinstance(again.step, Call)
    assert again.step.args == {"count": 4}


@pytest.mark.parametrize(
    ("kinds", "left"), [("", 0), ("a", 1), ("ac", 1), ("aca", 1), ("cm", 2), ("cma", 3), ("mc", 1)]
)
def test_what_is_looked_up_again_begins_at_the_last_call_and_never_before_a_commit(kinds: str, left: int) -> None:
    names = {"a": Entry("ask", "k"), "c": Entry("call", "k"), "m": Entry("commit", "k")}
    journal = tuple(names[kind] for kind in kinds)
    assert before_last_call(journal) == journal[:left]


# --- journals that do not fit


@pytest.mark.parametrize(
    ("journal", "sides"),
    [
        ((Entry("ask", "how_many", {"text": "3"}),), ("ask count", "ask how_many")),
        ((Entry("call", "count", 3),), ("ask count", "call count")),
        ((ASKED, Entry("call", "quote", 7)), ("call price", "call quote")),
        ((ASKED, CALLED, Entry("commit", "close")), ("commit open", "commit close")),
        ((*JOURNAL, Entry("ask", "again", {})), ("its end", "ask again")),
        ((Entry("ask", "count", {"text": "three"}),), ("parser of count", "earlier release")),
        ((Entry("ask", "count", {"voice": "3"}),), ("parser of count", "earlier release")),
        ((Entry("ask", "count"),), ("parser of count", "earlier release")),
        ((ASKED, Entry("call", "price", {"cents": 7})), ("parser of price", "earlier release")),
        ((ASKED, Entry("call", "price")), ("parser of price", "earlier release")),
    ],
)
def test_a_journal_of_another_release_diverges_and_names_both_sides(journal: Journal, sides: tuple[str, str]) -> None:
    with pytest.raises(Diverged) as diverged:
        stand(journal)
    for side in sides:
        assert side in str(diverged.value)


def test_the_position_of_a_divergence_is_that_of_the_entry() -> None:
    with pytest.raises(Diverged, match="entry 1 "):
        stand((ASKED, Entry("call", "price", "x")))


def test_a_divergence_says_nothing_of_what_people_typed() -> None:
    with pytest.raises(Diverged) as diverged:
        stand((Entry("ask", "count", {"text": "secret"}),))
    assert "secret" not in str(diverged.value)


# --- what is stored


@settings(deadline=None)
@given(st.builds(Answer, st.text(), st.text(), st.text()))
def test_an_answer_survives_storage(answer: Answer) -> None:
    stored = orjson.dumps(answer_to_json(answer))
    assert answer_from_json(orjson.loads(stored)) == answer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(
    st.builds(
        State, st.text(), st.integers(0, 9), JSON, JSON,
        st.lists(st.builds(Entry, st.sampled_from(("ask", "call", "commit")), st.text(), JSON), max_size=4).map(tuple),
        st.integers(-1, 200), st.integers(-1, 200), st.integers(0, 9),
    )
)  # fmt: skip
def test_where_a_flow_stands_survives_storage(state: State) -> None:
    assert state_from_json(orjson.loads(orjson.dumps(state_to_json(state)))) == state


def test_an_answer_without_anything_is_stored_as_nothing() -> None:
    assert answer_to_json(Answer()) == {}
    assert answer_to_json(Answer(choice="pay")) == {"choice": "pay"}


# --- what the type checker sees


async def typed(who: Customer, seen: list[object]) -> None:
    """`assert_type` is read by mypy, which is part of the checks; here it also runs."""
    found = await find_meter(METER)
    assert_type(found, FoundMeter | Sorry)
    assert isinstance(found, FoundMeter)
    amount = await how_much(who, found)
    assert isinstance(amount, Money)
    payer = await who_pays(who)
    assert_type(payer, Phone)
    decision = await confirm(who, found, amount, payer, offer())
    assert_type(decision, Literal["pay", "change", "stop"] | Money)
    assert_type(await may_retry("p1", 1), Sorry | None)
    yes = await Ask("yes", (), lambda answer: answer.text == "yes", (Choice("yes", T("Yes")),))
    assert_type(yes, bool)
    seen.extend((found, amount, payer, decision))


def test_steps_have_the_types_the_checker_was_told() -> None:
    seen: list[object] = []
    found = {"meter": METER.reveal(), "owner": "A", "minimum": None, "maximum": None}
    journal = (
        Entry("call", "find_meter", found), Entry("ask", "amount", {"text": "500"}),
        Entry("ask", "payer", {"phone": "+254712345678"}), Entry("ask", "confirm", {"choice": "pay"}),
        Entry("call", "may_retry", None), Entry("ask", "yes", {"text": "yes"}),
    )  # fmt: skip
    assert isinstance(replay(typed(Customer(TRADE), seen), journal, -1), Finished)
    assert seen == [FoundMeter(MeterNumber(METER.reveal()), "A", None, None), KES(500), Phone("+254712345678"), "pay"]

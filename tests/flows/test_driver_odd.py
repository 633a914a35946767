"""What people send that is no answer, and flows that do not fit their journal, raise, or never end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace

import pytest

from flows import words
from flows.customer import Customer, to_json
from flows.progress import MISSES_BEFORE_HELP
from flows.talk import JOURNAL_ENTRIES_MAX, Answer, Ask, Commit, Entry, Invalid, Say
from flows.text import Json, Text
from flows.turn import Script, State
from integrations.contract.message import Edited, Reachable, SharedPhone, Typed, Unreadable
from tests.flows.chat import (
    NOBODY,
    OTHER_PHONE,
    PHONE,
    REGULAR,
    Chat,
    asked,
    at_confirm,
    at_lookup,
    at_meter,
    choices,
    dispositions,
    found,
    order_of,
    sentences,
)

HELP_OFFERED = "*help*"


def offers_help(chat: Chat, text: str) -> bool:
    return any(HELP_OFFERED in line.msgid for line in sentences(chat.type(text)))


# --- secrets


@pytest.mark.parametrize("text", ["1234", "0000", "123456", "my pin is 4821", "siri yangu 4821", "4 8 2 1"])
@pytest.mark.parametrize("at", [Chat, at_confirm])
def test_S45_F116_a_pin_is_blanked_warned_of_and_not_kept(at: Callable[[], Chat], text: str) -> None:
    chat = at()
    before = chat.journal
    turn = chat.type(text)
    assert dispositions(turn) == ["pin"]
    assert turn.blanked == list(turn.answered)
    assert all(line in sentences(turn) for line in words.PIN_WARNING)
    assert chat.journal == before


def test_S45_a_number_is_no_pin_where_one_is_asked_for() -> None:
    chat = Chat(REGULAR)
    chat.type("buy", "mama")
    chat.answer(found())
    turn = chat.type("1234")
    assert (dispositions(turn), turn.blanked) == (["answer"], [])


@pytest.mark.parametrize("text", ["my pin is 4821", "pin 4821", "siri 4821", "4539578763621486"])
def test_S45_a_secret_that_is_named_is_not_kept_where_any_words_would_do(text: str) -> None:
    chat = Chat(REGULAR)
    chat.type("meters", "mama", "2")
    assert chat.asked_key == "nickname"
    turn = chat.type(text)
    assert (dispositions(turn), len(turn.blanked), turn.orders) == (["pin"], 1, [])
    assert chat.asked_key == "nickname"


def test_a_meter_number_of_card_length_is_no_card() -> None:
    chat = at_meter()
    chat.type("4539578763628")
    assert chat.journal == [("ask", "meter")]
    chat = at_confirm()
    assert dispositions(chat.type("4539578763628")) == ["misfit"]


# --- contacts


def test_somebody_elses_contact_is_nobodys_phone() -> None:
    for chat in (Chat(), at_meter(), at_lookup()):
        before = chat.journal
        turn = chat.share(OTHER_PHONE, own=False)
        assert (dispositions(turn), turn.orders, chat.journal) == (["foreign contact"], [], before)


def test_the_senders_own_phone_is_proved_wherever_it_is_shared_and_answers_who_pays() -> None:
    for chat in (Chat(), at_meter(), at_lookup()):
        order = order_of(chat.share())
        assert (order.key, order.args) == ("prove_phone", {"phone": PHONE.reveal()})
    chat = at_lookup()
    chat.answer(found())
    chat.type("500")
    [payer] = [said for said in asked(chat.type("help")) if said.share_phone]
    assert choices(payer) == []
    chat.share()
    assert chat.errand.args["payer"] == PHONE.reveal()


def test_two_phones_shared_at_once_are_two_orders_under_ids_of_their_own() -> None:
    turn = Chat().hear(SharedPhone(PHONE, own=True), SharedPhone(OTHER_PHONE, own=True))
    assert [order.args["phone"] for order in turn.orders] == [PHONE.reveal(), OTHER_PHONE.reveal()]
    assert len({order.id for order in turn.orders}) == 2


# --- misses


def test_help_is_offered_after_some_misses_in_a_row() -> None:
    chat = at_meter()
    assert [offers_help(chat, "what?") for _ in range(MISSES_BEFORE_HELP + 1)] == [False, False, True, True]


def test_an_answer_that_fits_begins_the_count_again() -> None:
    chat = at_meter()
    for _ in range(MISSES_BEFORE_HELP - 1):
        assert not offers_help(chat, "what?")
    chat.type("14123456784")
    assert chat.asked_key == "number_is_right"
    assert not offers_help(chat, "what?")


def test_a_misfit_asks_the_same_place_again_with_the_same_buttons() -> None:
    chat = at_confirm()
    before = chat.button("pay")
    [again] = asked(chat.type("what?"))
    assert before.data in [data for data, _ in again.buttons]


@pytest.mark.parametrize(
    ("content", "how"), [(Edited(), "edited"), (Unreadable("photo"), "unreadable"), (Typed("hi"), "greeting")]
)
@pytest.mark.parametrize("at", [at_meter, at_confirm])
def test_what_is_no_answer_repeats_the_question_and_moves_nothing(
    at: Callable[[], Chat], content: Edited | Unreadable | Typed, how: str
) -> None:
    chat = at()
    before = (chat.journal, chat.epoch, chat.asked_key)
    turn = chat.hear(content)
    assert (dispositions(turn), len(asked(turn))) == ([how], 1)
    assert (chat.journal, chat.epoch, chat.asked_key) == before


def test_being_blocked_and_unblocked_is_noted_and_nothing_is_said() -> None:
    turn = at_confirm().hear(Reachable(False), Reachable(True))
    assert (dispositions(turn), turn.said) == (["noted", "noted"], [])


@pytest.mark.parametrize("text", ["SKP4T7XYZ1 Confirmed. Ksh500.00 sent to BILI"])
def test_a_forwarded_operator_sms_is_looked_up_and_proves_nothing(text: str) -> None:
    for chat in (Chat(), at_confirm()):
        turn = chat.type(text)
        assert (turn.orders, [one.name for one in turn.errands]) == ([], ["status"])
        assert turn.errands[0].args == {"receipt": "SKP4T7XYZ1"}


# --- states that do not fit


def state(flow: str = "buy_power", revision: int = 2, *journal: Entry) -> State:
    return State(flow, revision, to_json(NOBODY), {}, journal)


@pytest.mark.parametrize(
    "stored",
    [
        state("sell_power"),
        state("buy_power", 1),
        state("buy_power", 3),
        state("buy_power", 2, Entry("ask", "colour", {"text": "red"})),
        state("buy_power", 2, Entry("ask", "meter", {"text": "none"})),
        state("buy_power", 2, Entry("ask", "meter", {"text": "14123456783"}), Entry("call", "find_meter", [])),
        state("my_meters", 2, Entry("ask", "which_of_mine", {"choice": "m0"})),
    ],
)
def test_a_state_of_another_release_politely_starts_again(stored: State) -> None:
    chat = Chat(state=stored, epoch=4)
    turn = chat.type("thank you")
    assert (chat.flow, chat.epoch, turn.orders, turn.errands) == (None, 5, [], [])
    assert choices(turn.said[0])
    chat.type("buy")
    assert chat.asked_key == "meter"


def test_a_word_to_a_state_of_another_release_still_acts() -> None:
    chat = Chat(state=state("sell_power"), epoch=4)
    chat.type("buy")
    assert (chat.flow, chat.asked_key) == ("buy_power", "meter")


# --- flows that misbehave


def number(answer: Answer) -> int:
    if not answer.text.isdecimal():
        raise Invalid(Text("no number"))
    return int(answer.text)


async def counts(_who: Customer, _args: Mapping[str, Json]) -> None:
    while await Ask("n", (Text("?"),), number, expects_number=True) != 7:
        pass
    await Commit("done")
    await Say((Text("done"),))


async def breaks(_who: Customer, _args: Mapping[str, Json]) -> None:
    if await Ask("n", (Text("?"),), number, expects_number=True) == 13:
        raise ZeroDivisionError


def of(flow: Callable[[Customer, Mapping[str, Json]], object]) -> Chat:
    chat = Chat(flows={"buy_power": Script(1, flow)})  # type: ignore[arg-type]  # an async def is a Flow
    chat.type("buy")
    return chat


def test_a_flow_that_raises_leaves_no_turn_and_nothing_changed() -> None:
    chat = of(breaks)
    before = (chat.state, chat.epoch)
    with pytest.raises(ZeroDivisionError):
        chat.type("13")
    assert (chat.state, chat.epoch) == before
    chat.type("12")
    assert chat.flow is None


def filled(entries: int) -> Chat:
    chat = of(counts)
    assert chat.state is not None
    chat.state = replace(chat.state, journal=(Entry("ask", "n", {"text": "1"}),) * entries, spoken=entries)
    return chat


def test_a_journal_has_an_end() -> None:
    chat = filled(JOURNAL_ENTRIES_MAX - 2)
    assert dispositions(chat.type("1")) == ["answer"]
    assert len(chat.journal) == JOURNAL_ENTRIES_MAX - 1
    turn = chat.type("1")
    assert chat.journal == []
    assert turn.orders == []
    assert choices(turn.said[-1])


def test_what_is_committed_at_the_very_end_of_a_journal_is_not_denied() -> None:
    chat = filled(JOURNAL_ENTRIES_MAX - 1)
    turn = chat.type("7")
    assert order_of(turn).key == "done"
    assert [line.msgid for line in sentences(turn)] == ["done"]
    assert chat.flow is None


# --- thinking


def test_thinking_again_from_the_same_rows_proposes_the_same() -> None:
    chat = at_confirm()
    item = chat.input(chat.button("pay"))
    first = chat.think([item])
    chat.now += 400
    assert chat.think([item]).orders == first.orders


def test_a_view_is_not_changed_by_thinking() -> None:
    for word in ("cancel", "back", "yes", "what?"):
        chat = at_confirm()
        before = deepcopy(chat.state)
        chat.think([chat.input(Typed(word))])
        assert chat.state == before

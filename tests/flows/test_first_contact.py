"""The first words of a conversation: a stranger is welcomed by the first question, in a language that is confirmed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows import words
from flows.customer import Customer
from flows.text import BLANK, Text, verbatim
from flows.turn import Turn
from integrations.contract.message import Tapped, Unreadable
from tests.flows.chat import (
    METER,
    NOBODY,
    PHONE,
    REGULAR,
    TRADE,
    Chat,
    asked,
    dispositions,
    found,
    order_of,
    priced,
    sentences,
    sorry,
)

SWITCH = {code: verbatim(sentence) for code, sentence in words.SWITCH_TO.items()}


def newcomer(language: str = "en", who: Customer = NOBODY) -> Chat:
    return Chat(who, language=language, first=True)


def switches(turn: Turn) -> list[str]:
    """The languages a turn tells how to switch to, as often as it does."""
    return [code for line in sentences(turn) for code, sentence in SWITCH.items() if line == sentence]


def welcomes(turn: Turn) -> bool:
    return any(line in sentences(turn) for line in words.WELCOME if line != BLANK)


def language_set(turn: Turn) -> list[str]:
    return [order.args["language"] for order in turn.orders if order.key == "set_language"]


# --- welcome


@pytest.mark.parametrize("line", ["hi", "Hello!", "habari", "/start", "start", "menu"])
def test_a_stranger_is_welcomed_and_asked_for_the_meter_in_one_message(line: str) -> None:
    chat = newcomer()
    turn = chat.type(line)
    [said] = turn.said
    assert said.question
    assert said.body[: len(words.WELCOME)] == words.WELCOME
    assert said.body[-1].msgid == "Which meter number?"
    assert chat.asked_key == "meter"
    chat.type(METER.reveal())
    assert chat.errand.args == {"meter": METER.reveal()}


@pytest.mark.parametrize("line", ["hi", "start", "menu"])
def test_whoever_has_a_meter_here_gets_the_menu(line: str) -> None:
    chat = newcomer(who=REGULAR)
    [said] = chat.type(line).said
    assert (chat.flow, said.buttons) == (None, words.MENU_BUTTONS)
    assert said.body[: len(words.WELCOME)] == words.WELCOME


@pytest.mark.parametrize("what", ["what is this?", "yes", "help", "lots of words"])
def test_other_first_words_begin_no_order(what: str) -> None:
    chat = newcomer()
    turn = chat.type(what)
    assert (chat.flow, asked(turn)) == (None, [])
    assert turn.said[-1].buttons == words.MENU_BUTTONS


def test_a_stranger_who_comes_back_is_welcomed_the_same_and_shown_the_menu_when_asked_for_it() -> None:
    chat = newcomer()
    chat.type("hi")
    chat.type("cancel")
    assert chat.flow is None
    assert sentences(chat.type("hello"))[: len(words.WELCOME)] == words.WELCOME
    assert chat.asked_key == "meter"
    turn = chat.type("menu")
    assert (chat.flow, turn.said[0].buttons) == (None, words.MENU_BUTTONS)
    chat.type("/start")
    assert chat.asked_key == "meter"


def test_the_welcome_is_said_once_however_often_the_question_is_asked() -> None:
    chat = newcomer()
    chat.type("hi")
    for text in ("what?", "hello", "back"):
        assert not welcomes(chat.type(text)), text
    chat.type(METER.reveal())
    turn = chat.type("back")
    assert sentences(turn) == (Text("Which meter number?"),)


def test_under_the_welcome_are_the_other_language_and_help_and_they_keep_the_place() -> None:
    chat = newcomer()
    [said] = chat.type("hi").said
    assert [data for data, _ in said.buttons] == ["lang:sw", "go:help"]
    before = (chat.epoch, chat.place)
    [helped] = chat.hear(Tapped("go:help", "m1")).said
    assert helped.body[: len(words.HELP)] == words.HELP
    assert helped.buttons == said.buttons
    assert (chat.epoch, chat.place, chat.asked_key) == (*before, "meter")


@pytest.mark.parametrize(("typed", "how"), [("1", "language"), ("2", "help"), ("2.", "help"), ("Help", "help")])
def test_a_global_word_under_a_question_can_be_typed_by_its_place(typed: str, how: str) -> None:
    chat = newcomer()
    chat.type("hi")
    turn = chat.type(typed)
    assert dispositions(turn) == [how]
    assert len(asked(turn)) == 1
    assert chat.asked_key == "meter"


def test_no_more_than_three_buttons_however_many_languages_there_are() -> None:
    many = (("en", "English"), ("fr", "Français"), ("rw", "Ikinyarwanda"), ("sw", "Kiswahili"))
    [said] = newcomer(who=Customer(replace(TRADE, languages=many))).type("hi").said
    assert [data for data, _ in said.buttons] == ["lang:fr", "lang:rw", "go:help"]
    alone = Customer(replace(TRADE, languages=(("en", "English"),)))
    [said] = newcomer(who=alone).type("hi").said
    assert [data for data, _ in said.buttons] == ["go:help"]
    assert said.body == (*words.WELCOME, BLANK, Text("Which meter number?"))


# --- the language is heard


@pytest.mark.parametrize(
    ("guessed", "line", "heard"),
    [
        ("en", "habari", ["sw"]),
        ("en", "nunua umeme", ["sw"]),
        ("en", "nataka umeme", ["sw"]),
        ("en", "nunua 500 14123456783", ["sw"]),
        ("sw", "good morning", ["en"]),
        ("sw", "buy 500 14123456783", ["en"]),
        ("sw", "habari", []),
        ("en", "good morning", []),
        ("sw", "hi", []),
        ("sw", "500 14123456783", []),
        ("sw", "/start", []),
        ("en", "bonjour", []),
        ("en", "muraho", []),
        ("en", "buy stima 500", []),
    ],
)
def test_first_words_outrank_the_language_of_the_app(guessed: str, line: str, heard: list[str]) -> None:
    assert language_set(newcomer(guessed).type(line)) == heard


def test_only_first_words_do() -> None:
    chat = Chat(language="en")
    assert language_set(chat.type("habari")) == []
    chat = newcomer()
    chat.type("hi")
    assert language_set(chat.type("habari")) == []


def test_of_several_first_words_the_first_that_tell_something_count() -> None:
    assert language_set(newcomer().type("hi", "habari", "good morning")) == ["sw"]


def test_a_language_asked_for_at_once_outranks_the_words_before_it() -> None:
    turn = newcomer().type("habari", "english")
    assert language_set(turn) == ["sw", "en"]
    assert len({order.id for order in turn.orders}) == 2


# --- and confirmed


def test_the_first_message_tells_in_each_other_language_how_to_have_it() -> None:
    assert switches(newcomer("en").type("hi")) == ["sw"]
    assert switches(newcomer("sw").type("hi")) == ["en"]
    assert switches(newcomer("en").type("habari")) == ["en"]
    french = Customer(replace(TRADE, languages=(*TRADE.languages, ("fr", "Français"))))
    assert switches(newcomer("sw", french).type("hi")) == ["en", "fr"]


@pytest.mark.parametrize("line", ["what is this?", "help", "4821", "cancel", "stop", "agent", "meters"])
def test_whatever_the_first_message_is(line: str) -> None:
    turn = newcomer().type(line)
    assert len(turn.said) == 1
    assert switches(turn) == ["sw"]
    assert switches(newcomer().hear(Unreadable("photo"))) == ["sw"]


def test_it_is_told_once() -> None:
    chat = newcomer()
    chat.type("hi")
    for text in ("what?", "help", METER.reveal(), "back", "cancel", "hi"):
        assert switches(chat.type(text)) == [], text


def test_after_an_order_in_one_line_it_comes_with_the_first_question_and_not_alone() -> None:
    chat = newcomer()
    turn = chat.type("500 14123456783")
    assert (turn.said, chat.errand.name) == ([], "find_meter")
    turn = chat.answer(found())
    assert (len(turn.said), switches(turn), chat.asked_key) == (1, ["sw"], "payer")
    chat.share()
    assert switches(chat.answer(priced())) == []


def test_it_waits_through_two_calls_and_a_beginning_anew_for_the_first_message() -> None:
    chat = newcomer(who=replace(NOBODY, phone=PHONE))
    chat.type("500 14123456783")
    chat.type("buy")
    assert chat.asked_key == "meter"
    chat = newcomer(who=replace(NOBODY, phone=PHONE))
    chat.type("500 14123456783")
    chat.answer(found())
    turn = chat.answer(priced())
    assert (chat.asked_key, switches(turn)) == ("confirm", ["sw"])


def test_it_comes_with_the_bad_news_where_there_is_no_question() -> None:
    chat = newcomer()
    chat.type("500 14123456783")
    turn = chat.answer(sorry(over=True))
    assert (chat.flow, switches(turn)) == (None, ["sw"])


@pytest.mark.parametrize("line", ["kiswahili", "english", "language"])
def test_whoever_names_or_asks_for_a_language_needs_no_telling(line: str) -> None:
    assert switches(newcomer().type(line)) == []
    chat = newcomer()
    chat.type("500 14123456783")
    chat.type("kiswahili")
    assert switches(chat.answer(found())) == []


# --- and switched


def test_switching_at_the_welcome_says_it_again_in_that_language_and_keeps_the_place() -> None:
    chat = newcomer()
    chat.type("hi")
    before = (chat.epoch, chat.place)
    turn = chat.hear(Tapped("lang:sw", "m1"))
    [said] = turn.said
    assert said.body[0] == verbatim(words.SWITCHED_TO["sw"])
    assert all(line in said.body for line in words.WELCOME)
    assert [data for data, _ in said.buttons] == ["lang:en", "go:help"]
    assert (chat.epoch, chat.place, chat.asked_key) == (*before, "meter")
    [back] = chat.type("english").said
    assert [data for data, _ in back.buttons] == ["lang:sw", "go:help"]


def test_switching_later_does_not_welcome_again() -> None:
    chat = newcomer()
    chat.type("hi")
    chat.type(METER.reveal())
    chat.answer(found())
    turn = chat.type("kiswahili")
    assert not welcomes(turn)
    assert chat.asked_key == "amount"


def test_a_stranger_whose_first_word_is_a_language_is_welcomed_in_it() -> None:
    chat = newcomer()
    turn = chat.type("Kiswahili")
    assert (order_of(turn).args, len(turn.said), chat.asked_key) == ({"language": "sw"}, 1, "meter")
    assert [data for data, _ in turn.said[0].buttons] == ["lang:en", "go:help"]

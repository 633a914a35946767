"""A language can be named at any moment, in any language: it is spoken from then on, and the place is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from flows import words
from flows.customer import Customer
from flows.text import Text, verbatim
from integrations.contract.message import Typed
from tests.flows.chat import (
    REGULAR,
    TRADE,
    Chat,
    asked,
    at_confirm,
    at_lookup,
    at_meter,
    dispositions,
    found,
    order_of,
    sentences,
)

STATES: dict[str, Callable[[], Chat]] = {
    "idle": Chat, "at the first question": at_meter, "at a call": at_lookup, "at the confirmation": at_confirm,
}  # fmt: skip
every_state = pytest.mark.parametrize("state", STATES)


@every_state
@pytest.mark.parametrize(
    ("said", "code"),
    [("Kiswahili", "sw"), ("swahili", "sw"), ("English", "en"), ("kiingereza", "en"), ("anglais", "en")],
)
def test_a_language_that_is_named_is_spoken_at_once_and_the_place_is_kept(said: str, code: str, state: str) -> None:
    chat = STATES[state]()
    before = (chat.journal, chat.epoch, chat.asked_key, chat.pending)
    turn = chat.type(said)
    assert dispositions(turn) == ["language"]
    assert (order_of(turn).key, order_of(turn).args) == ("set_language", {"language": code})
    assert (chat.journal, chat.epoch, chat.asked_key, chat.pending) == before
    assert sentences(turn)[0] == verbatim(words.SWITCHED_TO[code])
    assert len(turn.said) == 1
    assert len(asked(turn)) == (chat.asked_key is not None)


@every_state
@pytest.mark.parametrize("said", ["français", "kifaransa", "kinyarwanda"])
def test_a_language_we_do_not_speak_is_answered_with_those_we_do(said: str, state: str) -> None:
    turn = STATES[state]().type(said)
    assert (dispositions(turn), turn.orders) == (["language"], [])
    assert [data for data, _ in turn.said[0].buttons] == ["lang:en", "lang:sw"]


@pytest.mark.parametrize("said", ["klingon", "speak klingon", "languages of the world"])
def test_a_word_that_is_no_language_switches_nothing(said: str) -> None:
    assert dispositions(Chat().type(said)) == ["not understood"]
    chat = at_confirm()
    turn = chat.type(said)
    assert (dispositions(turn), turn.orders, chat.asked_key) == (["misfit"], [], "confirm")


def test_naming_a_language_during_a_call_discards_nothing() -> None:
    chat = at_lookup(REGULAR)
    chat.type("500")
    turn = chat.type("kiswahili")
    assert len(chat.held) == 1
    assert order_of(turn).args == {"language": "sw"}
    chat.answer(found())
    assert chat.errand.args["amount"] == [50_000, "KES"]


def test_a_name_is_a_language_even_where_any_words_would_do() -> None:
    chat = Chat(REGULAR)
    chat.type("meters", "mama", "2")
    assert chat.asked_key == "nickname"
    assert order_of(chat.type("english")).key == "set_language"
    assert chat.asked_key == "nickname"


def test_the_offer_does_not_get_younger_and_the_buttons_stay_good() -> None:
    chat = at_confirm()
    pay, before = chat.button("pay"), chat.asked_at
    chat.hear(Typed("kiswahili"), seconds=100)
    assert chat.asked_at == before
    assert order_of(chat.hear(pay)).key == "open_payment"


def test_a_language_without_a_sentence_of_its_own_is_named_in_a_neutral_one() -> None:
    chat = Chat(Customer(replace(TRADE, languages=(("en", "English"), ("rw", "Ikinyarwanda")))))
    turn = chat.type("kinyarwanda")
    assert order_of(turn).args == {"language": "rw"}
    assert sentences(turn)[0] == Text("Language: *{language}*", {"language": "Ikinyarwanda"})


def test_each_sentence_about_a_language_is_in_that_language() -> None:
    assert words.SWITCH_TO.keys() == words.SWITCHED_TO.keys()
    for code, own in (("en", "English"), ("sw", "Kiswahili"), ("fr", "français")):
        assert own in words.SWITCHED_TO[code]
        assert words.SWITCH_TO[code].startswith(own[0].upper() + own[1:])


def test_what_the_sentence_says_to_write_is_understood() -> None:
    for code, sentence in words.SWITCH_TO.items():
        name = sentence.rstrip(".").rpartition(" ")[2]
        chat = Chat(Customer(replace(TRADE, languages=(("en", "English"), (code, name)))))
        assert order_of(chat.type(name)).args == {"language": code}


def test_asked_for_a_language_both_the_name_and_the_place_are_an_answer() -> None:
    for answer in ("2", "Kiswahili", "kiswahili"):
        chat = Chat()
        chat.type("lugha")
        assert order_of(chat.type(answer)).args == {"language": "sw"}

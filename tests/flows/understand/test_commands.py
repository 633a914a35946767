"""Commands, yes and no, greetings and choices: the corpora, the tables' hygiene, and every text there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import words
from flows.characters import fold
from flows.commands import COMMON, GREETINGS, LANGUAGE_NAMES, NO, PHRASE_LENGTH_MAX, PHRASES, YES
from flows.one_line import ONE_LINE_LENGTH_MAX
from flows.understand import (
    Command,
    choice_in,
    command_in,
    greeting_in,
    label_in,
    language_named,
    language_of,
    order_language,
    yes_no_in,
)
from tests.flows.understand.corpus import Case, cases

COMMANDS = cases("commands.txt")
ANSWERS = cases("answers.txt")
CHOICES = cases("choices.txt")
LANGUAGES = cases("languages.txt")
CODES = ("en", "sw", "fr")

EVERY_PHRASE = [
    (phrase, command) for table in PHRASES.values() for command, row in table.items() for phrase in row.split(", ")
]


@pytest.mark.parametrize("case", COMMANDS, ids=lambda case: case.where)
def test_the_corpus_of_commands_is_read_as_written(case: Case) -> None:
    command = command_in(case.typed)
    assert (command.value if command else "none") == case.expected


@pytest.mark.parametrize("case", ANSWERS, ids=lambda case: case.where)
def test_the_corpus_of_answers_is_read_as_written(case: Case) -> None:
    named = {True: "yes", False: "no", None: "hello" if greeting_in(case.typed) else "none"}
    assert named[yes_no_in(case.typed)] == case.expected


@pytest.mark.parametrize("case", CHOICES, ids=lambda case: case.where)
def test_the_corpus_of_choices_is_read_as_written(case: Case) -> None:
    chosen = choice_in(case.typed, case.section.split(" | "))
    assert (str(chosen + 1) if chosen is not None else "none") == case.expected


@pytest.mark.parametrize("case", LANGUAGES, ids=lambda case: case.where)
def test_the_corpus_of_languages_is_read_as_written(case: Case) -> None:
    match case.section:
        case "named":
            code = language_named(case.typed)
        case "said":
            code = language_of(case.typed, CODES)
        case _:
            code = order_language(case.typed, CODES)
    assert (code or "none") == case.expected


@pytest.mark.parametrize("text", ["habari", "nunua 500", "bonjour", "hello"])
def test_a_language_we_do_not_speak_is_not_heard(text: str) -> None:
    assert language_of(text, ["en"]) is None
    assert order_language(text, ["en"]) is None


def test_words_of_every_language_are_phrases_of_the_tables_and_tell_of_none() -> None:
    known = {phrase for phrase, _ in EVERY_PHRASE}.union(
        phrase for table in (YES, NO, GREETINGS) for row in table.values() for phrase in row.split(", ")
    )
    for phrase in COMMON.split(", "):
        assert phrase in known, phrase
        assert language_of(phrase, CODES) is None


def test_the_corpora_name_every_command() -> None:
    assert {case.expected for case in COMMANDS} == {"none", *(command.value for command in Command)}
    assert len(COMMANDS) >= 200


def test_F115_every_phrase_of_every_language_is_its_command_however_it_is_written() -> None:
    for phrase, command in [(phrase, command) for phrase, command in EVERY_PHRASE if phrase[-1].isalnum()]:
        for typed in (phrase, phrase.upper(), f"  {phrase.title()}.", f"*{phrase}*", f"{phrase} 🙏"):
            assert command_in(typed) is command, typed


def test_a_phrase_stands_in_one_place_of_all_tables() -> None:
    said = [phrase for phrase, _ in EVERY_PHRASE] + [
        phrase for table in (YES, NO, GREETINGS, LANGUAGE_NAMES) for row in table.values() for phrase in row.split(", ")
    ]
    assert len(said) == len(set(said))
    assert [phrase for phrase in said if fold(phrase).removesuffix("\ufe0f") != phrase] == []


def test_F115_english_swahili_and_french_have_a_phrase_for_every_command() -> None:
    for language in ("en", "sw", "fr"):
        assert set(PHRASES[language]) == set(Command), language


def test_every_command_is_its_own_slash_command() -> None:
    for command in Command:
        for typed in (f"/{command.value}", f"/{command.value}@BiliBot", f"/{command.value}@BiliBot a payload"):
            assert command_in(typed) is command


def test_the_labels_of_the_menu_can_be_typed() -> None:
    for choice in (*words.MENU, words.STATUS, words.HELP_CHOICE, words.MENU_CHOICE):
        assert command_in(choice.label.msgid) is Command(choice.id)


def test_cancel_never_opts_out_and_opt_out_words_never_only_cancel() -> None:
    assert command_in("CANCEL") is Command.CANCEL
    for word in ("STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT"):
        assert command_in(word) is Command.STOP


@given(st.sampled_from([phrase for phrase, command in EVERY_PHRASE if command is Command.STOP]), st.text("abc 1"))
def test_an_opt_out_word_counts_only_as_the_whole_message(word: str, more: str) -> None:
    rest = more.strip()
    expected = Command.STOP if not rest else None
    assert command_in(f"{word} x{rest}" if rest else word) is expected


@given(st.text(st.characters(exclude_categories=()), max_size=200))
def test_F110_no_text_makes_them_fail_and_no_text_is_two_things(text: str) -> None:
    heard = [command_in(text), yes_no_in(text), greeting_in(text) or None, language_named(text)]
    assert sum(each is not None for each in heard) <= 1
    choice_in(text, [text, "Yes"])
    assert label_in(text, [text, text]) is None
    assert language_of(text, CODES) in {None, *CODES}
    assert order_language(text, CODES) in {None, *CODES}


@given(st.lists(st.text(max_size=20), max_size=12), st.integers(-2, 14))
def test_a_place_is_chosen_only_when_no_other_label_is_that_number(labels: list[str], place: int) -> None:
    chosen = choice_in(str(place), labels)
    same = [index for index, label in enumerate(labels) if fold(label) == str(place)]
    if not 1 <= place <= len(labels):
        assert chosen == (same[0] if len(same) == 1 else None)
    elif set(same) <= {place - 1}:
        assert chosen == place - 1
    else:
        assert chosen is None


@given(st.lists(st.text("abcdefgé ", min_size=1, max_size=8), min_size=1, max_size=8))
def test_a_label_typed_in_any_case_chooses_it_unless_another_is_the_same(labels: list[str]) -> None:
    for index, label in enumerate(labels):
        others = {fold(other) for place, other in enumerate(labels) if place != index}
        expected = index if fold(label) and fold(label) not in others else None
        assert choice_in(label.upper(), labels) == expected


@given(st.lists(st.text("ab1 ", min_size=1, max_size=4), min_size=1, max_size=6), st.integers(0, 9))
def test_a_label_is_named_by_its_words_and_never_by_its_place(labels: list[str], place: int) -> None:
    named = label_in(str(place), labels)
    assert named is None or fold(labels[named]) == str(place)
    for index, label in enumerate(labels):
        alone = fold(label) and [fold(other) for other in labels].count(fold(label)) == 1
        assert label_in(label.upper(), labels) == (index if alone else None)


def test_F109_a_long_text_is_no_phrase() -> None:
    assert language_of("habari" + " " * PHRASE_LENGTH_MAX, CODES) is None
    assert language_named("english" + " " * PHRASE_LENGTH_MAX) is None
    assert label_in("One" + " " * PHRASE_LENGTH_MAX, ["One"]) is None
    assert order_language("nunua " * ONE_LINE_LENGTH_MAX, CODES) is None
    for text in ("menu" + " " * 100_000, "yes" * 100_000, "/" + "a" * 100_000, "1" * 100_000):
        assert [command_in(text), yes_no_in(text), choice_in(text, ["One"])] == [None] * 3
        assert not greeting_in(text)
    assert command_in("/start " + "x" * (PHRASE_LENGTH_MAX - 7)) is Command.START

"""What a translation must do beyond being whole: its words are understood, its buttons fit, its money is plain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from bot.delivery import OPEN_LIST
from bot.i18n import ENGLISH, LOCALES, Languages
from flows import words
from flows.commands import Command, command_in, yes_no_in
from flows.talk import Choice
from flows.text import Text
from integrations.contract.money import Money
from integrations.contract.people import Phone
from tests.catalogues import ROOT, languages

#: What a WhatsApp quick reply carries, in characters; a longer label would send the whole message as numbered text.
LABEL_LENGTH_MAX = 20

#: The largest that labels are usually filled with.
TYPICAL = (
    {"total": Money.of(12_010, "KES"), "amount": Money.of(12_000, "KES"), "phone": Phone("+254712345678").masked()},
    {"total": Money.of(2_500_000, "UGX"), "amount": Money.of(999_000, "TZS"), "phone": Phone("+255712345678").masked()},
)  # fmt: skip

ALL = languages(ROOT)
TRANSLATED = [code for code in ALL if code != ENGLISH]

BOLD = re.compile(r"\*([^*]*)\*")
KEPT = re.compile(r"[0-9]+|\{\w+\}")

#: What English says of money, and the words that say it in Swahili: always these, and for nothing else.
SWAHILI_OF_MONEY = {
    r"no money was taken|nothing was charged": r"hakuna pesa iliyokatwa",
    r"has not (told us|said)|answer is awaited": r"bado hatuja(jua|pata)",
    r"^\*?paid[.,:]": r"^\*?imelipwa[.,:]",
    r"do not pay again": r"usilipe tena",
    r"if the money is taken later": r"pesa ikikatwa baadaye",
    r"we never ask": r"hatuombi PIN kamwe",
}


@pytest.fixture(scope="module")
def said() -> Languages:
    return Languages()


def sentences(code: str) -> Iterator[tuple[str, str]]:
    """Each sentence in English and in another language; of a plural, each form."""
    with (LOCALES / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        for message in read_po(file, locale=code):
            if message.id:
                yield from zip(forms(message, message.id), forms(message, message.string), strict=True)


def forms(message: Message, words_of_it: object) -> tuple[str, ...]:
    """The words of an entry. A language with other plurals than English is compared form by form as far as they go."""
    assert isinstance(words_of_it, str | tuple | list), message
    return (words_of_it,) if isinstance(words_of_it, str) else tuple(words_of_it)[:2]


def meaning(typed: str) -> tuple[Command | None, bool | None, list[str]]:
    """What the service makes of these words when somebody writes them, and the numbers and values in them."""
    return command_in(typed), yes_no_in(typed), KEPT.findall(typed)


# --- words to write


@pytest.mark.parametrize("code", TRANSLATED)
def test_what_is_offered_in_bold_is_understood_as_the_same(code: str) -> None:
    for english, other in sentences(code):
        offered, theirs = BOLD.findall(english), BOLD.findall(other)
        assert list(map(meaning, theirs)) == list(map(meaning, offered)), other


def test_each_single_word_in_bold_is_one_to_write() -> None:
    offered = {word for english, _ in sentences(ENGLISH) for word in BOLD.findall(english) if word.islower()}
    single = {word for word in offered if word.isalpha()}
    assert {"yes", "no", "help", "status"} <= single
    assert [word for word in single if command_in(word) is None and yes_no_in(word) is None] == []


@pytest.mark.parametrize("code", ALL)
def test_each_entry_of_the_menu_may_be_typed(said: Languages, code: str) -> None:
    menu = [each for each in vars(words).values() if isinstance(each, Choice)]
    assert all(each in menu for each in (*words.MENU, *words.COMMANDS_SHOWN))
    assert [(each.id, command_in(said.label(each.label, code))) for each in menu] == [
        (each.id, Command(each.id)) for each in menu
    ]


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_label_that_is_typed_means_what_it_means_in_english(said: Languages, code: str) -> None:
    for label in labels():
        english, other = (said.label(Text(label), language) for language in (ENGLISH, code))
        assert meaning(other) == meaning(english), other


# --- buttons


def labels() -> list[str]:
    """The words of all buttons: of choices, of pairs of data and label, and of the button that opens a list.

    The key that shares a phone is none of them: it is Telegram's own, and may be longer.
    """
    sources = [path for floor in ("flows", "bot") for path in sorted((ROOT / floor).rglob("*.py"))]
    return sorted({OPEN_LIST.msgid}.union(*map(labels_in, sources)))


def labels_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="Choice"), args=[_, label]):
                yield from words_of(label)
            case ast.Tuple(
                elts=[ast.JoinedStr() | ast.Constant(value=str()), ast.Call(func=ast.Name(id="T")) as label]
            ):
                yield from words_of(label)
            case _:
                pass


def words_of(label: ast.expr) -> Iterator[str]:
    match label:
        case ast.Call(func=ast.Name(id="T"), args=[ast.Constant(value=str() as msgid)]):
            yield msgid
        case ast.Call(func=ast.Name(id="verbatim")):
            pass  # somebody's own words, cut by each channel
        case _:
            raise AssertionError(f"a label nobody can check: {ast.unparse(label)}")


def test_the_labels_are_found() -> None:
    assert {"Yes", "Menu", "Buy electricity", "Pay {total}", "{amount}", "Try again"} <= set(labels())
    assert "Share my phone number" not in labels()
    assert [yes_no_in(label) for label in ("Yes", "Cancel")] == [True, None]


def test_a_label_that_is_put_together_is_caught(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text('Choice("a", T("Yes"))\nChoice("b", verbatim(x))\nChoice("c", Text(x))\n')
    with pytest.raises(AssertionError, match=r"nobody can check: Text\(x\)"):
        list(labels_in(tmp_path / "flow.py"))


@pytest.mark.parametrize("code", ALL)
@pytest.mark.parametrize("values", TYPICAL)
def test_each_label_fits_a_whatsapp_button(said: Languages, code: str, values: dict[str, Money | str]) -> None:
    shown = {said.label(Text(label, {name: values[name] for name in names(label)}), code) for label in labels()}
    assert [label for label in shown if len(label) > LABEL_LENGTH_MAX] == []


def names(label: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", label)


# --- sentences


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_numbers_in_a_sentence_are_kept(code: str) -> None:
    for english, other in sentences(code):
        assert sorted(KEPT.findall(other)) == sorted(KEPT.findall(english)), other


@pytest.mark.parametrize("code", TRANSLATED)
def test_what_introduces_something_still_does(code: str) -> None:
    for english, other in sentences(code):
        for mark in ":…?":
            assert other.endswith(mark) == english.endswith(mark), other


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_sentence_was_left_in_english(code: str) -> None:
    sayings = [(english, other) for english, other in sentences(code) if KEPT.sub("", english).strip(" :,")]
    assert [english for english, other in sayings if english == other] == []


@pytest.mark.parametrize(("english", "swahili"), SWAHILI_OF_MONEY.items())
def test_money_is_spoken_of_in_the_same_swahili_words_each_time(english: str, swahili: str) -> None:
    matched = [
        (bool(re.search(english, one, re.IGNORECASE)), bool(re.search(swahili, other, re.IGNORECASE)), one, other)
        for one, other in sentences("sw")
    ]
    assert any(meant for meant, *_ in matched)
    assert [(one, other) for meant, is_said, one, other in matched if meant != is_said] == []

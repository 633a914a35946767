"""What a phone shows is what the spans say: no value can make, move or break a style."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrations.channels.twilio.wire.text import (
    LOOK_ALIKES,
    LOOK_ALIKES_AT_START,
    TEXT_MAX,
    into_parts,
    plain_lines,
    sound,
    to_lines,
    units,
)
from integrations.contract.message import Rich, Span, Style
from tests.channels.twilio.reading import NAMES, Shown, loosely, strictly

B, C = Style.BOLD, Style.CODE
MIRROR = {alike: mark for mark, alike in (LOOK_ALIKES | LOOK_ALIKES_AT_START).items()}


def written(*spans: Span | tuple[str, Style] | str) -> str:
    body = tuple(
        span if isinstance(span, Span) else Span(span) if isinstance(span, str) else Span(*span) for span in spans
    )
    return "\n".join(to_lines(body))


def original(text: str) -> str:
    """A text with the look-alikes undone on both sides of a comparison."""
    return "".join(MIRROR.get(char, char) for char in text)


# --- examples


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        (("Pay ", ("KES 500", B), "?"), "Pay *KES 500*?"),
        (("Token: ", ("1234 5678 9012 3456 7890", C)), "Token: ```1234 5678 9012 3456 7890```"),
        # A style never spans a line break, and never begins or ends with a space.
        ((("one\ntwo", B),), "*one*\n*two*"),
        ((("one\n\n two ", B), "x"), "*one*\n\n *two* x"),
        (("a", (" ", B), "b"), "a b"),
        (("", ("", B)), ""),
        # Neighbours of one style are one stretch.
        ((("KES ", B), ("500", B)), "*KES 500*"),
        # Where a phone would show the marks instead of a style, the text stands alone.
        (("KES", ("500", B)), "KES500"),
        ((("500", B), "KES"), "500KES"),
        ((("a", B), ("b", C)), "ab"),
        ((("(a)", B), ("(b)", C)), "*(a)*(b)"),
        ((("\u0301a", B), " b"), "\u0301a b"),
        # Marks in a value are replaced by what looks like them.
        (("*free* _now_ ~x~ `y` ```z```",), "∗free∗ ˍnowˍ ∼x∼ ˋyˋ ˋˋˋzˋˋˋ"),
        ((("2*3", B),), "*2∗3*"),
        ((("a``b", C),), "```aˋˋb```"),
        (("> quoted\n>x\n  > y\na > b",), "› quoted\n›x\n  › y\na > b"),
        (("- item\n-5\n* item\na - b",), "– item\n-5\n∗ item\na - b"),
        (((">x", B),), "*›x*"),
        (("- ", ("x", B)), "– *x*"),
        # What must be read or tapped as it is stays as it is.
        (("+254712000555 and 1234-5678, 1. first",), "+254712000555 and 1234-5678, 1. first"),
        (("https://bili.test/r/A_B~C?x=_y_",), "https://bili.test/r/A_B~C?x=ˍyˍ"),
        (("a_b",), "aˍb"),
        (("one\r\ntwo",), "one\ntwo"),
        (("half \udc00 pair",), "half ? pair"),
    ],
)
def test_each_span_is_written_so_that_a_phone_shows_it(spans: tuple[str | tuple[str, Style], ...], text: str) -> None:
    assert written(*spans) == text


@pytest.mark.parametrize("name", ["*", "**", "* *", "_x_ *y*", "```", "Ma*ma", "*\n*", "> x", "~~", "`", "*_~`"])
def test_a_name_cannot_break_what_stands_around_it(name: str) -> None:
    shown = loosely(written("Meter of ", name, ": ", ("KES 500", B), " for ", (name, B), " *"))
    assert shown.styled("bold").startswith("KES500")
    for style in ("italic", "struck", "code", "quote", "bullet"):
        assert shown.styled(style) == ""


# --- any text at all

#: Marks, borders and letters, so close together that whatever can go wrong does.
nasty = st.text(st.sampled_from("*_~`>-  \n\n.(aZ9é😀\u0301\u200b\u00a0:/"), max_size=14)
anything = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=14)
linked = st.builds(lambda tail: f"https://a.test/{tail}", nasty)
bodies = st.lists(st.builds(Span, st.one_of(nasty, anything), st.sampled_from(Style)), max_size=6).map(tuple)
#: A link keeps the marks within its words, so it is safe by the rules that are documented, and by those alone.
with_links = st.lists(st.builds(Span, st.one_of(nasty, linked), st.sampled_from(Style)), max_size=6).map(tuple)


def said(body: Rich) -> list[tuple[str, Style]]:
    """Each character with its style, as the spans have it."""
    return [(char, span.style) for span in body for char in span.text]


def styled(body: Rich, style: Style) -> str:
    return original("".join(char for char, its in said(body) if its is style and not char.isspace()))


def is_part_of(part: str, whole: str) -> bool:
    """Whether a text is another with some of its characters left out."""
    rest = iter(whole)
    return all(char in rest for char in part)


@given(bodies)
@example((Span("a"), Span("*", B), Span("b*", C)))
def test_the_words_are_the_spans_words_but_for_look_alikes(body: Rich) -> None:
    text = "".join(span.text for span in body)
    for read in (strictly, loosely):
        assert original(read("\n".join(to_lines(body))).text) == original(text)


def assert_nothing_more_is_styled(body: Rich, shown: Shown) -> None:
    for style in (B, C):
        assert is_part_of(original(shown.styled(NAMES[style])), styled(body, style))
    for foreign in ("italic", "struck", "quote", "bullet"):
        assert shown.styled(foreign) == ""


@given(bodies)
def test_nothing_is_styled_that_was_not_said_to_be(body: Rich) -> None:
    for read in (strictly, loosely):
        assert_nothing_more_is_styled(body, read("\n".join(to_lines(body))))


@given(with_links)
@example((Span("https://a.test/a_b_c ~x~"),))
def test_nor_by_a_link(body: Rich) -> None:
    assert_nothing_more_is_styled(body, strictly("\n".join(to_lines(body))))


def stands_free(body: Rich) -> bool:
    """Whether every styled stretch is bordered by spaces or the ends of lines, and begins and ends with a character
    that a mark may stand beside.
    """
    chars = said(body)
    for at, (char, style) in enumerate(chars):
        after = chars[at + 1] if at + 1 < len(chars) else ("\n", style)
        if after[1] is not style and not (char.isspace() or after[0].isspace()):
            return False
        if style is not Style.PLAIN and unicodedata.category(char)[0] in "MC" and char != "\n":
            return False
    return True


words = st.text(st.sampled_from("*_~`>-aZ9é😀.(:"), min_size=1, max_size=6)
stretches = st.builds(Span, st.lists(words, min_size=1, max_size=3).map(" ".join), st.sampled_from(Style))
spaced = st.lists(st.tuples(stretches, st.sampled_from([" ", "\n", " \n "])), min_size=1, max_size=5).map(
    lambda pairs: tuple(span for pair in pairs for span in (pair[0], Span(pair[1])))
)


@given(spaced)
@example((Span("Pay "), Span("KES *500*", B), Span(" with\n"), Span("1234 5678", C)))
def test_what_stands_free_is_styled_exactly_as_said(body: Rich) -> None:
    assert stands_free(body)
    for read in (strictly, loosely):
        shown = read("\n".join(to_lines(body)))
        for style in (B, C):
            assert original(shown.styled(NAMES[style])) == styled(body, style)


@given(bodies)
def test_digits_and_letters_are_never_touched(body: Rich) -> None:
    text = "".join(span.text for span in body)
    plain = [char for char in text if char.isdecimal() or (char.isascii() and char.isalpha())]
    assert plain == [char for char in "\n".join(to_lines(body)) if char in set(plain)]


# --- lengths


def test_an_emoji_counts_two() -> None:
    assert units("a😀é") == 4


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize("word", ["word ", "x", "😀"])
def test_a_line_too_long_is_folded_and_loses_nothing(word: str, style: Style) -> None:
    text = word * (4000 // len(word))
    lines = to_lines((Span(text, style),))
    assert all(units(line) <= TEXT_MAX for line in lines)
    assert len(lines) > 1
    shown = "".join(strictly(line).text for line in lines)
    assert shown == text
    if style is not Style.PLAIN:
        assert all(strictly(line).styled(NAMES[style]) for line in lines)


def test_a_line_of_more_marks_than_text_ends() -> None:
    body = tuple(Span("x" if number % 2 else " y ", C if number % 2 else B) for number in range(2000))
    lines = to_lines(body)
    assert all(units(line) <= TEXT_MAX for line in lines)
    assert "".join(lines).replace("`", "").replace("*", "") == "".join(span.text for span in body)


@given(st.lists(st.text(st.sampled_from("ab \n😀"), max_size=40), max_size=12), st.integers(90, 200))
def test_parts_are_lines_in_order_and_none_is_longer_than_fits(texts: list[str], room: int) -> None:
    lines = [line for text in texts for line in text.split("\n")]
    parts = into_parts(lines, room)
    assert all(0 < units(part) <= room and part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join("".join(lines).split())


def test_a_part_is_as_full_as_it_can_be() -> None:
    line = "x" * 400
    assert [part.count("\n") + 1 for part in into_parts([line] * 7)] == [3, 3, 1]


def test_plain_lines_have_no_marks_of_ours() -> None:
    assert plain_lines("*a*\nb") == ["∗a∗", "b"]


@given(st.text(max_size=20))
def test_what_is_sent_can_be_written(text: str) -> None:
    sound(text).encode()
    "\n".join(to_lines((Span(text, B),))).encode()

"""Every character that Unicode assigns, once: what is a digit, what is invisible, what stays."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.characters import TEXT_LENGTH_MAX, clean, fold
from flows.understand import NotAnAmount, amount_in, choice_in, command_in, looks_like_pin, meter_in, phone_in
from integrations.contract.money import Money

EVERY_CHARACTER = [
    char for char in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(char) not in ("Cn", "Co")
]
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
ASCII_DIGITS = frozenset("0123456789")


def of(*categories: str) -> list[str]:
    return [char for char in EVERY_CHARACTER if unicodedata.category(char) in categories]


def test_F105_F106_every_decimal_digit_of_every_script_becomes_its_ascii_digit() -> None:
    digits = of("Nd")
    assert len(digits) >= 600
    assert all(clean(char) == str(unicodedata.decimal(char)) for char in digits)


def test_F105_nothing_else_ever_becomes_a_digit() -> None:
    others = [char for char in EVERY_CHARACTER if unicodedata.category(char) != "Nd"]
    assert [char for char in others if ASCII_DIGITS & set(clean(char))] == []


def test_F105_numerals_that_are_no_digits_stay_as_they_are_and_spoil_every_number() -> None:
    for char in of("No", "Nl"):
        assert clean(char) == char
        assert not isinstance(amount_in(f"50{char}", "KES"), Money)
        assert not isinstance(amount_in(char, "KES"), Money)
        assert meter_in(f"1412345678{char}", (10, 11)) is None
        assert phone_in(f"071234567{char}") is None
        assert choice_in(char, ["One", "Two"]) is None
        assert command_in(char) is None


def test_F106_an_amount_and_a_meter_in_any_script_are_read() -> None:
    digits = of("Nd")
    for start in range(0, len(digits), 10):
        zero_to_nine = digits[start : start + 10]
        amount = "".join(zero_to_nine[digit] for digit in (5, 0, 0))
        meter = "".join(zero_to_nine[int(digit)] for digit in "14123456789")
        read = meter_in(meter, (11,))
        assert amount_in(amount, "KES") == Money.of(500, "KES")
        assert read is not None
        assert read.reveal() == "14123456789"


def test_F107_invisible_characters_disappear_even_inside_a_meter_number() -> None:
    named = (
        "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad\u061c"
    )
    for char in [*named, "\u034f", "\u3164", "\ufe0f", "\u20e3", "\u180e", "\U000e0101", "\x00", *of("Cf")]:
        read = meter_in(f"1412{char}3456789", (11,))
        assert clean(f"a{char}b") == "ab", hex(ord(char))
        assert read is not None
        assert read.reveal() == "14123456789"


def test_F110_lone_surrogates_and_control_characters_are_dropped_and_spaces_kept() -> None:
    assert clean("a\ud800b\udfffc") == "abc"
    assert clean("a\x00\x08\x1b\x7f\x80b") == "ab"
    assert clean("a\tb\nc\u00a0d") == "a\tb\nc d"
    assert not {char for char in of("Cs") if clean(char)}


def test_dashes_and_arabic_number_signs_become_the_ascii_ones() -> None:
    assert {clean(char) for char in of("Pd")} == {"-"}
    assert clean("\u22125 ٢٬٠٠٠٫٥٠") == "-5 2,000.50"


def test_cleaning_every_character_twice_changes_nothing_more() -> None:
    assert [char for char in EVERY_CHARACTER if clean(clean(char)) != clean(char)] == []


@given(ANY_TEXT)
def test_cleaning_any_text_twice_changes_nothing_more(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@given(ANY_TEXT)
def test_folding_any_text_twice_changes_nothing_more(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())


@pytest.mark.parametrize("text", ["a" * 100_000, "\u200b" * 100_000, "\ufdfa" * 100_000, "e\u0301" * 100_000])
def test_F109_no_text_is_looked_at_beyond_its_cap(text: str) -> None:
    assert len(clean(text)) <= TEXT_LENGTH_MAX
    assert clean(text) == clean(text[:TEXT_LENGTH_MAX])
    assert amount_in(text, "KES") is NotAnAmount.NO_NUMBER
    assert not looks_like_pin(text, expects_number=False)


def test_words_are_compared_without_case_accents_apostrophes_emoji_and_outer_marks() -> None:
    assert fold("  *Électricité!* ") == "electricite"
    assert fold("D’accord") == fold("d'accord") == "daccord"
    assert fold("⚡ Buy   electricity") == "buy electricity"
    assert fold("👍🏾") == "👍"
    assert fold("?!") == "?!"
    assert fold("/start@Bot") == "/start@bot"

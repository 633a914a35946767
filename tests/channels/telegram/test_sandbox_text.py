"""The sandbox reads texts and keyboards as Telegram does and refuses them in its words."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sandbox.telegram_text import Keyboard, Refused, read_keyboard, read_text

SURROGATE = (
    "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units"
)


def refusal(html: str) -> str:
    with pytest.raises(Refused) as refused:
        read_text(html, "HTML")
    assert refused.value.code == 400
    return refused.value.description


def test_tags_become_entities_counted_in_utf16() -> None:
    read = read_text("💡 <b>KES 500</b> → <code>7400</code>", "HTML")
    assert read.text == "💡 KES 500 → 7400"
    assert read.entities == [
        {"type": "bold", "offset": 3, "length": 7},
        {"type": "code", "offset": 13, "length": 4},
    ]


def test_tags_nest_and_an_outer_one_comes_first() -> None:
    read = read_text("<b><i>a</i>b</b>", "html")
    assert read.entities == [{"type": "bold", "offset": 0, "length": 2}, {"type": "italic", "offset": 0, "length": 1}]


def test_attributes_are_kept_where_they_matter() -> None:
    link, spoiler = '<a href="https://x.test/?a=1">x</a>', '<span class="tg-spoiler">y</span>'
    read = read_text(f"{link}{spoiler}<tg-emoji emoji-id='5'>z</tg-emoji>", "HTML")
    assert [entity["type"] for entity in read.entities] == ["text_link", "spoiler", "custom_emoji"]
    assert read.entities[0]["url"] == "https://x.test/?a=1"
    assert read.entities[2]["custom_emoji_id"] == "5"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a &lt;b&gt; &amp; &quot;c&quot;", 'a <b> & "c"'),
        ("&#65;&#x42;", "AB"),
        ("&lt", "<"),
        ("AT&T &copy; &ltx; & &;", "AT&T &copy; &ltx; & &;"),
        ("&#0; &#x110000;", "&#0; &#x110000;"),
        ("a > b", "a > b"),
        ("<b></b>x", "x"),
        ("<b>x</>", "x"),
        ("<B>x</b >", "x"),
    ],
)
def test_what_is_seen_of_html(html: str, text: str) -> None:
    assert read_text(html, "HTML").text == text


@pytest.mark.parametrize(
    ("html", "sentence"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("é<blink>x</blink>", 'Unsupported start tag "blink" at byte offset 2'),
        ("x<b", "Unclosed start tag at byte offset 1"),
        ('<a href="x"', 'Unclosed start tag "a" at byte offset 0'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<b bold>x</b>", 'Expected equal sign in declaration of an attribute of the tag "b" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("&#xd800;", SURROGATE),
    ],
)
def test_bad_html_is_refused_with_its_place(html: str, sentence: str) -> None:
    assert refusal(html) == f"Bad Request: can't parse entities: {sentence}"


@given(st.text(alphabet="<>/&;# \"'=ab1xé💡"))
def test_any_html_is_read_or_refused(html: str) -> None:
    with suppress(Refused):
        assert "\x00" not in read_text(html, "HTML").text


@pytest.mark.parametrize("text", ["", "  ", "<b></b>", "&#32;"])
def test_an_empty_text_is_refused(text: str) -> None:
    assert refusal(text) == "Bad Request: message text is empty"


def test_4096_is_counted_after_the_markup_is_gone() -> None:
    assert len(read_text(f"<b>{'&amp;' * 4096}</b>", "HTML").text) == 4096
    assert refusal("x" * 4097) == "Bad Request: message is too long"


def test_without_a_parse_mode_everything_is_text() -> None:
    assert read_text("<b>x", "").text == "<b>x"


def test_a_parse_mode_the_sandbox_does_not_speak_is_refused() -> None:
    with pytest.raises(Refused, match="no parse_mode but HTML"):
        read_text("*x*", "MarkdownV2")


# --- keyboards


def test_an_inline_keyboard_is_rows_of_labels_and_data() -> None:
    raw = {
        "inline_keyboard": [[{"text": "Yes", "callback_data": "y"}], [{"text": "Site", "url": "https://x.test"}], []]
    }
    keyboard = read_keyboard(raw)
    assert keyboard.rows == [[("Yes", "y")], [("Site", "")]]
    assert keyboard.inline == raw
    assert not keyboard.fixes_message


def test_a_reply_keyboard_has_a_contact_key_and_plain_ones() -> None:
    raw = {"keyboard": [[{"text": "Share", "request_contact": True}], ["Other"]], "one_time_keyboard": True}
    keyboard = read_keyboard(raw)
    assert (keyboard.contact, keyboard.keys, keyboard.one_time) == ("Share", ("Other",), True)
    assert keyboard.fixes_message
    assert keyboard.inline is None


def test_a_removal_fixes_its_message_too() -> None:
    assert read_keyboard({"remove_keyboard": True}).fixes_message


@pytest.mark.parametrize("raw", [None, {}, {"keyboard": []}, {"inline_keyboard": []}, {"force_reply": True}])
def test_no_keyboard_is_no_keyboard(raw: Any) -> None:
    assert read_keyboard(raw).rows == Keyboard().rows
    assert not read_keyboard(raw).fixes_message


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ([], "object expected as reply markup"),
        ({"inline_keyboard": [{"text": "x"}]}, 'field "inline_keyboard" must be an Array of Arrays'),
        ({"keyboard": [{"text": "x"}]}, 'field "keyboard" must be an Array of Arrays'),
        ({"keyboard": [[{}]]}, "can't parse keyboard button"),
        ({"inline_keyboard": [[{"callback_data": "x"}]]}, "can't parse inline keyboard button"),
        ({"inline_keyboard": [["x"]]}, "can't parse inline keyboard button"),
        ({"inline_keyboard": [[{"text": "x"}]]}, "Text buttons are unallowed in the inline keyboard"),
        ({"inline_keyboard": [[{"text": "x", "url": "u", "callback_data": "d"}]]}, "exactly one action"),
        ({"inline_keyboard": [[{"text": "x", "callback_data": "é" * 33}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "x", "callback_data": ""}]]}, "BUTTON_DATA_INVALID"),
    ],
)
def test_a_wrong_keyboard_is_refused(raw: Any, words: str) -> None:
    with pytest.raises(Refused) as refused:
        read_keyboard(raw)
    assert words in refused.value.description

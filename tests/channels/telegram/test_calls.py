"""Neutral messages become what Telegram takes, and what it would refuse is found before it is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.telegram.wire.calls import LIMITS, edit_payload, fault_of, message_payload, to_html
from integrations.contract.message import Button, Malformed, Message, Span, Style
from integrations.sandbox.telegram_text import read_text
from tests.channels.telegram.stage import hello


def markup(message: Message) -> object:
    return message_payload("5011", message).get("reply_markup")


def test_styles_become_tags_and_nothing_else_does() -> None:
    body = (Span("Pay "), Span("KES 500", Style.BOLD), Span(" to "), Span("7400 0000", Style.CODE))
    assert to_html(body) == "Pay <b>KES 500</b> to <code>7400 0000</code>"


def test_F090_a_meter_owner_cannot_write_markup() -> None:
    owner = "<b>JANE</b> & SONS *_[]()`~"
    assert to_html((Span(owner),)) == "&lt;b&gt;JANE&lt;/b&gt; &amp; SONS *_[]()`~"


@given(st.lists(st.tuples(st.text(), st.sampled_from(Style)), min_size=1))
def test_F090_whatever_is_written_is_seen_letter_by_letter(spans: list[tuple[str, Style]]) -> None:
    body = (Span("Bili: "), *(Span(text, style) for text, style in spans))
    assert read_text(to_html(body), "HTML").text == "Bili: " + "".join(text for text, _ in spans)


def test_F090_half_a_character_is_replaced_and_does_not_stop_the_rest() -> None:
    assert to_html((Span("owner \ud83d, meter 1"),)) == "owner ?, meter 1"


def test_a_message_is_sent_as_html_to_a_number_without_link_previews() -> None:
    assert message_payload("5011", hello()) == {
        "chat_id": 5011,
        "text": "Hello",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }


def test_buttons_stand_one_in_a_row() -> None:
    long = hello("?", ("a", "Yes, pay KES 500"), ("b", "No"), ("c", "Change the amount"))
    assert markup(long) == {
        "inline_keyboard": [
            [{"text": "Yes, pay KES 500", "callback_data": "a"}],
            [{"text": "No", "callback_data": "b"}],
            [{"text": "Change the amount", "callback_data": "c"}],
        ]
    }


def test_short_buttons_stand_two_in_a_row() -> None:
    short = hello("?", ("a", "Yes"), ("b", "No"), ("c", "Back"))
    assert markup(short) == {
        "inline_keyboard": [
            [{"text": "Yes", "callback_data": "a"}, {"text": "No", "callback_data": "b"}],
            [{"text": "Back", "callback_data": "c"}],
        ]
    }


def test_sharing_the_number_is_a_key_of_its_own_and_buttons_become_keys_beside_it() -> None:
    message = Message((Span("Which phone?"),), (Button("n:1", "Another number"),), share_phone="Share my number")
    assert markup(message) == {
        "keyboard": [[{"text": "Share my number", "request_contact": True}], [{"text": "Another number"}]],
        "resize_keyboard": True,
        "one_time_keyboard": True,
    }


def test_an_old_keyboard_goes_with_a_message_that_has_no_buttons() -> None:
    assert message_payload("1", hello(), drop_keyboard=True)["reply_markup"] == {"remove_keyboard": True}
    with_buttons = message_payload("1", hello("?", ("a", "Yes")), drop_keyboard=True)
    assert "inline_keyboard" in with_buttons["reply_markup"]


def test_an_edit_names_the_message_it_changes() -> None:
    payload = edit_payload("5011", hello("Paid"), "42")
    assert (payload["message_id"], payload["text"]) == (42, "Paid")
    assert "reply_markup" not in payload


def test_a_text_at_the_limit_passes_and_one_letter_more_is_never_cut() -> None:
    at_limit = "&" * LIMITS.text_length_max
    assert fault_of(hello(at_limit)) is None
    assert fault_of(hello(at_limit + "5")) == Malformed("the text is longer than 4096")


def test_the_limit_counts_as_telegram_counts_so_an_emoji_is_two() -> None:
    assert fault_of(hello("⚡" * 4096)) is None
    assert fault_of(hello("💡" * 2048)) is None
    assert fault_of(hello("💡" * 2049)) is not None


@pytest.mark.parametrize("text", ["", " ", "\n \n"])
def test_an_empty_text_is_our_bug(text: str) -> None:
    assert fault_of(hello(text)) == Malformed("the text is empty")


@pytest.mark.parametrize(("data", "fits"), [("x" * 64, True), ("x" * 65, False), ("é" * 33, False), ("", False)])
def test_button_data_is_1_to_64_bytes(data: str, fits: bool) -> None:
    assert (fault_of(hello("?", (data, "Yes"))) is None) is fits


def test_a_button_without_a_label_is_our_bug() -> None:
    assert fault_of(hello("?", ("a", " "))) == Malformed("a button has no label")


def test_more_buttons_than_telegram_shows_are_our_bug() -> None:
    buttons = [(str(number), "x") for number in range(LIMITS.buttons_max)]
    assert fault_of(hello("?", *buttons)) is None
    assert fault_of(hello("?", *buttons, ("more", "x"))) == Malformed("there are more than 100 buttons")

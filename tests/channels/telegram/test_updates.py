"""Every kind of update becomes the right input or is ignored for the right reason; nothing ever raises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram.constants import MessageType, UpdateType

from integrations.channels.telegram.wire.updates import CONTENT_KINDS, UPDATE_KINDS, read_update
from integrations.contract.message import (
    Content,
    Edited,
    Ignored,
    Reachable,
    Received,
    SharedPhone,
    Tapped,
    Typed,
    Unreadable,
)
from integrations.contract.people import Phone
from tests.channels.telegram.stage import START, WIRE, wire

JANES = SharedPhone(Phone("+254712345678"), True)
OTIENOS = SharedPhone(Phone("+254798765432"), False)
TAP = "21520000000000001"

EXPECTED: dict[str, Content | str] = {
    "text": Typed("500 14123456789"),
    "start_payload": Typed("/start pay_14123456789"),
    "forwarded_text": Typed("QWE123 Confirmed."),
    "reply": Typed("yes"),
    "tap": Tapped("n7:yes", "40", TAP),
    "tap_on_a_message_too_old_to_read": Tapped("n7:yes", "7", TAP),
    "tap_in_a_group": "supergroup",
    "tap_on_an_inline_message": "tap without data",
    "tap_on_a_game": "tap without data",
    "contact_own": JANES,
    "contact_own_spaced": JANES,
    "contact_of_another": OTIENOS,
    "contact_without_account": OTIENOS,
    "contact_own_forwarded": SharedPhone(Phone("+254712345678"), False),
    "contact_national_number": Unreadable("contact"),
    "contact_national_number_without_zero": Unreadable("contact"),
    "edited": Edited(),
    "edited_caption": Edited(),
    "edited_live_location": "edit without words",
    "photo": Unreadable("photo"),
    "voice": Unreadable("voice"),
    "video_note": Unreadable("video_note"),
    "sticker": Unreadable("sticker"),
    "location": Unreadable("location"),
    "venue": Unreadable("venue"),
    "document": Unreadable("document"),
    "animation": Unreadable("animation"),
    "dice": Unreadable("dice"),
    "blocked": Reachable(False),
    "unblocked": Reachable(True),
    "bot_added_to_a_group": "supergroup",
    "group_text": "supergroup",
    "basic_group_text": "group",
    "anonymous_admin": "supergroup",
    "channel_post": "channel_post",
    "via_bot": "via bot",
    "from_a_bot": "bot",
    "service_pinned": "service message",
    "service_auto_delete": "service message",
    "inline_query": "inline_query",
    "business_message": "business_message",
    "of_a_kind_not_yet_invented": "telepathy",
    "message_without_sender": "malformed",
}


def update(name: str) -> Any:
    return orjson.loads(wire(f"update_{name}.json"))


def read(source: Any) -> Received | Ignored:
    read_one = read_update(source, START)
    assert read_one is not None
    return read_one[1]


def content(name: str) -> object:
    """What a wire file becomes: its content, or why it is ignored."""
    one = read(update(name))
    return one.reason if isinstance(one, Ignored) else one.content


@pytest.mark.parametrize("name", EXPECTED)
def test_F084_each_kind_of_update_is_what_it_should_be(name: str) -> None:
    assert content(name) == EXPECTED[name]


def test_every_update_on_file_is_expected_to_be_something() -> None:
    assert {path.stem.removeprefix("update_") for path in WIRE.glob("update_*")} == set(EXPECTED)


def test_an_input_carries_its_id_sender_time_order_and_language() -> None:
    one = read(update("text"))
    assert isinstance(one, Received)
    number = update("text")["update_id"]
    assert (one.external_id, one.order) == (str(number), number)
    assert one.address == "5011"
    assert one.at == datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
    assert one.language == "sw"


def test_a_tap_has_no_time_of_its_own_and_takes_that_of_its_arrival() -> None:
    one = read(update("tap"))
    assert isinstance(one, Received)
    assert one.at == START


def test_F082_an_edit_is_dated_when_it_was_edited() -> None:
    one = read(update("edited"))
    assert isinstance(one, Received)
    assert one.at == datetime(2025, 10, 9, 8, 54, 20, tzinfo=UTC)


def test_a_sender_may_tell_no_language() -> None:
    source = update("text")
    del source["message"]["from"]["language_code"]
    one = read(source)
    assert isinstance(one, Received)
    assert one.language is None


@pytest.mark.parametrize("kind", [str(kind) for kind in UpdateType])
def test_F084_every_update_kind_of_the_schema_is_read_without_error(kind: str) -> None:
    one = read({"update_id": 1, kind: update("group_text")["message"]})
    assert isinstance(one, Ignored)


def test_what_we_ask_for_is_what_we_read() -> None:
    ours = {name.partition("_")[0] for name in UPDATE_KINDS}
    assert ours == {"message", "edited", "callback", "my"}


#: Message types of the schema that carry words of their own, only qualify a message, or are events of a chat.
NOT_CONTENT = {"text", "contact", "effect_id", "business_connection_id", "sender_boost_count", "reply_to_story"}


@pytest.mark.parametrize("kind", sorted({str(kind) for kind in MessageType} - NOT_CONTENT))
def test_F084_every_message_kind_of_the_schema_is_content_or_an_event(kind: str) -> None:
    source = update("text")
    del source["message"]["text"]
    source["message"][kind] = {}
    expected = Unreadable(kind) if kind in CONTENT_KINDS else "service message"
    one = read(source)
    assert (one.reason if isinstance(one, Ignored) else one.content) == expected


def test_content_kinds_are_those_of_the_schema() -> None:
    attachments = {
        "animation", "audio", "dice", "document", "game", "invoice", "location", "paid_media", "photo", "poll",
        "sticker", "story", "venue", "video", "video_note", "voice",
    }  # fmt: skip
    assert attachments <= set(CONTENT_KINDS) <= {str(kind) for kind in MessageType}


@pytest.mark.parametrize("status", ["left", "restricted", "administrator", "creator"])
def test_a_change_of_membership_other_than_blocking_is_ignored(status: str) -> None:
    source = update("blocked")
    source["my_chat_member"]["new_chat_member"]["status"] = status
    assert read(source) == Ignored("membership")


@pytest.mark.parametrize("date", [10**30, -(10**30), 1.5e300, "soon", None])
def test_F073_a_date_beyond_all_calendars_does_not_poison_the_queue(date: object) -> None:
    source = update("edited")
    source["edited_message"]["edit_date"] = date
    one = read(source)
    assert isinstance(one, Received)
    assert one.at == START


@pytest.mark.parametrize("number", ["", "+", "hello", "1", "9" * 40, "+٢٥٤٧١٢٣٤٥٦٧٨"])
@pytest.mark.parametrize("name", ["contact_own", "contact_of_another"])
def test_F073_a_contact_without_a_number_is_unreadable(name: str, number: str) -> None:
    source = update(name)
    source["message"]["contact"]["phone_number"] = number
    one = read(source)
    assert isinstance(one, Received)
    assert one.content == Unreadable("contact")


def test_a_contact_with_the_national_zero_after_its_country_becomes_the_number_it_means() -> None:
    source = update("contact_of_another")
    source["message"]["contact"]["phone_number"] = "+254 (0) 798 765 432"
    one = read(source)
    assert isinstance(one, Received)
    assert one.content == OTIENOS


@pytest.mark.parametrize("source", [[], {}, None, 7, "x", {"update_id": "7"}, {"message": {}}])
def test_what_has_no_update_id_is_no_update(source: Any) -> None:
    assert read_update(source, START) is None


def test_an_update_with_nothing_in_it_is_ignored() -> None:
    assert read({"update_id": 1}) == Ignored("empty")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({"chat", "from", "date", "text", "contact", "data", "message", "id", "edit_date", "new_chat_member"})


@given(st.sampled_from(sorted(EXPECTED)), st.data())
def test_F073_any_damage_to_an_update_is_read_without_error(name: str, data: st.DataObject) -> None:
    source = update(name)
    kind = next(key for key in source if key != "update_id")
    field = data.draw(st.sampled_from(sorted(source[kind]) + FIELDS))
    inner = source[kind].get(field)
    if isinstance(inner, dict) and inner and data.draw(st.booleans()):
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(JSON)
    elif data.draw(st.booleans()):
        source[kind].pop(field, None)
    else:
        source[kind][field] = data.draw(JSON)
    assert isinstance(read(source), Received | Ignored)

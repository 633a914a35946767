"""python-telegram-bot as the oracle: it sees the same in an update as we do, and would send what we send."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    Update,
)
from telegram import (
    Message as LibraryMessage,
)
from telegram.constants import ChatMemberStatus, ChatType, ParseMode
from telegram.request import BaseRequest, RequestData

from integrations.channels.telegram.wire.calls import edit_payload, fault_of, message_payload
from integrations.channels.telegram.wire.updates import read_update
from integrations.contract.message import (
    Button,
    Edited,
    Ignored,
    Message,
    Reachable,
    Received,
    SharedPhone,
    Span,
    Style,
    Tapped,
    Typed,
    Unreadable,
)
from tests.channels.telegram.stage import START

# --- updates

IDS = st.integers(1, 2**40)
SECONDS = st.integers(1_700_000_000, 1_900_000_000)
WORDS = st.text(min_size=1, max_size=40)


def users(**fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    people = st.fixed_dictionaries(
        {"id": IDS, "is_bot": st.just(False), "first_name": WORDS},
        optional={"language_code": st.sampled_from(["en", "sw", "pt-br"]), "username": st.just("someone")},
    )
    return people.map(lambda user: {**user, **fixed})


FILE = {"file_id": "f", "file_unique_id": "f1"}
CONTENTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"text": WORDS}),
    st.sampled_from(
        [
            {"photo": [{**FILE, "width": 1, "height": 1}], "caption": "500"},
            {"voice": {**FILE, "duration": 1}},
            {"sticker": {
                **FILE, "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False,
            }},
            {"location": {"latitude": 1.5, "longitude": 2.5}},
            {"document": FILE},
            {"video": {**FILE, "width": 1, "height": 1, "duration": 1}},
            {"animation": {**FILE, "width": 1, "height": 1, "duration": 1}, "document": FILE},
            {"dice": {"emoji": "🎲", "value": 1}},
            {"contact": {"phone_number": "254712345678", "first_name": "Jane"}},
            {"group_chat_created": True},
        ]
    ),
)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    sender = draw(users())
    place = draw(st.sampled_from(["private", "private", "private", "group", "supergroup"]))
    message = {
        "message_id": draw(IDS),
        "date": draw(SECONDS),
        "from": sender,
        "chat": {"id": sender["id"] if place == "private" else -draw(IDS), "type": place},
        **draw(CONTENTS),
    }
    if "contact" in message and draw(st.booleans()):
        message["contact"] = {**message["contact"], "user_id": draw(st.sampled_from([sender["id"], 1]))}
    if draw(st.booleans()):
        message["forward_origin"] = {"type": "hidden_user", "sender_user_name": "x", "date": draw(SECONDS)}
    return message


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    number, message = draw(IDS), draw(messages())
    kind = draw(st.sampled_from(["message", "edited_message", "callback_query", "my_chat_member"]))
    match kind:
        case "message":
            return {"update_id": number, kind: message}
        case "edited_message":
            return {"update_id": number, kind: {**message, "edit_date": message["date"] + 60}}
        case "callback_query":
            query = {"id": str(draw(IDS)), "from": message["from"], "message": message, "chat_instance": "1"}
            return {"update_id": number, kind: {**query, "data": draw(WORDS)}}
        case _:
            user = {"id": 700, "is_bot": True, "first_name": "Bili"}
            states = [{"user": user, "status": "kicked", "until_date": 0}, {"user": user, "status": "member"}]
            new = draw(st.sampled_from(states))
            about = {name: message[name] for name in ("from", "chat", "date")}
            return {"update_id": number, kind: {**about, "old_chat_member": states[1], "new_chat_member": new}}


def as_the_library_sees_it(update: Update) -> object:
    """What an update should become, told by the library's own view of it."""
    assert update.effective_user is not None
    assert update.effective_chat is not None
    if update.effective_chat.type != ChatType.PRIVATE:
        return "ignored"
    if update.callback_query:
        query = update.callback_query
        assert query.message is not None
        return Tapped(query.data or "", str(query.message.message_id), query.id)
    if update.my_chat_member:
        return Reachable(update.my_chat_member.new_chat_member.status != ChatMemberStatus.BANNED)
    message = update.effective_message
    assert message is not None
    if update.edited_message:
        return Edited() if message.text or message.caption else "ignored"
    if message.text:
        return Typed(message.text)
    if message.contact:
        return "own contact" if own_by_the_book(message) else "contact"
    return "unreadable" if message.effective_attachment else "ignored"


def own_by_the_book(message: LibraryMessage) -> bool:
    assert message.contact is not None
    assert message.from_user is not None
    return message.contact.user_id == message.from_user.id and not message.forward_origin


def as_we_see_it(one: Received | Ignored) -> object:
    match one:
        case Ignored():
            return "ignored"
        case Received(content=SharedPhone(own=own)):
            return "own contact" if own else "contact"
        case Received(content=Unreadable()):
            return "unreadable"
        case Received(content=content):
            return content


@given(updates())
def test_we_see_in_an_update_what_the_library_sees(source: dict[str, Any]) -> None:
    update = Update.de_json(orjson.loads(orjson.dumps(source)), None)
    read = read_update(source, START)
    assert read is not None
    one = read[1]
    assert read[0] == update.update_id
    assert as_we_see_it(one) == as_the_library_sees_it(update)
    if isinstance(one, Received):
        assert update.effective_user is not None
        assert update.effective_chat is not None
        assert one.address == str(update.effective_chat.id)
        assert one.language == update.effective_user.language_code


# --- calls


class Captured(BaseRequest):
    """A way out that keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    @property
    def read_timeout(self) -> float:
        return 1.0

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_timeouts: Any, **_more: Any
    ) -> tuple[int, bytes]:
        assert request_data is not None
        assert method == "POST"
        assert url.endswith(("/sendMessage", "/editMessageText"))
        self.sent.append(dict(request_data.parameters))
        return 200, orjson.dumps(
            {"ok": True, "result": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}}
        )


def library_html(body: tuple[Span, ...]) -> str:
    tags = {Style.PLAIN: "{}", Style.BOLD: "<b>{}</b>", Style.CODE: "<code>{}</code>"}
    return "".join(tags[span.style].format(escape(span.text, quote=False)) for span in body)


def library_markup(message: Message) -> InlineKeyboardMarkup | ReplyKeyboardMarkup | None:
    if message.share_phone:
        rows = [[KeyboardButton(message.share_phone, request_contact=True)]]
        rows += [[KeyboardButton(button.label)] for button in message.buttons]
        return ReplyKeyboardMarkup(rows, resize_keyboard=True, one_time_keyboard=True)
    if not message.buttons:
        return None
    buttons = [InlineKeyboardButton(button.label, callback_data=button.data) for button in message.buttons]
    short = max(len(button.text) for button in buttons) <= 14
    return (
        InlineKeyboardMarkup.from_column(buttons)
        if not short
        else InlineKeyboardMarkup([buttons[start : start + 2] for start in range(0, len(buttons), 2)])
    )


async def library_sends(message: Message, *, drop_keyboard: bool) -> dict[str, Any]:
    captured = Captured()
    bot = Bot("700:test", request=captured, get_updates_request=captured)
    markup = library_markup(message)
    shared: Any = {
        "text": library_html(message.body),
        "parse_mode": ParseMode.HTML,
        "link_preview_options": LinkPreviewOptions(is_disabled=True),
    }
    if message.edits:
        assert not isinstance(markup, ReplyKeyboardMarkup)
        number = int(message.edits)
        await bot.edit_message_text(chat_id=5011, message_id=number, reply_markup=markup, **shared)
    else:
        removal = ReplyKeyboardRemove() if drop_keyboard else None
        await bot.send_message(chat_id=5011, reply_markup=markup or removal, **shared)
    return captured.sent[0]


@st.composite
def neutral(draw: st.DrawFn) -> Message:
    sound = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
    body = draw(st.lists(st.builds(Span, sound, st.sampled_from(Style)), min_size=1, max_size=4))
    label = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
    data = st.text("abcdef0123456789:", min_size=1, max_size=64)
    buttons = draw(st.lists(st.builds(Button, data, label), max_size=5))
    share, edits = draw(st.sampled_from([(None, None), ("Share", None), (None, "42")]))
    return Message(tuple(body), tuple(buttons), share_phone=share, edits=edits)


@given(neutral(), st.booleans())
def test_we_send_what_the_library_would_send(message: Message, drop_keyboard: bool) -> None:
    if fault_of(message) is not None:
        return
    if message.edits:
        ours = edit_payload("5011", message, message.edits)
    else:
        ours = message_payload("5011", message, drop_keyboard=drop_keyboard)
    library = asyncio.run(library_sends(message, drop_keyboard=drop_keyboard))
    assert ours == library

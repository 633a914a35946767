"""What we send: a neutral message to the arguments of one Bot API method."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from integrations.contract.channel import Limits
from integrations.contract.exchange import Request
from integrations.contract.message import BUTTON_DATA_BYTES_MAX, Button, Malformed, Message, Rich, Style

Json: TypeAlias = Any

LIMITS = Limits(text_length_max=4096, buttons_max=100, button_label_length_max=64, can_edit=True, can_share_phone=True)

#: Buttons whose labels are all this short stand two in a row.
SHORT_LABEL_LENGTH = 14


def call(url: str, method: str, payload: Mapping[str, Json]) -> Request:
    """A call of one Bot API method. `url` ends in the bot's token."""
    return Request("POST", f"{url}/{method}", {"content-type": "application/json"}, orjson.dumps(payload))


def message_payload(address: str, message: Message, *, drop_keyboard: bool = False) -> dict[str, Json]:
    """The arguments of sendMessage.

    `drop_keyboard` takes away an earlier share button. Only a message without buttons of its own can do that, and
    such a message can never be edited afterwards.
    """
    payload = {
        "chat_id": int(address),
        "text": to_html(message.body),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    markup = _markup(message) or ({"remove_keyboard": True} if drop_keyboard else None)
    if markup:
        payload["reply_markup"] = markup
    return payload


def edit_payload(address: str, message: Message, edits: str) -> dict[str, Json]:
    """The arguments of editMessageText. Without buttons of its own, the message loses those it had."""
    return {**message_payload(address, message), "message_id": int(edits)}


def fault_of(message: Message) -> Malformed | None:
    """What Telegram would refuse, found before it is sent. A text is never cut: what is lost may be the amount."""
    text = "".join(span.text for span in message.body)
    if not text.strip():
        return Malformed("the text is empty")
    if len(_sound(text).encode("utf-16-le")) // 2 > LIMITS.text_length_max:
        return Malformed(f"the text is longer than {LIMITS.text_length_max}")
    if len(message.buttons) > LIMITS.buttons_max:
        return Malformed(f"there are more than {LIMITS.buttons_max} buttons")
    if any(not button.label.strip() for button in message.buttons):
        return Malformed("a button has no label")
    if any(not 1 <= len(button.data.encode()) <= BUTTON_DATA_BYTES_MAX for button in message.buttons):
        return Malformed(f"a button's data is not 1 to {BUTTON_DATA_BYTES_MAX} bytes")
    return None


def to_html(body: Rich) -> str:
    """Telegram's HTML: of all characters only & < > mean anything in it (F-090)."""
    return "".join(_span_html(_sound(span.text), span.style) for span in body)


def _span_html(text: str, style: Style) -> str:
    escaped = html.escape(text, quote=False)
    match style:
        case Style.PLAIN:
            return escaped
        case Style.BOLD:
            return f"<b>{escaped}</b>"
        case Style.CODE:
            return f"<code>{escaped}</code>"


def _sound(text: str) -> str:
    # Half of a surrogate pair cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode()


def _markup(message: Message) -> Json:
    if message.share_phone:
        # A reply keyboard cannot hang under a message together with inline buttons, so these become plain keys: a
        # typed label is an answer as good as a tap.
        keys = [[{"text": message.share_phone, "request_contact": True}]]
        keys += [[{"text": button.label}] for button in message.buttons]
        return {"keyboard": keys, "resize_keyboard": True, "one_time_keyboard": True}
    if message.buttons:
        return {"inline_keyboard": [[_inline(button) for button in row] for row in _rows(message.buttons)]}
    return None


def _inline(button: Button) -> Json:
    return {"text": button.label, "callback_data": button.data}


def _rows(buttons: Sequence[Button]) -> list[Sequence[Button]]:
    width = 2 if all(len(button.label) <= SHORT_LABEL_LENGTH for button in buttons) else 1
    return [buttons[start : start + width] for start in range(0, len(buttons), width)]

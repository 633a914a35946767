"""How Telegram reads the texts and keyboards a bot sends, with the sentences it refuses them by.

Sources: Bot API 10.0; the open-source servers tdlib/td (MessageEntity.cpp) and tdlib/telegram-bot-api (Client.cpp).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any

TEXT_LENGTH_MAX = 4096
CALLBACK_DATA_BYTES_MAX = 64

#: Tags of HTML parse mode and the entities they make.
_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler", "a": "text_link", "tg-emoji": "custom_emoji", "code": "code", "pre": "pre",
    "blockquote": "blockquote",
}  # fmt: skip

_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}

#: A character reference or a tag. Unknown references are text, as they are for Telegram.
_PIECE = re.compile(
    r"&(?:#x(?P<hex>[0-9a-fA-F]{1,6})|#(?P<number>[0-9]{1,7})|(?P<name>lt|gt|amp|quot)(?![A-Za-z]));?"
    r"|<(?P<slash>/?)(?P<tag>[^\s>]*)(?P<attributes>[^>]*)(?P<closed>>?)"
)
_ATTRIBUTE = re.compile(r"""\s*(?P<name>[^\s=]+)\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[\w.-]+))""")

_ACTIONS = (
    "url", "callback_data", "callback_game", "pay", "switch_inline_query", "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat", "login_url", "web_app", "copy_text",
)  # fmt: skip


class Refused(Exception):
    """The Bot API says no: HTTP status, its own sentence, and how long to wait where it says so."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after


def bad_request(sentence: str) -> Refused:
    """A 400 with its prefix."""
    return Refused(400, f"Bad Request: {sentence}")


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text as people see it. Offsets of entities count UTF-16 code units."""

    text: str
    entities: list[Json] = field(default_factory=list)


def read_text(text: str, parse_mode: str) -> Formatted:
    """What a bot's `text` shows. Modes other than HTML are refused: nothing here speaks them."""
    if not text:
        raise bad_request("message text is empty")
    if parse_mode.lower() not in {"", "html"}:
        raise bad_request("the sandbox reads no parse_mode but HTML")
    formatted = _Html(text).read() if parse_mode else Formatted(text)
    if not formatted.text.strip():
        raise bad_request("message text is empty")
    if utf16_length(formatted.text) > TEXT_LENGTH_MAX:
        raise bad_request("message is too long")
    return formatted


def utf16_length(text: str) -> int:
    """The length Telegram counts offsets in."""
    return len(text.encode("utf-16-le")) // 2


class _Html:
    """One reading of one text in HTML parse mode."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._shown: list[str] = []
        self._length = 0
        self._open: list[tuple[str, int, Json]] = []
        self._entities: list[Json] = []

    def read(self) -> Formatted:
        at = 0
        for piece in _PIECE.finditer(self._source):
            self._show(self._source[at : piece.start()])
            at = piece.end()
            if piece["tag"] is None:
                self._show(_character(piece))
            elif piece["slash"]:
                self._close(piece)
            else:
                self._begin(piece)
        self._show(self._source[at:])
        if self._open:
            raise _unreadable(f'Can\'t find end tag corresponding to start tag "{self._open[-1][0]}"')
        return Formatted("".join(self._shown), sorted(self._entities, key=lambda e: (e["offset"], -e["length"])))

    def _show(self, text: str) -> None:
        self._shown.append(text)
        self._length += utf16_length(text)

    def _begin(self, piece: re.Match[str]) -> None:
        tag, where = piece["tag"].lower(), self._place(piece)
        if not piece["closed"] and not piece["attributes"]:
            raise _unreadable(f"Unclosed start tag at byte offset {where}")
        if tag not in _TAGS:
            raise _unreadable(f'Unsupported start tag "{tag}" at byte offset {where}')
        if not piece["closed"]:
            raise _unreadable(f'Unclosed start tag "{tag}" at byte offset {where}')
        self._open.append((tag, self._length, _details(tag, piece["attributes"], where)))

    def _close(self, piece: re.Match[str]) -> None:
        tag, where = piece["tag"].lower(), self._place(piece)
        if not self._open:
            raise _unreadable(f"Unexpected end tag at byte offset {where}")
        if not piece["closed"] or piece["attributes"].strip():
            raise _unreadable(f"Unclosed end tag at byte offset {where}")
        expected, offset, details = self._open.pop()
        if tag and tag != expected:
            raise _unreadable(f'Unmatched end tag at byte offset {where}, expected "</{expected}>", found "</{tag}>"')
        if self._length > offset:
            length = self._length - offset
            self._entities.append({"type": _TAGS[expected], "offset": offset, "length": length, **details})

    def _place(self, piece: re.Match[str]) -> int:
        return len(self._source[: piece.start()].encode())


def _character(piece: re.Match[str]) -> str:
    if piece["name"]:
        return _NAMED[piece["name"]]
    code = int(piece["hex"], 16) if piece["hex"] else int(piece["number"])
    if 0xD800 <= code <= 0xDFFF:
        raise _unreadable(
            "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate "
            "code units"
        )
    return chr(code) if 0 < code < 0x10FFFF else piece[0]


def _details(tag: str, attributes: str, where: int) -> Json:
    found = {
        match["name"]: match["double"] or match["single"] or match["bare"] or ""
        for match in _ATTRIBUTE.finditer(attributes)
    }
    if _ATTRIBUTE.sub("", attributes).strip():
        raise _unreadable(
            f'Expected equal sign in declaration of an attribute of the tag "{tag}" at byte offset {where}'
        )
    if tag == "span" and found.get("class") != "tg-spoiler":
        raise _unreadable(f'Tag "span" must have class "tg-spoiler" at byte offset {where}')
    if tag == "a":
        return {"url": found.get("href", "")}
    return {"custom_emoji_id": found.get("emoji-id", "")} if tag == "tg-emoji" else {}


def _unreadable(sentence: str) -> Refused:
    return bad_request(f"can't parse entities: {sentence}")


@dataclass(frozen=True, slots=True)
class Keyboard:
    """A `reply_markup`. `rows` are inline buttons as (label, data), data empty where a tap does not come back to us.

    `contact` and `keys` are the buttons of a reply keyboard: the one that shares the number, and those that type
    their own label. `raw` is what was sent.
    """

    raw: Json = None
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    contact: str | None = None
    keys: tuple[str, ...] = ()
    one_time: bool = False
    removes: bool = False

    @property
    def inline(self) -> Json:
        """The part that stays with the message for ever."""
        return {"inline_keyboard": self.raw["inline_keyboard"]} if self.rows else None

    @property
    def fixes_message(self) -> bool:
        """Whether a message sent with it can never be edited."""
        return bool(self.contact or self.keys or self.removes)


def read_keyboard(raw: Json) -> Keyboard:
    """A `reply_markup` as Telegram takes it."""
    match raw:
        case None:
            return Keyboard()
        case {"keyboard": [_, *_] as rows}:
            buttons = [button for row in _array(rows, "keyboard") for button in row]
            return _reply_keyboard(raw, buttons)
        case {"inline_keyboard": [*rows]}:
            name = "inline_keyboard"
            shown = [[_inline_button(button) for button in row] for row in _array(rows, name)]
            return Keyboard(raw, [row for row in shown if row])
        case {"remove_keyboard": True}:
            return Keyboard(raw, removes=True)
        case {}:
            return Keyboard()
        case _:
            raise bad_request("object expected as reply markup")


def _array(rows: Json, name: str) -> list[list[Json]]:
    if not all(isinstance(row, list) for row in rows):
        raise bad_request(f'field "{name}" must be an Array of Arrays')
    return list(rows)


def _reply_keyboard(raw: Json, buttons: list[Json]) -> Keyboard:
    plain = [{"text": button} if isinstance(button, str) else button for button in buttons]
    if not all(isinstance(button, dict) and isinstance(button.get("text"), str) for button in plain):
        raise bad_request("can't parse keyboard button: Can't find field \"text\"")
    contact = next((button["text"] for button in plain if button.get("request_contact")), None)
    keys = tuple(button["text"] for button in plain if set(button) == {"text"})
    return Keyboard(raw, contact=contact, keys=keys, one_time=raw.get("one_time_keyboard") is True)


def _inline_button(button: Json) -> tuple[str, str]:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str) or not button["text"]:
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    actions = [action for action in _ACTIONS if action in button]
    if not actions:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if len(actions) > 1:
        # The real server takes the first; its documentation says exactly one, and so do we.
        raise bad_request("can't parse inline keyboard button: exactly one action is allowed")
    data = button.get("callback_data", "")
    if "callback_data" in button and not 1 <= len(str(data).encode()) <= CALLBACK_DATA_BYTES_MAX:
        raise bad_request("BUTTON_DATA_INVALID")
    return button["text"], str(data)

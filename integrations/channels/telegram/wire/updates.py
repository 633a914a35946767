"""What people do: one Update of the Bot API to one neutral input."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, TypeAlias

import phonenumbers

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

Json: TypeAlias = Any

#: The update kinds we ask Telegram for.
UPDATE_KINDS = ("message", "edited_message", "callback_query", "my_chat_member")

#: What a message may carry instead of text. A venue also has a location, and an animation a document: the narrower
#: word stands first.
CONTENT_KINDS = (
    "animation", "audio", "checklist", "dice", "document", "game", "giveaway", "giveaway_winners", "invoice",
    "live_photo", "paid_media", "photo", "poll", "sticker", "story", "venue", "location", "video", "video_note",
    "voice",
)  # fmt: skip


def read_update(update: Json, now: datetime) -> tuple[int, Received | Ignored] | None:
    """One Update with its id; None when it has none, so it is no Update. Whatever else is odd is Ignored: an error
    answer would make Telegram hold back that person's further messages (F-073).
    """
    match update:
        case {"update_id": int() as number}:
            return number, _read(number, update, now)
        case _:
            return None


def _read(number: int, update: Json, now: datetime) -> Received | Ignored:
    match update:
        case {"message": {} as message}:
            return _message(number, message, now)
        case {"edited_message": {} as message}:
            return _edited(number, message, now)
        case {"callback_query": {} as query}:
            return _tap(number, query, now)
        case {"my_chat_member": {} as member}:
            return _membership(number, member, now)
        case _:
            return Ignored(next((kind for kind in update if kind != "update_id"), "empty"))


def _stranger(message: Json) -> str | None:
    """Why a message is not a person's in a private chat (F-084); None when it is."""
    match message:
        case {"chat": {"type": str() as place}} if place != "private":
            return place
        case {"via_bot": _}:
            return "via bot"
        case {"sender_chat": _}:
            return "anonymous"
        case {"from": {"is_bot": True}}:
            return "bot"
        case {"chat": {"id": int(), "type": "private"}, "from": {"id": int()}, "date": int()}:
            return None
        case _:
            return "malformed"


def _message(number: int, message: Json, now: datetime) -> Received | Ignored:
    reason = _stranger(message)
    if reason is not None:
        return Ignored(reason)
    content = _content(message)
    return _received(number, message, content, _at(message["date"], now)) if content else Ignored("service message")


def _content(message: Json) -> Content | None:
    match message:
        case {"text": str() as text}:
            return Typed(text)
        case {"contact": {"phone_number": str() as number} as contact}:
            return _shared(number, contact.get("user_id") == message["from"]["id"] and "forward_origin" not in message)
        case _:
            kinds = (*CONTENT_KINDS, "contact")
            return next((Unreadable(kind) for kind in kinds if kind in message), None)


def _shared(number: str, own: bool) -> SharedPhone | Unreadable:
    digits = re.sub(r"[^0-9]", "", number)
    try:
        parsed = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return Unreadable("contact")
    # Telegram knows its users' numbers with their country. A card from an address book may lack it, and then 0712…
    # or 712… must not become a stranger's number.
    sound = phonenumbers.is_possible_number(parsed) if own else phonenumbers.is_valid_number(parsed)
    if not sound:
        return Unreadable("contact")
    return SharedPhone(Phone(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)), own)


def _edited(number: int, message: Json, now: datetime) -> Received | Ignored:
    reason = _stranger(message)
    if reason is not None:
        return Ignored(reason)
    # A shared live location is "edited" every few seconds.
    if "text" not in message and "caption" not in message:
        return Ignored("edit without words")
    return _received(number, message, Edited(), _at(message.get("edit_date", message["date"]), now))


def _tap(number: int, query: Json, now: datetime) -> Received | Ignored:
    match query:
        case {"message": {"chat": {"type": str() as place}}} if place != "private":
            return Ignored(place)
        case {
            "id": str() as spinner,
            "from": {"id": int()} as person,
            "data": str() as data,
            "message": {"message_id": int() as on_message, "chat": {"id": int(), "type": "private"} as chat},
        }:
            return _received(number, {"chat": chat, "from": person}, Tapped(data, str(on_message), spinner), now)
        case _:
            return Ignored("tap without data")


def _membership(number: int, member: Json, now: datetime) -> Received | Ignored:
    match member:
        case {"chat": {"type": str() as place}} if place != "private":
            return Ignored(place)
        case {
            "chat": {"id": int(), "type": "private"},
            "from": {"id": int()},
            "date": int() as date,
            "new_chat_member": {"status": "kicked" | "member" as status},
        }:
            return _received(number, member, Reachable(status == "member"), _at(date, now))
        case _:
            return Ignored("membership")


def _received(number: int, about: Json, content: Content, at: datetime) -> Received:
    language = about["from"].get("language_code")
    return Received(
        external_id=str(number),
        address=str(about["chat"]["id"]),
        content=content,
        at=at,
        order=number,
        language=language if isinstance(language, str) else None,
    )


def _at(seconds: Json, now: datetime) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return now

"""What a Content may hold: its types, their limits, and how the places in it are filled.

Source: the pages of Twilio's documentation on content types ("Quick reply", "List picker", "Call to action", "Text",
"Media") and error 63021; lengths of titles and ids, and that titles and ids of one message differ, are Meta's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from integrations.sandbox.twilio_chats import Item

Json: TypeAlias = Any

TEXT, MEDIA, LOCATION = "twilio/text", "twilio/media", "twilio/location"
QUICK_REPLY, LIST_PICKER, CALL_TO_ACTION = "twilio/quick-reply", "twilio/list-picker", "twilio/call-to-action"
CARD: Final = "twilio/card"

#: The richest first: of several types WhatsApp is sent the first it supports.
TYPES: Final = (CARD, LIST_PICKER, QUICK_REPLY, CALL_TO_ACTION, MEDIA, LOCATION, TEXT)
#: Never approved, and so never sent outside the window.
NEVER_APPROVED: Final = frozenset({LIST_PICKER, LOCATION})
#: Not sent without approval, not even inside the window.
ALWAYS_APPROVED: Final = frozenset({CARD})

BODY_LENGTH_MAX, TEMPLATE_BODY_LENGTH_MAX, TEXT_LENGTH_MAX = 1024, 1024, 1600
TITLE_LENGTH_MAX, ITEM_LENGTH_MAX, LABEL_LENGTH_MAX = 20, 24, 20
DESCRIPTION_LENGTH_MAX, PAYLOAD_LENGTH_MAX = 72, 200
ITEMS_MAX, BUTTONS_MAX, SESSION_BUTTONS_MAX = 10, 10, 3

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Unacceptable(ValueError):
    """A form WhatsApp does not accept; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person sees of a message: see WhatsAppBubble."""

    text: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    list_label: str = ""
    items: tuple[Item, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    media: tuple[str, ...] = ()


# --- places


def strings(value: Json) -> Iterator[str]:
    """Every string of a type, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def places(value: Json) -> set[str]:
    """The names of the places in a type."""
    return {name for text in strings(value) for name in _PLACE.findall(text)}


def filled(value: Json, values: Mapping[str, str]) -> Json:
    """A type with its places filled. A place in a value stays as it is."""
    if isinstance(value, str):
        return _PLACE.sub(lambda place: values.get(place[1], place[0]), value)
    if isinstance(value, Mapping):
        return {name: filled(part, values) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, values) for part in value]
    return value


# --- forms


def shown(kind: str, form: Json) -> Shown:
    """What a person sees of a type whose places are filled; Unacceptable where it is not what WhatsApp takes."""
    seen = _FORMS[kind](form)
    _differ("titles", [title for title, _ in seen.buttons])
    _differ("ids", [payload for _, payload in seen.buttons] + [item.payload for item in seen.items])
    return seen


def check(kind: str, form: Json) -> None:
    """Unacceptable where a type lacks something, or where a text without places is too long already."""
    if kind not in _FORMS:
        raise Unacceptable(f"{kind} is not a type this sandbox has")
    # What a place will hold is not known yet: it counts as one letter. Whether titles differ is seen at sending.
    _FORMS[kind](filled(form, dict.fromkeys(places(form), "x")))


def check_buttons(kind: str, form: Json, *, template: bool) -> None:
    """Unacceptable where there are more buttons than may be sent without approval."""
    if kind in {QUICK_REPLY, CALL_TO_ACTION} and not template and len(form["actions"]) > SESSION_BUTTONS_MAX:
        raise Unacceptable(f"more than {SESSION_BUTTONS_MAX} buttons need an approved template")


def _text(form: Json) -> Shown:
    return Shown(_field(form, "body", TEXT_LENGTH_MAX))


def _media(form: Json) -> Shown:
    found = form.get("media")
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], str):
        raise Unacceptable("media is a list with one address")
    return Shown(_optional(form, "body", BODY_LENGTH_MAX), media=(found[0],))


def _location(form: Json) -> Shown:
    label = _optional(form, "label", BODY_LENGTH_MAX)
    return Shown(label, media=(f"geo:{form.get('latitude')},{form.get('longitude')}",))


def _quick_reply(form: Json) -> Shown:
    buttons = []
    for action in _several(form, "actions", BUTTONS_MAX):
        if action.get("type") not in {None, "QUICK_REPLY"}:
            raise Unacceptable("an action of a quick reply is of type QUICK_REPLY")
        buttons.append((_field(action, "title", TITLE_LENGTH_MAX), _field(action, "id", PAYLOAD_LENGTH_MAX)))
    return Shown(_field(form, "body", BODY_LENGTH_MAX), buttons=tuple(buttons))


def _list_picker(form: Json) -> Shown:
    items = tuple(
        Item(
            _field(item, "item", ITEM_LENGTH_MAX),
            _optional(item, "description", DESCRIPTION_LENGTH_MAX),
            _field(item, "id", PAYLOAD_LENGTH_MAX),
        )
        for item in _several(form, "items", ITEMS_MAX)
    )
    label = _field(form, "button", LABEL_LENGTH_MAX)
    return Shown(_field(form, "body", BODY_LENGTH_MAX), list_label=label, items=items)


def _call_to_action(form: Json) -> Shown:
    links = [
        (_field(action, "title", TITLE_LENGTH_MAX), _target(action))
        for action in _several(form, "actions", BUTTONS_MAX)
    ]
    return Shown(_field(form, "body", BODY_LENGTH_MAX), links=tuple(links))


def _card(form: Json) -> Shown:
    media = [one for one in form.get("media") or [] if isinstance(one, str)]
    title, subtitle = _field(form, "title", BODY_LENGTH_MAX), _optional(form, "subtitle", 60)
    buttons, links = [], []
    for action in form.get("actions") or []:
        if action.get("type") == "QUICK_REPLY":
            buttons.append((_field(action, "title", TITLE_LENGTH_MAX), _field(action, "id", PAYLOAD_LENGTH_MAX)))
        else:
            links.append((_field(action, "title", TITLE_LENGTH_MAX), _target(action)))
    text = f"{title}\n{subtitle}" if subtitle else title
    return Shown(text, buttons=tuple(buttons), links=tuple(links), media=tuple(media))


_FORMS: Final[Mapping[str, Callable[[Json], Shown]]] = {
    TEXT: _text,
    MEDIA: _media,
    LOCATION: _location,
    QUICK_REPLY: _quick_reply,
    LIST_PICKER: _list_picker,
    CALL_TO_ACTION: _call_to_action,
    CARD: _card,
}


# --- fields


def _field(form: Json, name: str, length_max: int) -> str:
    text = form.get(name)
    if not isinstance(text, str) or not text.strip():
        raise Unacceptable(f"{name} is missing")
    if len(text) > length_max:
        raise Unacceptable(f"{name} is longer than {length_max}")
    if name in {"title", "item", "button", "id"} and "\n" in text:
        raise Unacceptable(f"{name} has a line break")
    return text


def _optional(form: Json, name: str, length_max: int) -> str:
    return _field(form, name, length_max) if form.get(name) else ""


def _several(form: Json, name: str, count_max: int) -> list[Json]:
    found = form.get(name)
    if not isinstance(found, list) or not 1 <= len(found) <= count_max:
        raise Unacceptable(f"{name} are 1 to {count_max}")
    if not all(isinstance(one, dict) for one in found):
        raise Unacceptable(f"{name} are objects")
    return found


def _target(action: Json) -> str:
    names = {"URL": "url", "PHONE_NUMBER": "phone", "COPY_CODE": "code"}
    name = names.get(str(action.get("type")))
    if name is None:
        raise Unacceptable(f"an action is of type {', '.join(names)}")
    return _field(action, name, 2000)


def _differ(what: str, found: list[str]) -> None:
    if len(set(found)) != len(found):
        raise Unacceptable(f"two {what} are the same")

"""Lazy text: what a flow says, before anyone knows the reader's language.

A `Text` is a message id with values. It is rendered when it is sent, in the language its reader has then, by
`bot/i18n.py`. Message ids are the English sentences; `{name}` is replaced by a value, `*…*` makes what stands between
bold (in the sentence only: values can never carry markup). It survives storage as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from integrations.contract.money import Money

Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Code:
    """Characters to be copied exactly (a token, a payment code); rendered so that one tap copies them."""

    value: str


@dataclass(frozen=True, slots=True)
class Minutes:
    """A length of time, said in the reader's language ("10 minutes", "2 hours")."""

    count: int


Value: TypeAlias = "str | int | Money | datetime | Code | Minutes | Text"


@dataclass(frozen=True, slots=True)
class Text:
    """A message id with values. With `plural` and `count`, the plural form is chosen in the reader's language."""

    msgid: str
    values: Mapping[str, Value] = field(default_factory=dict)
    plural: str = ""
    count: int = 0


#: A whole message: texts on lines of their own. BLANK is an empty line.
Body: TypeAlias = tuple[Text, ...]

BLANK = Text("")


def T(msgid: str, **values: Value) -> Text:  # noqa: N802  the one-letter name is what extraction and readers look for
    """A translatable sentence. Babel finds it by this name, so `msgid` must be a literal."""
    return Text(msgid, values)


def TN(msgid: str, plural: str, count: int, **values: Value) -> Text:  # noqa: N802
    """A translatable sentence with a count, which is also the value `{count}`."""
    return Text(msgid, {"count": count, **values}, plural, count)


def verbatim(words: str) -> Text:
    """Words of somebody else (an owner's name, a utility's own line), shown as they are in every language."""
    return Text("{words}", {"words": words})


def to_json(text: Text) -> Json:
    """A Text as plain JSON."""
    values = {name: _value_to_json(value) for name, value in text.values.items()}
    return [text.msgid, values, text.plural, text.count] if text.plural else [text.msgid, values]


def from_json(data: Json) -> Text:
    """The Text that `to_json` wrote."""
    msgid, values, *rest = data
    return Text(msgid, {name: _value_from_json(value) for name, value in values.items()}, *rest)


def body_to_json(body: Body) -> Json:
    """A whole message as plain JSON."""
    return [to_json(text) for text in body]


def body_from_json(data: Json) -> Body:
    """The message that `body_to_json` wrote."""
    return tuple(from_json(item) for item in data)


def _value_to_json(value: Value) -> Json:
    match value:
        case str() | int():
            return value
        case Money():
            return {"money": [value.minor, value.currency]}
        case datetime():
            return {"at": int(value.timestamp())}
        case Code():
            return {"code": value.value}
        case Minutes():
            return {"minutes": value.count}
        case Text():
            return {"text": to_json(value)}


def _value_from_json(data: Json) -> Value:
    match data:
        case {"money": [int() as minor, str() as currency]}:
            return Money(minor, currency)
        case {"at": int() as seconds}:
            return datetime.fromtimestamp(seconds, UTC)
        case {"code": str() as code}:
            return Code(code)
        case {"minutes": int() as count}:
            return Minutes(count)
        case {"text": inner}:
            return from_json(inner)
        case str() | int():
            return data
        case _:
            raise ValueError(f"not a value of a text: {type(data).__name__}")

"""Daraja's JSON, read as documented and no further: what is odd is Unreadable, never guessed at (F-034, F-036)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal

JSON_DEPTH_MAX = 32
_NUMBER_LENGTH_MAX = 40
_NUMBER_MAGNITUDE_MAX = 18

_IDENTIFIER = re.compile(r"[!-~]{1,64}")


class Unreadable(ValueError):
    """The body is not JSON we would bet money on."""


def strict_json(body: bytes) -> object:
    """Parse JSON without Python's leniencies: no name twice, no NaN, no giant number, no float, depth at most 32."""
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=once_each,
            parse_float=_exact,
            parse_int=lambda text: int(_exact(text)),
            parse_constant=_refuse_constant,
        )
    except Unreadable:
        raise
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Unreadable(f"not strict JSON: {type(error).__name__}") from error
    if not _is_shallow(value, JSON_DEPTH_MAX):
        raise Unreadable("nested too deeply")
    return value


def once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The pairs as a dict; Python would keep the last of two equal names, which one a forger may choose."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("a key appears twice")
    return found


def _exact(text: str) -> Decimal:
    number = Decimal(text) if len(text) <= _NUMBER_LENGTH_MAX else Decimal("Infinity")
    if not number.is_finite() or abs(number.adjusted()) > _NUMBER_MAGNITUDE_MAX:
        raise Unreadable("a number beyond any bill")
    return number


def _refuse_constant(name: str) -> object:
    raise Unreadable(f"{name} is not a number")


def _is_shallow(value: object, levels: int) -> bool:
    if isinstance(value, dict):
        return levels > 0 and all(_is_shallow(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_is_shallow(item, levels - 1) for item in value)
    return True


def as_object(value: object) -> Mapping[str, object]:
    """The value as a JSON object; Unreadable when it is something else."""
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    return value


def as_code(value: object) -> str:
    """A code as text: a string in a query, an integer in a callback, sometimes the other way round (F-034)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Unreadable("a code is an integer or a string")
    return str(value).strip()


def as_identifier(value: object) -> str:
    """One of Daraja's ids: opaque, printable, at most 64 characters."""
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise Unreadable("not an identifier")
    return value

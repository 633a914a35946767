"""A form as it arrives: names and values in order, blank and repeated ones kept, because the signature is over all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl


class Form:
    """Parameters by name. `getall` and iteration are what Twilio's validator asks of a multi-valued form."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def getall(self, name: str) -> list[str]:
        """Every value of a name; KeyError when there is none."""
        return self._values[name]

    def first(self, name: str) -> str:
        """The first value of a name, or an empty text."""
        return self._values.get(name, [""])[0]


def read_form(body: bytes) -> Form:
    """A form body. Bytes that are no UTF-8 become replacement characters, and then no signature fits."""
    return Form(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def read_query(url: str) -> Form:
    """The query of a path and query."""
    return Form(parse_qsl(url.partition("?")[2], keep_blank_values=True))

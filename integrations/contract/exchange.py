"""One HTTP exchange as plain values, so that everything above the two shells of `http.py` is free of sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

#: Limits at intake (S-12) and on answers (S-14), in bytes of decoded body.
REQUEST_BYTES_MAX = 64 * 1024
RESPONSE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request in or out. `url` is absolute going out; coming in it is path and query. Header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its whole body. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Proved: no byte of the request left this machine, so the other side cannot have acted."""

    cause: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """We cannot tell whether the other side acted. It is asked about again; waiting never turns it into no.

    `unlisted`: it did answer, with a code that our table does not turn into a proof. A person should look.
    """

    cause: str
    unlisted: bool = field(default=False, compare=False)


class NoAnswer(Exception):
    """Raised by a Serve that acts and says nothing: whoever hosts it cuts the connection."""


Sent: TypeAlias = Response | NotSent | Unknown

Serve: TypeAlias = Callable[[Request], Awaitable[Response]]

#: `send(request, deadline)`: `deadline` is on the Clock's monotonic scale, in seconds. It is not
#: started when the deadline has passed (NotSent) and is given up at the deadline (Unknown).
Send: TypeAlias = Callable[[Request, float], Awaitable[Sent]]


def json_response(body: bytes, status: int = 200) -> Response:
    """An answer whose body is already JSON."""
    return Response(status, {"content-type": "application/json"}, body)

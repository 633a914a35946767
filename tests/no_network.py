"""A pytest plugin: no test may reach beyond this machine.

An audit hook sees every connection and name look-up that Python's own sockets make, in every thread, and refuses those
that leave the loopback. It raises no OSError on purpose: product code takes an OSError for an outage and carries on,
and a test that quietly tried the network would pass. (libpq, uvloop and other processes have sockets of their own,
which no hook sees; nothing in the tests gives them an outside address.)
"""

from __future__ import annotations

import ipaddress
import sys

_SENDING = {"socket.connect", "socket.sendto", "socket.sendmsg"}
_LOOKING_UP = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
_OWN_NAMES = {"", "localhost", "localhost.localdomain"}


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine."""


def stays_here(host: object) -> bool:
    """Whether a host, as given to a socket, is this machine."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in _OWN_NAMES:
        return True
    try:
        address = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse_outside(event: str, arguments: tuple[object, ...]) -> None:
    """The audit hook."""
    if event in _SENDING:
        address = arguments[1]
        # A string or bytes is a socket in the file system; None is a socket that was connected before.
        host = address[0] if isinstance(address, tuple) else None
    elif event in _LOOKING_UP:
        host = arguments[0]
    else:
        return
    if not stays_here(host):
        raise NetworkRefused(f"{event} to {host!r}: tests stay on this machine")


sys.addaudithook(refuse_outside)

"""When a process of ours ends: at a signal, or together with the process that started it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

READ_BYTES = 4096


def at_end(act: Callable[[], None], *, with_parent: bool = False) -> None:
    """Call `act` at SIGINT and SIGTERM. `with_parent` also when standard input ends.

    Whoever starts a child with a pipe as its standard input, and writes nothing into it, takes the child along however
    it ends itself: the kernel closes the pipe even after kill -9.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, act)
    if with_parent:
        loop.add_reader(sys.stdin.fileno(), _at_end_of_input, act)


def _at_end_of_input(act: Callable[[], None]) -> None:
    descriptor = sys.stdin.fileno()
    try:
        more = os.read(descriptor, READ_BYTES)
    except OSError:
        more = b""
    if not more:
        asyncio.get_running_loop().remove_reader(descriptor)
        act()

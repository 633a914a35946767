"""`bili demo` and `bili chat` as a person starts them: one address, twice in a row, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.processes.programs import ORDER, PIN, Person, Program, Stage, until

pytestmark = pytest.mark.processes

_ADDRESS = re.compile(r"http://[^\s/]+/")


async def begun(here: Stage) -> tuple[Program, str]:
    """A demo, running; and the one address it prints."""
    demo = here.start("demo")
    await demo.says("Stop with Ctrl-C")
    [page] = set(_ADDRESS.findall(demo.said))
    return demo, page.rstrip("/")


def children(program: Program) -> list[int]:
    """The processes that a program started."""
    told = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text(encoding="ascii")
    return [int(number) for number in told.split()]


def command_of(number: int) -> list[str]:
    """What a process was started with."""
    return Path(f"/proc/{number}/cmdline").read_text(encoding="utf-8").split("\0")


def is_running(number: int) -> bool:
    """Whether a process is there, and is not just waiting to be buried."""
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def test_the_demo_is_left_and_taken_up_again_with_its_customers(here: Stage) -> None:
    demo, page = await begun(here)
    amina = Person(here.web, page)
    await amina.enters()
    await amina.buys()
    demo.process.send_signal(signal.SIGINT)
    assert await demo.ended() == 0
    demo.log.unlink()
    _, page = await begun(here)
    amina = Person(here.web, page)  # the chat of this Telegram is empty
    await amina.say("/again")
    await amina.sees("Please check")
    await amina.tap("Pay")
    await amina.type_pin()
    await amina.sees("Here is your electricity")
    assert (here.folder / "var/demo/secret").stat().st_mode & 0o077 == 0


async def test_a_demo_that_is_killed_leaves_nobody_behind(here: Stage) -> None:
    demo, _ = await begun(here)
    left = children(demo)
    assert len(left) == 2
    demo.kill()
    await until(lambda: not any(map(is_running, left)), "the service and the sandbox end with the demo")


async def test_the_demo_ends_with_its_service_and_says_so(here: Stage) -> None:
    demo, _ = await begun(here)
    left = children(demo)
    [service] = [number for number in left if "serve" in command_of(number)]
    os.kill(service, signal.SIGKILL)
    assert await demo.ended() == 2
    assert "bili serve ended by itself" in demo.said
    assert not any(map(is_running, left))


async def test_a_second_demo_in_the_same_folder_says_that_there_is_one(here: Stage) -> None:
    await begun(here)
    second = here.start("demo")
    assert await second.ended() == 2
    assert "another process is using bili.db" in second.said


async def test_bili_chat_is_the_same_in_a_terminal(here: Stage) -> None:
    chat = here.start("chat")
    for typed, answer in (
        ("/start", "Welcome"),
        (":share", "noted your phone number"),
        (ORDER, "Please check"),
        ("/tap 1", "The demo PIN is 1234"),
        (PIN, "Here is your electricity"),
    ):
        chat.hears(typed)
        await chat.says(answer)
    left = children(chat)
    assert len(left) == 2
    chat.hears(":quit")
    assert await chat.ended() == 0
    assert not any(map(is_running, left))

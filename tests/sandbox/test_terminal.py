"""The terminal client over the real controls: what is typed is done, what is new is printed."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integrations.contract.exchange import NotSent, Request, Sent
from integrations.sandbox.terminal import AWAY, WELCOME, Terminal, chat, typed_lines
from tests.sandbox.stages import AMINA, AMINAS_PHONE, OTIENO, Sandbox


class Screen(io.StringIO):
    """What was printed. `tty` says whether it claims to be a terminal."""

    tty = False

    def isatty(self) -> bool:
        return self.tty


async def lines(*typed: str) -> AsyncIterator[str]:
    for line in typed:
        yield line


def terminal(sandbox: Sandbox) -> tuple[Terminal, Screen]:
    async def send(request: Request, _deadline: float) -> Sent:
        assert request.url.startswith("http://sandbox/")
        path = request.url.removeprefix("http://sandbox")
        return await sandbox.host.serve(Request(request.method, path, request.headers, request.body))

    screen = Screen()
    return Terminal("http://sandbox", send, sandbox.clock, screen), screen


async def test_what_is_typed_is_said_and_the_answer_is_printed() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    await here.obey(lines("/start", "500 14123456789"))
    assert [message.text for message in sandbox.host.telegram.chat(AMINA)] == ["/start", "500 14123456789"]
    await sandbox.bot("sendMessage", chat_id=AMINA, text="Well?")
    await here.look()
    assert screen.getvalue().endswith("< Well?\n> ")


async def test_a_button_is_tapped_and_a_command_is_obeyed() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    await sandbox.say_with_buttons("Yes", "No")
    await here.obey(lines("/tap 2", ":meters", ":fault lose_callback"))
    assert (await sandbox.bot("getUpdates"))[-1]["callback_query"]["data"] == "no"
    assert "14123456789" in screen.getvalue()
    assert sandbox.host.stage.faults.counts == {"lose_callback": 1}


async def test_the_pin_is_asked_for_while_a_prompt_stands_and_not_after() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    await here.look()
    sandbox.prompt()
    await here.look()
    assert screen.getvalue().endswith("\npin> ")
    await here.obey(lines("1234"))
    await here.look()
    assert [sale.msisdn for sale in sandbox.host.daraja.transactions] == [AMINAS_PHONE]
    assert screen.getvalue().endswith("the prompt has closed.\n> ")


async def test_a_refusal_is_printed_in_the_sandboxs_own_words() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    await here.obey(lines(":fault earthquake"))
    assert "  The sandbox knows no such fault.\n" in screen.getvalue()


async def test_one_goes_on_as_somebody_else() -> None:
    sandbox = Sandbox()
    here, _ = terminal(sandbox)
    await here.obey(lines(":as Otieno", "/start"))
    assert [message.text for message in sandbox.host.telegram.chat(OTIENO)] == ["/start"]


async def test_an_answer_for_somebody_one_no_longer_is_is_dropped() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    await here.look()
    asking = asyncio.create_task(here.look())
    await asyncio.sleep(0.005)
    here.user_id, here.state = OTIENO, None
    await sandbox.say_with_buttons("Amina’s secret")
    await asking
    assert "Amina’s secret" not in screen.getvalue()
    assert here.state is None


async def test_leaving_ends_at_once_although_a_question_is_held_open() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)

    async def slow() -> AsyncIterator[str]:
        await asyncio.sleep(0.01)
        yield ":quit"
        yield "never said"

    async with asyncio.timeout(1):
        await asyncio.gather(here.follow(), here.obey_and_leave(slow()))
    assert screen.getvalue().startswith(WELCOME)
    assert sandbox.host.telegram.chat(AMINA) == []


async def test_an_absent_sandbox_is_said_once_and_asked_again() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    present = here.send

    async def away(_request: Request, _deadline: float) -> Sent:
        return NotSent("refused")

    here.send = away
    assert [await here.look(), await here.look()] == [False, False]
    await here.obey(lines("hello"))
    assert screen.getvalue().count(AWAY) == 1
    here.send = present
    assert await here.look()
    here.send = away
    await here.obey(lines("hello"))
    assert screen.getvalue().count(AWAY) == 2


async def test_a_terminal_has_its_prompt_erased_before_news() -> None:
    sandbox = Sandbox()
    here, screen = terminal(sandbox)
    screen.tty = True
    await here.look()
    assert screen.getvalue().startswith("\r\x1b[K")


# --- reading


async def test_lines_are_read_from_a_pipe_as_they_come_and_the_last_needs_no_end() -> None:
    reading, writing = os.pipe()
    os.write(writing, "one\ntwö\nthr".encode())
    with os.fdopen(reading) as stream:
        typed = typed_lines(stream)
        assert [await anext(typed), await anext(typed)] == ["one", "twö"]
        os.write(writing, b"ee")
        os.close(writing)
        assert [line async for line in typed] == ["three"]


async def test_lines_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "said.txt"
    file.write_text("one\ntwo\n")
    with file.open() as stream:
        assert [line.strip() async for line in typed_lines(stream)] == ["one", "two"]


async def test_a_whole_chat_ends_with_its_input(capsys: pytest.CaptureFixture[str]) -> None:
    sandbox = Sandbox()
    here, _ = terminal(sandbox)
    reading, writing = os.pipe()
    os.write(writing, b"/start\n:help\n")
    os.close(writing)
    screen = Screen()
    with os.fdopen(reading) as stream:
        async with asyncio.timeout(1):
            await chat("http://sandbox/", here.send, sandbox.clock, stream, screen)
    assert [message.text for message in sandbox.host.telegram.chat(AMINA)] == ["/start"]
    assert ":faults" in screen.getvalue()
    assert capsys.readouterr().out == ""

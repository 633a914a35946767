"""`bili templates`: what stands at Twilio is told a line each, what is missing is made once, the status says it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot import app
from bot.app.templates import Act, is_usable, practise, table
from bot.clock import RealClock, RealRandom
from bot.settings import Settings, SettingsError, load_settings
from integrations.channels.twilio.content import declared
from integrations.channels.twilio.wire.content import Declared, Finding, State
from integrations.contract.exchange import NotSent, Request, Response, Sent
from integrations.http import HttpSender, HttpServer
from integrations.sandbox.host import SandboxConfig, SandboxHost
from tests.seams import HandClock
from tests.town import MORNING, SANDBOX, Town, town

KEY = "a-test-key-that-opens-nothing-at-all"
NAMES = sorted(one.friendly_name for one in declared())


@pytest.fixture(autouse=True)
def _nobodys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def settings(address: str, **changed: Any) -> Settings:
    """A sender whose account is the sandbox's."""
    sandbox = SandboxConfig()
    given = {
        "twilio_account_sid": sandbox.twilio_account_sid, "twilio_auth_token": sandbox.twilio_auth_token,
        "twilio_whatsapp_from": sandbox.twilio_whatsapp_from, "twilio_api_url": address,
        "twilio_content_api_url": address, "secret_key": KEY,
    }  # fmt: skip
    return load_settings(**{**given, **changed})


@asynccontextmanager
async def twilio() -> AsyncIterator[str]:
    """The sandbox's Twilio over real HTTP."""
    clock = RealClock()
    async with HttpSender(clock) as sender:
        host = SandboxHost(SandboxConfig(), clock, RealRandom(), sender.send)
        async with HttpServer(host.serve, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.port}"


# --- the command


async def test_looking_makes_nothing_and_making_makes_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    async with twilio() as address:
        for _ in range(2):
            assert await app.templates(settings(address), "check") == 1
        looked = capsys.readouterr().out
        assert looked.count(f" {State.MISSING.value}\n") == 2 * len(NAMES)
        assert "bili templates create" in looked
        assert await app.templates(settings(address), "create") == 0
        made = capsys.readouterr().out
        assert await app.templates(settings(address), "create") == 0
        assert capsys.readouterr().out == made
        assert await app.templates(settings(address), "check") == 0
        assert capsys.readouterr().out == made
    assert "All can be used." in made
    assert State.MISSING.value not in made


async def test_a_store_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(SettingsError, match=r"^Twilio's Content API: ") as told:
        await app.templates(settings("http://127.0.0.1:9"), "check")
    assert KEY not in str(told.value)


async def test_a_token_that_does_not_open_the_store_is_a_sentence_without_it() -> None:
    async with twilio() as address:
        acts: tuple[Act, ...] = ("check", "create")
        for act in acts:
            with pytest.raises(SettingsError, match=r"^Twilio's Content API: status 401") as told:
                await app.templates(settings(address, twilio_auth_token="hunter2"), act)
            assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"twilio_content_api_url": ""}, "BILI_TWILIO_CONTENT_API_URL is missing"),
        ({"twilio_account_sid": "AC"}, "BILI_TWILIO_ACCOUNT_SID is AC and 32"),
        ({"twilio_api_url": "https://api.twilio.com"}, "BILI_PUBLIC_URL is missing"),
        (
            {"twilio_account_sid": "", "twilio_auth_token": "", "twilio_whatsapp_from": ""},
            "BILI_TWILIO_ACCOUNT_SID is missing: there is no WhatsApp sender",
        ),
    ],
)
async def test_what_is_not_set_is_named(changed: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=f"^{sentence}"):
        await app.templates(settings("http://127.0.0.1:9", **changed), "check")


# --- in practice


async def names_at(one: Town) -> list[str]:
    """What the sandbox's Content store has."""
    answers: list[Response] = []

    async def listen(request: Request, deadline: float) -> Sent:
        sent = await one.network.send(request, deadline)
        answers.extend([sent] if isinstance(sent, Response) else [])
        return sent

    await practise(one.settings, listen, one.clock)
    return [str(answer.status) for answer in answers]


async def test_a_sandbox_has_them_made_once(sqlite_url: str) -> None:
    async with town(sqlite_url) as one:
        first, second = await names_at(one), await names_at(one)
    assert set(first) | set(second) <= {"200", "201"}
    assert first.count("201") >= len(NAMES)
    assert "201" not in second


async def test_a_sandbox_that_does_not_answer_is_logged_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    async def away(_request: Request, _deadline: float) -> Sent:
        return NotSent("nobody listens there")

    await practise(settings(SANDBOX), away, HandClock(MORNING))
    assert "templates.not_made" in capsys.readouterr().out


# --- what is told


def finding(name: str, state: State, detail: str = "", language: str = "en") -> Finding:
    return Finding(Declared(name, language, {}, {}), state, detail)


@pytest.mark.parametrize("state", list(State))
def test_only_what_is_ready_or_approved_can_be_used(state: State) -> None:
    assert is_usable(finding("news", state)) == (state in {State.READY, State.APPROVED})


def test_each_is_a_line_and_a_refusal_says_why() -> None:
    said = table([finding("quick", State.READY), finding("payment_news", State.REJECTED, "INVALID_FORMAT", "sw")])
    first, second, *_ = said.splitlines()
    assert first == "quick         en  ready"
    assert second == "payment_news  sw  rejected  INVALID_FORMAT"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ([State.READY, State.APPROVED], "All can be used."),
        ([State.APPROVED, State.WAITING], "WhatsApp is still looking"),
        ([State.WAITING, State.REJECTED], "WhatsApp refused some"),
        ([State.REJECTED, State.MISSING], "bili templates create"),
        ([State.DIFFERS], "bili templates create"),
        ([State.UNSUBMITTED, State.WAITING], "bili templates create"),
    ],
)
def test_the_last_line_says_what_to_do_next(states: list[State], words: str) -> None:
    assert words in table([finding("news", state) for state in states]).splitlines()[-1]

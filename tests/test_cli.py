"""The program `bili` as it is typed: it teaches, it names what is missing, and it never shows a secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import app, cli, demo
from bot.settings import SECRET_KEY_LENGTH_MIN, Settings, SettingsError
from bot.store.change import CannotOpen

KEY = "a-test-key-that-opens-nothing-at-all"
COMMANDS = ("serve", "sandbox", "demo", "chat", "check", "templates", "secret")


@pytest.fixture(autouse=True)
def _nobodys_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder without settings, and logging as it was."""
    monkeypatch.chdir(tmp_path)
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, dict[str, Any]]]:
    """What `bili serve` was begun with, instead of a service."""
    begun: list[tuple[Settings, dict[str, Any]]] = []

    async def serve(settings: Settings, **how: Any) -> None:
        begun.append((settings, how))

    monkeypatch.setattr(app, "serve", serve)
    return begun


# --- it teaches


def test_help_shows_the_way_from_a_first_look_to_a_real_service(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    said = capsys.readouterr().out
    order = ["bili demo", "bili chat", "bili serve ", "bili serve --sandbox", "BILI_TELEGRAM_TOKEN", "bili check"]
    assert [said.index(words) for words in order] == sorted(said.index(words) for words in order)
    assert ".env.example and bili.example.toml show them all" in said
    assert all(re.search(rf"^ +{command}( |$)", said, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        cli.main([command, "--help"])
    usage, about = capsys.readouterr().out.split("\n\n")[:2]
    assert f"bili {command}" in usage
    assert re.fullmatch(r"[A-Z].+\.", about, re.DOTALL)


@pytest.mark.parametrize(
    "typed", [[], ["sell"], ["serve", "--loudly"], ["chat", "http://one", "http://two"], ["templates", "burn"]]
)
def test_what_is_not_understood_is_told_with_the_usage(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(typed)
    assert capsys.readouterr().err.startswith("usage: bili")


# --- check


def test_F149_check_names_everything_missing_and_wrong_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILI_PORT", "hunter2")
    monkeypatch.setenv("BILI_SECRET_KEY", "hunter2")
    monkeypatch.setenv("BILI_MPESA_CONSUMER_SECRET", "hunter2")
    Path("bili.toml").write_text("[amount]\nmaximum = 5\n", encoding="utf-8")
    assert cli.main(["check"]) == 2
    said = capsys.readouterr()
    for name in ("PORT", "SECRET_KEY", "TELEGRAM_TOKEN", "MPESA_PASSKEY", "XMLVEND_URL", "PUBLIC_URL"):
        assert f"BILI_{name}" in said.err
    assert "there is no setting amount.maximum" in said.err
    assert "BILI_SECRET_KEY is missing" not in said.err
    assert "BILI_MPESA_CONSUMER_SECRET" not in said.err
    assert "hunter2" not in said.err + said.out


def test_check_is_content_with_complete_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in demo.demo_environment(8090, 8091).items():
        if name.startswith("BILI_"):
            monkeypatch.setenv(name, value)
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out == "The settings are complete.\n"


def test_check_for_practice_wants_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--sandbox"]) == 0
    assert "complete" in capsys.readouterr().out


# --- serve


def test_practice_keeps_a_key_and_a_database_of_its_own(served: list[tuple[Settings, dict[str, Any]]]) -> None:
    assert cli.main(["serve", "--sandbox"]) == 0
    assert cli.main(["serve", "--sandbox", "--with-parent"]) == 0
    (first, how), (second, how_then) = served
    assert how == {"practising": True, "with_parent": False}
    assert how_then == {"practising": True, "with_parent": True}
    assert first.key() == second.key()
    assert first.database_url == "sqlite:///var/practice/bili.db"
    assert Path("var/practice/secret").stat().st_mode & 0o077 == 0


def test_practice_uses_what_is_named(
    served: list[tuple[Settings, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILI_SECRET_KEY", KEY)
    monkeypatch.setenv("BILI_DATABASE_URL", "sqlite:///mine.db")
    assert cli.main(["serve", "--sandbox"]) == 0
    [(settings, _)] = served
    assert (settings.key().reveal(), settings.database_url) == (KEY, "sqlite:///mine.db")
    assert not Path("var").exists()


def test_without_settings_nothing_is_served(
    served: list[tuple[Settings, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["serve"]) == 2
    assert served == []
    assert "BILI_SECRET_KEY is missing" in capsys.readouterr().err


@pytest.mark.parametrize("error", [SettingsError("a sentence"), CannotOpen("a sentence")])
def test_what_stops_a_service_is_a_sentence_and_not_a_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def serve(*_settings: object, **_how: object) -> None:
        raise error

    monkeypatch.setattr(app, "serve", serve)
    assert cli.main(["serve", "--sandbox"]) == 2
    assert capsys.readouterr().err == "a sentence\n"


def test_ctrl_c_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "chat", interrupted)
    assert cli.main(["chat", "http://127.0.0.1:9"]) == 130


# --- templates


@pytest.mark.parametrize(("typed", "act"), [([], "check"), (["check"], "check"), (["create"], "create")])
@pytest.mark.parametrize("status", [0, 1])
def test_templates_are_only_looked_at_unless_they_are_to_be_made(
    typed: list[str], act: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    acts: list[str] = []

    async def templates(_settings: Settings, act: str) -> int:
        acts.append(act)
        return status

    monkeypatch.setattr(app, "templates", templates)
    assert cli.main(["templates", *typed]) == status
    assert acts == [act]


def test_templates_need_a_sender_and_a_store(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["templates"]) == 2
    assert capsys.readouterr().err.startswith("BILI_TWILIO_ACCOUNT_SID is missing")
    monkeypatch.setenv("BILI_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    assert cli.main(["templates"]) == 2
    assert capsys.readouterr().err.startswith("BILI_TWILIO_CONTENT_API_URL is missing")
    monkeypatch.setenv("BILI_TWILIO_PER_SECOND", "hunter2")
    assert cli.main(["templates"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("BILI_TWILIO_PER_SECOND")
    assert "hunter2" not in said


# --- the rest


def test_chat_talks_to_the_address_or_begins_a_demo_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    talked: list[str] = []

    async def to(url: str) -> None:
        talked.append(url)

    async def alone() -> int:
        talked.append("a demo")
        return 0

    monkeypatch.setattr(app, "chat", to)
    monkeypatch.setattr(demo, "chat", alone)
    assert cli.main(["chat", "http://127.0.0.1:9"]) == cli.main(["chat"]) == 0
    assert talked == ["http://127.0.0.1:9", "a demo"]


def test_a_key_is_long_new_and_alone_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["secret"]) == cli.main(["secret"]) == 0
    one, other = capsys.readouterr().out.splitlines()
    assert one != other
    assert re.fullmatch(rf"[A-Za-z0-9_-]{{{SECRET_KEY_LENGTH_MIN},}}", one)


def test_O04_a_log_is_a_json_object_a_line_and_libraries_are_not_let_talk(monkeypatch: pytest.MonkeyPatch) -> None:
    logging.root.handlers.clear()
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    cli._log("debug")
    structlog.get_logger().debug("payment.answer", payment="AAAA-1111")
    logging.getLogger("telegram.Bot").debug("sendMessage with %s", "hunter2")
    logging.getLogger("integrations.http").error("request failed")
    first, second = errors.getvalue().splitlines()
    assert json.loads(first) | {"timestamp": ""} == {
        "event": "payment.answer", "payment": "AAAA-1111", "level": "debug", "timestamp": "",
    }  # fmt: skip
    assert second == "request failed"


def test_a_level_keeps_what_is_below_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    cli._log("warning")
    structlog.get_logger().info("hunter2")
    assert errors.getvalue() == ""


# --- the demo's parts


def test_nothing_of_the_callers_settings_reaches_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILI_HOST", "0.0.0.0")  # noqa: S104  it must not be listened on
    monkeypatch.setenv("BILI_TELEGRAM_SUPPORT_CHAT", "hunter2")
    monkeypatch.setenv("HOME", "/home-of-somebody")
    made = demo.demo_environment(1, 2)
    assert "BILI_HOST" not in made
    assert "hunter2" not in made.values()
    assert made["HOME"] == "/home-of-somebody"


def test_every_run_of_the_demo_invents_its_secrets_and_keeps_its_key() -> None:
    one, other = demo.demo_environment(1, 2), demo.demo_environment(1, 2)
    invented = [name for name in one if one[name] != other[name]]
    assert set(invented) == {
        "BILI_TELEGRAM_TOKEN", "BILI_SANDBOX_TELEGRAM_TOKEN",
        "BILI_TWILIO_ACCOUNT_SID", "BILI_TWILIO_AUTH_TOKEN",
        "BILI_SANDBOX_TWILIO_ACCOUNT_SID", "BILI_SANDBOX_TWILIO_AUTH_TOKEN",
        "BILI_MPESA_CONSUMER_KEY", "BILI_MPESA_CONSUMER_SECRET", "BILI_MPESA_PASSKEY", "BILI_XMLVEND_PASSWORD",
        "BILI_SANDBOX_DARAJA_CONSUMER_KEY", "BILI_SANDBOX_DARAJA_CONSUMER_SECRET", "BILI_SANDBOX_DARAJA_PASSKEY",
        "BILI_SANDBOX_XMLVEND_PASSWORD",
    }  # fmt: skip


def test_a_key_that_was_never_written_is_made_anew() -> None:
    path = Path("deep/secret")
    first = demo.kept_secret(path)
    assert demo.kept_secret(path) == first
    path.write_text("", encoding="ascii")  # killed between making the file and writing it
    assert len(demo.kept_secret(path)) >= SECRET_KEY_LENGTH_MIN


def test_the_last_words_of_a_process_are_found() -> None:
    demo.make_folder()
    demo.log_of("serve").write_text("{}\nanother process is using bili.db\n\n", encoding="utf-8")
    assert demo.last_line("serve") == "another process is using bili.db"
    demo.log_of("serve").write_text("\n", encoding="utf-8")
    assert demo.last_line("serve") == "it said nothing."


async def test_waiting_for_an_answer_ends_when_there_will_be_none() -> None:
    stop = asyncio.Event()
    stop.set()
    assert not await demo.answers(f"http://127.0.0.1:{demo.free_port()}/", stop)

"""The program `bili`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from bot.clock import RealRandom
from bot.settings import Settings, SettingsError, read_settings
from bot.store.change import CannotOpen

_ABOUT = """\
Pay a utility bill in the chat you already use.

  bili demo                 the whole product on this machine, with a page to try it on
  bili chat                 the same in this terminal
  bili serve                the service, with the settings of the environment, .env and bili.toml
  bili serve --sandbox      the same, with a sandbox in the place of every party that is not set:
                            set BILI_TELEGRAM_TOKEN alone and try your own bot before there is a Daraja contract
  bili check                say what is missing or wrong in the settings
  bili templates            how the WhatsApp messages stand that Twilio must know beforehand;  bili templates create
                            makes them
"""

_SETTINGS = """\
Settings are environment variables that begin BILI_, lines of a file .env, or lines of bili.toml, where [telegram] token
is BILI_TELEGRAM_TOKEN. .env.example and bili.example.toml show them all; bili check names what is missing or wrong.
"""

#: Where practice keeps its key and its database when none is named.
PRACTICE_FOLDER = Path("var/practice")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status: 2 where the settings, or what they name, will not do."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except (SettingsError, CannotOpen) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "bili", description=_ABOUT, epilog=_SETTINGS, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    def command(name: str, about: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=_SETTINGS)
        added.set_defaults(run=run)
        return added

    serve = command("serve", "run the service until it is stopped", _serve)
    serve.add_argument("--sandbox", action="store_true", help="replace every party that is not set by its sandbox")
    sandbox = command("sandbox", "run the far sides alone: both chats, Daraja and XMLVend for practice", _sandbox)
    for child in (serve, sandbox):
        child.add_argument("--with-parent", action="store_true", help="end when standard input ends, as a child should")
    command("demo", "run service and sandbox together, with a page to try them on", _demo)
    chat = command("chat", "chat with a sandbox's bot in this terminal", _chat)
    chat.add_argument(
        "url", nargs="?", help="a sandbox's address, as bili demo prints it; without one, a demo is begun"
    )
    check = command("check", "say what is missing or wrong in the settings", _check)
    check.add_argument("--sandbox", action="store_true", help="as for serve")
    templates = command("templates", "make and check the messages that WhatsApp must know beforehand", _templates)
    templates.add_argument(
        "act", nargs="?", choices=("check", "create"), default="check",
        help="check (the default) only looks; create makes what is missing and asks WhatsApp to approve what must be",
    )  # fmt: skip
    command("secret", "print a new key for BILI_SECRET_KEY", _secret)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from bot import app

    settings = _checked(practising=options.sandbox)
    _log(settings.log_level)
    return _run(lambda: app.serve(settings, practising=options.sandbox, with_parent=options.with_parent))


def _sandbox(options: argparse.Namespace) -> int:
    from bot import app

    _log("warning")
    return _run(lambda: app.run_sandbox(with_parent=options.with_parent))


def _demo(_options: argparse.Namespace) -> int:
    from bot.demo import demo

    return _run(demo)


def _chat(options: argparse.Namespace) -> int:
    from bot import app
    from bot.demo import chat

    _log("warning")
    return _run((lambda: app.chat(options.url)) if options.url else chat)


def _check(options: argparse.Namespace) -> int:
    _checked(practising=options.sandbox)
    print("The settings are complete.")
    return 0


def _templates(options: argparse.Namespace) -> int:
    from bot import app

    settings, faults = read_settings()
    if faults:
        raise SettingsError("\n".join(faults))
    _log(settings.log_level)
    return _run(lambda: app.templates(settings, options.act))


def _secret(_options: argparse.Namespace) -> int:
    print(RealRandom().secret(48))
    return 0


def _checked(*, practising: bool) -> Settings:
    """The settings in force. SettingsError names everything that is missing or wrong."""
    from bot import app

    settings, faults = read_settings()
    if practising:
        settings = _with_defaults_for_practice(settings)
    app.check(settings, faults, practising=practising)
    return settings


def _with_defaults_for_practice(settings: Settings) -> Settings:
    """Practice has a key and a database of its own where none is named."""
    from bot.demo import kept_secret

    defaults: dict[str, Any] = {}
    if settings.secret_key is None:
        defaults["secret_key"] = kept_secret(PRACTICE_FOLDER / "secret")
    if "database_url" not in settings.model_fields_set:
        defaults["database_url"] = f"sqlite:///{PRACTICE_FOLDER}/bili.db"
    return read_settings(**defaults)[0] if defaults else settings


def _log(level: str) -> None:
    """One JSON object a line on standard error, with ids and never contents (O-04).

    Only our own words get finer than a warning: libraries write down what they send, tokens and texts included.
    """
    import structlog

    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.WARNING), format="%(message)s", stream=sys.stderr)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _run(work: Callable[[], Coroutine[Any, Any, int | None]]) -> int:
    """On uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work()) or 0
    return uvloop.run(work()) or 0


if __name__ == "__main__":
    sys.exit(main())

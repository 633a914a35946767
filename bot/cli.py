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
from bot.settings import Settings, SettingsError, load_settings

_ABOUT = """\
Pay a utility bill in the chat you already use.

  bili demo                 the whole product on this machine, with a page to try it on
  bili serve                the service, with the settings of the environment or bili.toml
  bili serve --sandbox      the same, with a sandbox in the place of every party that is not set:
                            set BILI_TELEGRAM_TOKEN alone and try your own bot before there is a Daraja contract
  bili check                say what is missing or wrong in the settings
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bili", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    serve = commands.add_parser("serve", help="run the service until it is stopped")
    serve.add_argument("--sandbox", action="store_true", help="replace every party that is not set by its sandbox")
    serve.set_defaults(run=_serve)

    sandbox = commands.add_parser("sandbox", help="run the far sides alone: Telegram, Daraja and XMLVend for practice")
    sandbox.set_defaults(run=_sandbox)

    demo = commands.add_parser("demo", help="service and sandbox together, with a page to try it on")
    demo.set_defaults(run=_demo)

    chat = commands.add_parser("chat", help="the sandbox's phone in this terminal")
    chat.add_argument("url", help="the address that `bili demo` or `bili sandbox` printed")
    chat.set_defaults(run=_chat)

    check = commands.add_parser("check", help="say what is missing or wrong in the settings")
    check.add_argument("--sandbox", action="store_true", help="as for serve")
    check.set_defaults(run=_check)

    secret = commands.add_parser("secret", help="print a new key for BILI_SECRET_KEY")
    secret.set_defaults(run=_secret)
    return parser


def _serve(options: argparse.Namespace) -> int:
    from bot import app

    settings = _settings(sandbox=options.sandbox)
    _log(settings.log_level)

    async def run() -> None:
        if not options.sandbox or not app.unset(settings):
            await app.serve(settings, practice=options.sandbox)
            return
        async with app.beside_a_sandbox(settings) as completed:
            await app.serve(completed, practice=True)

    return _run(run)


def _sandbox(_options: argparse.Namespace) -> int:
    from bot import app

    _log("warning")
    return _run(app.run_sandbox)


def _demo(_options: argparse.Namespace) -> int:
    from bot.demo import demo

    return asyncio.run(demo())


def _chat(options: argparse.Namespace) -> int:
    from bot import app

    _log("warning")
    return _run(lambda: app.chat(options.url))


def _check(options: argparse.Namespace) -> int:
    from bot import app

    settings = _settings(sandbox=options.sandbox)
    if not options.sandbox:
        app.check(settings)
    print("The settings are complete.")
    return 0


def _secret(_options: argparse.Namespace) -> int:
    print(RealRandom().secret(48))
    return 0


def _settings(*, sandbox: bool) -> Settings:
    """The settings; practice keeps its own key and its own database where none is named."""
    settings = load_settings()
    if not sandbox:
        return settings
    from bot.demo import kept_secret

    defaults: dict[str, Any] = {}
    if settings.secret_key is None:
        defaults["secret_key"] = kept_secret(Path("var/practice/secret"))
    if "database_url" not in settings.model_fields_set:
        defaults["database_url"] = "sqlite:///var/practice/bili.db"
    return load_settings(**defaults) if defaults else settings


def _log(level: str) -> None:
    """One JSON object a line on standard error, with ids and never contents (O-04)."""
    import structlog

    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(level=number, format="%(message)s", stream=sys.stderr)
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


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """On uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work())
    else:
        uvloop.run(work())
    return 0


if __name__ == "__main__":
    sys.exit(main())

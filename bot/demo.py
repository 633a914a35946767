"""`bili demo` and `bili chat`: the service and the sandbox as two processes on this machine, with invented secrets."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from bot.clock import RealClock, RealRandom, Tasks
from bot.lifetime import at_end
from bot.settings import SettingsError

#: Where the demo keeps its database, its key and its logs.
FOLDER = Path("var/demo")

#: Where the page is, unless something else is there.
PAGE_PORT = 8090

#: How long the two processes may take to serve, and to end.
START_SECONDS = 60.0
END_SECONDS = 25.0
LOOK_SECONDS = 0.05

#: The sandbox forgets its prompts when it ends, and no prompt lasts this long: one of an earlier run is then given up.
SETTLE_SECONDS = 75

#: Who writes to the demo's customers: on WhatsApp, and by SMS. Nobody can have such numbers.
TWILIO_NUMBERS = ("+15550000001", "+15550000002")

_BANNER = """
  Bili is running. Open this page and buy some electricity:

      {page}

  On it: a WhatsApp phone, a Telegram phone, and the phone that is asked for the PIN (the PIN is 1234).
  Try  500 14123456783
  The same in a terminal:  .venv/bin/bili chat {page}
  Stop with Ctrl-C.
"""


async def demo() -> int:
    """Start both, print the page's address, wait for Ctrl-C or for one of them to end; the exit status."""
    stop = asyncio.Event()
    at_end(stop.set)
    async with two_processes(stop) as page:
        sys.stdout.write(_BANNER.format(page=page))
        sys.stdout.flush()
        await stop.wait()
    return 0


async def chat() -> int:
    """A demo in the terminal: it ends when the person leaves."""
    from bot import app

    async with two_processes(asyncio.Event()) as page:
        await app.chat(page)
    return 0


@asynccontextmanager
async def two_processes(stop: asyncio.Event) -> AsyncIterator[str]:
    """The sandbox and the service, serving; yields the address of the page. Both end with this, or with this process.

    `stop` ends the waiting for their start, and is set when one of them ends by itself. SettingsError tells why.
    """
    make_folder()
    sandbox_port, service_port = free_port(PAGE_PORT), free_port()
    environment = demo_environment(sandbox_port, service_port)
    page, tasks = f"http://127.0.0.1:{sandbox_port}/", Tasks()
    sandbox = await start("sandbox", environment=environment)
    service = await start("serve", "--sandbox", environment=environment)
    children = {"sandbox": sandbox, "serve": service}
    try:
        for process in children.values():
            tasks.spawn("watch", ended(process, stop))
        urls = (page, f"http://127.0.0.1:{service_port}/readyz")
        if not all([await answers(url, stop) for url in urls]):
            raise SettingsError(fate(children) or "The demo was stopped before it had begun, or did not begin in time.")
        yield page
        if fate(children):
            raise SettingsError(fate(children))
    finally:
        await tasks.stop()
        await end(service)
        await end(sandbox)


def make_folder() -> None:
    """Where everything of the demo is kept."""
    FOLDER.mkdir(parents=True, exist_ok=True)


def fate(children: dict[str, asyncio.subprocess.Process]) -> str:
    """What became of one that ended by itself; empty while all run."""
    gone = [name for name, process in children.items() if process.returncode is not None]
    return f"bili {gone[0]} ended by itself: {last_line(gone[0])}" if gone else ""


async def ended(process: asyncio.subprocess.Process, stop: asyncio.Event) -> None:
    """One of the two ended by itself: the demo is over."""
    await process.wait()
    stop.set()


def demo_environment(sandbox_port: int, service_port: int) -> dict[str, str]:
    """Everything both need, invented; the key that opens the demo's database is kept beside it for the next run."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    random = RealRandom()
    invented = {name: random.hexadecimal(16) for name in ("consumer_key", "consumer_secret", "passkey", "password")}
    token = f"7{random.digits(9)}:{random.secret(24)}"
    account, auth_token, whatsapp, sms = f"AC{random.hexadecimal(16)}", random.hexadecimal(16), *TWILIO_NUMBERS
    service = f"http://127.0.0.1:{service_port}"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BILI_")},
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "BILI_SANDBOX_PORT": str(sandbox_port),
        "BILI_SANDBOX_TELEGRAM_TOKEN": token,
        "BILI_SANDBOX_TWILIO_ACCOUNT_SID": account,
        "BILI_SANDBOX_TWILIO_AUTH_TOKEN": auth_token,
        "BILI_SANDBOX_TWILIO_WHATSAPP_FROM": whatsapp,
        "BILI_SANDBOX_TWILIO_SMS_FROM": sms,
        "BILI_SANDBOX_TWILIO_WEBHOOK_URL": f"{service}/webhooks/twilio/whatsapp",
        "BILI_SANDBOX_DARAJA_CONSUMER_KEY": invented["consumer_key"],
        "BILI_SANDBOX_DARAJA_CONSUMER_SECRET": invented["consumer_secret"],
        "BILI_SANDBOX_DARAJA_PASSKEY": invented["passkey"],
        "BILI_SANDBOX_XMLVEND_PASSWORD": invented["password"],
        "BILI_DATABASE_URL": "sqlite:///bili.db",
        "BILI_SECRET_KEY": kept_secret(FOLDER / "secret"),
        "BILI_PORT": str(service_port),
        "BILI_PUBLIC_URL": service,
        "BILI_LOG_LEVEL": "warning",
        "BILI_TELEGRAM_TOKEN": token,
        "BILI_TELEGRAM_API_URL": sandbox,
        "BILI_TWILIO_ACCOUNT_SID": account,
        "BILI_TWILIO_AUTH_TOKEN": auth_token,
        "BILI_TWILIO_WHATSAPP_FROM": whatsapp,
        "BILI_TWILIO_SMS_FROM": sms,
        "BILI_TWILIO_API_URL": sandbox,
        "BILI_TWILIO_CONTENT_API_URL": sandbox,
        "BILI_MPESA_API_URL": sandbox,
        "BILI_MPESA_CONSUMER_KEY": invented["consumer_key"],
        "BILI_MPESA_CONSUMER_SECRET": invented["consumer_secret"],
        "BILI_MPESA_SHORTCODE": "174379",
        "BILI_MPESA_PASSKEY": invented["passkey"],
        "BILI_MPESA_MERCHANT": "BILI",
        "BILI_MPESA_SETTLE_SECONDS": str(SETTLE_SECONDS),
        "BILI_XMLVEND_URL": f"{sandbox}/xmlvend",
        "BILI_XMLVEND_KEEPS_EVERY_RESPONSE": "true",
        "BILI_XMLVEND_CLIENT_ID": "0000000000001",
        "BILI_XMLVEND_TERMINAL_IDS": "0000000000001,0000000000002",
        "BILI_XMLVEND_OPERATOR_NAME": "sandbox-operator",
        "BILI_XMLVEND_PASSWORD": invented["password"],
        "BILI_FEE_BANDS": '[{"up_to": 1000, "fee": 10}, {"up_to": 35000, "fee": 25}]',
        "BILI_SUPPORT_CONTACT": "0800 000 000 (practice)",
        # Nobody's phone rings: whoever tries thirty faults must not be stopped by what protects real people.
        "BILI_LIMITS_OWN_HOUR": "1000",
        "BILI_LIMITS_OWN_DAY": "1000",
        "BILI_LIMITS_QUIET_FROM_HOUR": "24",
        "BILI_LIMITS_QUIET_TO_HOUR": "0",
    }


def kept_secret(path: Path) -> str:
    """The key in this file, made at first; readable by its owner alone."""
    if not path.exists() or not path.read_text(encoding="ascii"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(RealRandom().secret(48), encoding="ascii")
    return path.read_text(encoding="ascii")


def free_port(wanted: int = 0) -> int:
    """A port nobody uses now: the wanted one, so that a page left open finds the next demo, or any other."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


async def start(*arguments: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
    """One of our own commands as a process of its own, its output in a file.

    It works in the demo's folder, where nobody's .env or bili.toml stands, and in a session of its own, so that Ctrl-C
    reaches us alone. Its standard input ends with us, and it ends with that.
    """
    command = (sys.executable, "-m", "bot.cli", *arguments, "--with-parent")
    with log_of(arguments[0]).open("ab") as out:
        return await asyncio.create_subprocess_exec(
            *command, env=environment, cwd=FOLDER, stdin=PIPE, stdout=out, stderr=out, start_new_session=True
        )


def log_of(name: str) -> Path:
    """What one of the two wrote."""
    return FOLDER / f"{name}.log"


def last_line(name: str) -> str:
    """The last thing one of the two had to say."""
    lines = log_of(name).read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing.")


async def answers(url: str, stop: asyncio.Event) -> bool:
    """Whether `url` answers before START_SECONDS are over and before `stop`."""
    # Whatever proxy the environment names is for the world outside.
    opener = build_opener(ProxyHandler({}))

    def ask() -> bool:
        try:
            with opener.open(url, timeout=2) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    clock = RealClock()
    deadline = clock.monotonic() + START_SECONDS
    while not stop.is_set() and clock.monotonic() < deadline:
        if await asyncio.to_thread(ask):
            return True
        await clock.sleep(LOOK_SECONDS)
    return False


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop and wait; one that does not is ended."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

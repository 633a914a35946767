"""`bili demo`: the service and the sandbox as two processes on this machine, with secrets invented for it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

from bot.clock import RealClock, RealRandom, Tasks

FOLDER = Path("var/demo")

#: How long the two processes may take to serve.
START_SECONDS = 60.0
LOOK_SECONDS = 0.1

_BANNER = """
  Bili is running. Open this page and buy some electricity:

      {page}

  On it: a Telegram phone on the left, and the phone that is asked for the PIN on the right (the PIN is 1234).
  Try  500 14123456783
  The same in a terminal:  .venv/bin/bili chat {page}
  Stop with Ctrl-C.
"""


async def demo() -> int:
    """Start both, print the page's address, wait for Ctrl-C or for one of them to end; the exit status."""
    make_folder()
    sandbox_port, service_port = free_port(), free_port()
    environment = demo_environment(sandbox_port, service_port)
    page = f"http://127.0.0.1:{sandbox_port}/"
    stop, tasks = asyncio.Event(), Tasks()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sandbox = await start("sandbox", environment=environment)
    service = await start("serve", "--sandbox", environment=environment)
    try:
        for url in (page, f"http://127.0.0.1:{service_port}/readyz"):
            if not await answers(url, sandbox, service):
                sys.stderr.write(f"The demo did not start; {FOLDER}/ has the logs.\n")
                return 1
        sys.stdout.write(_BANNER.format(page=page))
        sys.stdout.flush()
        for process in (sandbox, service):
            tasks.spawn("watch", ended(process, stop))
        await stop.wait()
        return 0 if sandbox.returncode is None and service.returncode is None else 1
    finally:
        await tasks.stop()
        await end(service)
        await end(sandbox)


def make_folder() -> None:
    """Where the demo keeps its database, its key and its logs."""
    FOLDER.mkdir(parents=True, exist_ok=True)


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
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BILI_")},
        "BILI_SANDBOX_PORT": str(sandbox_port),
        "BILI_SANDBOX_TELEGRAM_TOKEN": token,
        "BILI_SANDBOX_DARAJA_CONSUMER_KEY": invented["consumer_key"],
        "BILI_SANDBOX_DARAJA_CONSUMER_SECRET": invented["consumer_secret"],
        "BILI_SANDBOX_DARAJA_PASSKEY": invented["passkey"],
        "BILI_SANDBOX_XMLVEND_PASSWORD": invented["password"],
        "BILI_DATABASE_URL": f"sqlite:///{FOLDER}/bili.db",
        "BILI_SECRET_KEY": kept_secret(FOLDER / "secret"),
        "BILI_PORT": str(service_port),
        "BILI_PUBLIC_URL": f"http://127.0.0.1:{service_port}",
        "BILI_LOG_LEVEL": "warning",
        "BILI_TELEGRAM_TOKEN": token,
        "BILI_TELEGRAM_API_URL": sandbox,
        "BILI_MPESA_API_URL": sandbox,
        "BILI_MPESA_CONSUMER_KEY": invented["consumer_key"],
        "BILI_MPESA_CONSUMER_SECRET": invented["consumer_secret"],
        "BILI_MPESA_SHORTCODE": "174379",
        "BILI_MPESA_PASSKEY": invented["passkey"],
        "BILI_MPESA_MERCHANT": "BILI",
        "BILI_XMLVEND_URL": f"{sandbox}/xmlvend",
        "BILI_XMLVEND_CLIENT_ID": "0000000000001",
        "BILI_XMLVEND_OPERATOR_NAME": "sandbox-operator",
        "BILI_XMLVEND_PASSWORD": invented["password"],
        "BILI_FEE_BANDS": '[{"up_to": 1000, "fee": 10}, {"up_to": 35000, "fee": 25}]',
        "BILI_SUPPORT_CONTACT": "0800 000 000 (practice)",
    }


def kept_secret(path: Path) -> str:
    """The key in this file, made at first; readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(RealRandom().secret(48), encoding="ascii")
    return path.read_text(encoding="ascii")


def free_port() -> int:
    """A port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(*arguments: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
    """One of our own commands as a process of its own, its output in a file."""
    with (FOLDER / f"{arguments[0]}.log").open("wb") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot.cli", *arguments, env=environment, stdout=out, stderr=out, start_new_session=True
        )


async def answers(url: str, *processes: asyncio.subprocess.Process) -> bool:
    """Whether `url` answers before START_SECONDS are over and while the processes live."""

    def ask() -> bool:
        try:
            with urlopen(url, timeout=2) as response:  # noqa: S310  our own address on this machine
                return bool(response.status == 200)
        except OSError:
            return False

    for _ in range(int(START_SECONDS / LOOK_SECONDS)):
        if any(process.returncode is not None for process in processes):
            return False
        if await asyncio.to_thread(ask):
            return True
        await RealClock().sleep(LOOK_SECONDS)
    return False


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask it to stop, and wait."""
    if process.returncode is None:
        process.terminate()
        await process.wait()

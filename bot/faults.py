"""How a fault of our own is written down: its kind and its place, never its words, which may quote a customer."""

from __future__ import annotations

import traceback

import structlog

log = structlog.get_logger()


def note(event: str, error: Exception, **ids: str | int) -> None:
    """One line in the log for a failure that was caught so that everything else goes on (O-04)."""
    log.error(event, error=type(error).__name__, trace=traceback.format_tb(error.__traceback__), **ids)

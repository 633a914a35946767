"""A service that runs somewhere, with a crowd around it."""

from __future__ import annotations

from typing import Protocol

from benchmarks.crowd import Acted


class Running(Protocol):
    """In this process or in two others."""

    async def act(self, name: str, people: int) -> tuple[Acted, float]:
        """Let people do something; also the processor seconds it cost the service, the crowd's not among them."""
        ...

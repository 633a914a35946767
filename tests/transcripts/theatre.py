"""Where stories are played: fresh towns, and what must be true of each when it is left."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from tests.invariants import readable_in, secrets_of, violations
from tests.town import town
from tests.transcripts.performance import Mode, Performance
from tests.transcripts.transcript import Story, read

STORIES = tuple(read(path) for path in sorted(Path(__file__).parent.glob("*.txt")))

#: A worker dies once after every call of these, and after some calls of each other story, chosen by the seed.
GOLDEN = {"first_purchase", "wrong_pin_then_paid"}
CRASHES_A_STORY = 1
SEED = 2026

#: Stories that a crash turns into others, and why.
NOT_CRASHED: Mapping[str, str] = {
    "paid_twice": "it is about minutes, and a crash costs some",
    "utility_down": "it is about minutes, and a crash costs some",
    "no_callback": "with the answer to the prompt lost as well, only the operator's statement knows of the money",
    "operator_silent": "with the answer to the prompt lost as well, only the operator's statement knows of the money",
}


class Theatre:
    """Towns whose databases are copies of one migrated file."""

    #: How many calls a story makes, by its name, once it was played straight.
    calls: ClassVar[dict[str, int]] = {}

    def __init__(self, template: Path, folder: Path) -> None:
        self._template = template
        self._folder = folder
        self._count = 0

    @asynccontextmanager
    async def performance(self, story: Story, mode: Mode, crash_at: int = 0) -> AsyncIterator[Performance]:
        """The story, played. When the town is left it must be sound, and its database must not speak."""
        self._count += 1
        database = Path(shutil.copy(self._template, self._folder / f"{self._count}.db"))
        async with town(f"sqlite:///{database}") as place:
            performance = Performance(place, mode, crash_at)
            await performance.play(story)
            if mode is Mode.STRAIGHT:
                self.calls[story.name] = performance.doorway.calls
            yield performance
            assert place.store is not None
            assert await violations(place.store, place.sandbox) == []
            assert readable_in(database, secrets_of(place.sandbox)) == []

    async def crashes(self, story: Story) -> Sequence[int]:
        """After which of its calls a story is crashed, counted from 1."""
        if story.name not in self.calls:
            async with self.performance(story, Mode.STRAIGHT):
                pass
        calls = range(1, self.calls[story.name] + 1)
        sample = random.Random(f"{SEED} {story.title}").sample(calls, min(CRASHES_A_STORY, len(calls)))
        return calls if story.name in GOLDEN else sample

"""Where stories are played: fresh towns, and what must be true of each when it is left."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from tests.invariants import addresses_of, by_twilio, never_arrived, readable_in, secrets_of, spaced, violations
from tests.town import town
from tests.transcripts.chats import unmarked
from tests.transcripts.performance import Mode, Performance
from tests.transcripts.transcript import Story, read

FOLDER = Path(__file__).parent
STORIES = tuple(read(path, FOLDER) for path in sorted(FOLDER.rglob("*.txt")))

#: A worker dies once after every call of these, and after some calls of each other story, chosen by the seed.
GOLDEN = {"first_purchase", "wrong_pin_then_paid", "whatsapp/first_purchase"}
CRASHES_A_STORY = 1
SEED = 2026

#: Stories that a crash turns into others, and why.
NOT_CRASHED: Mapping[str, str] = {
    "paid_twice": "it is about minutes, and a crash costs some",
    "utility_down": "it is about minutes, and a crash costs some",
    "no_callback": "with the answer to the prompt lost as well, only the operator's statement knows of the money",
    "operator_silent": "with the answer to the prompt lost as well, only the operator's statement knows of the money",
}


def named(name: str) -> Story:
    """The story of this name."""
    return next(story for story in STORIES if story.name == name)


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
            performance = Performance(place, story, mode, crash_at)
            await performance.play()
            if mode is Mode.STRAIGHT:
                self.calls[story.name] = performance.doorway.calls
            yield performance
            assert place.store is not None
            assert await violations(place.store, place.sandbox) == []
            assert await never_arrived(place.store, place.sandbox) == []
            assert copies(performance) == []
            assert readable_in(database, secrets_of(place.sandbox), addresses_of(place.sandbox)) == []

    async def crashes(self, story: Story) -> Sequence[int]:
        """After which of its calls a story is crashed, counted from 1."""
        if story.name not in self.calls:
            async with self.performance(story, Mode.STRAIGHT):
                pass
        calls = range(1, self.calls[story.name] + 1)
        sample = random.Random(f"{SEED} {story.title}").sample(calls, min(CRASHES_A_STORY, len(calls)))
        return calls if story.name in GOLDEN else sample


def copies(played: Performance) -> list[str]:
    """Receipts and the like that came more often than the story tells: Twilio can be asked, so nothing comes twice.

    Telegram cannot be asked: after a crash a receipt may come there a second time, with the same code.
    """
    told = Counter(line.strip("<| ") for beat in played.story.beats for line in beat.lines)
    tokens = {spaced(token) for sale in played.town.sandbox.xmlvend.sales for token in sale.tokens}
    came = Counter(
        (unmarked(text.split("\n")[0]), token)
        for text in by_twilio(played.town.sandbox)
        for token in tokens
        if token in text
    )
    return [f"{first} {token}: {count} times" for (first, token), count in came.items() if count > max(told[first], 1)]

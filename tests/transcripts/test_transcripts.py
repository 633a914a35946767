"""Every story in five modes: the words in the first three, money and tokens in all, and the invariants after each."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.invariants import readable_in, secrets_of, violations
from tests.town import town
from tests.transcripts.performance import Mode, Performance
from tests.transcripts.transcript import LINES_MAX, Story, differences, kind_of, read, rewritten, without_drawn

STORIES = tuple(read(path) for path in sorted(Path(__file__).parent.glob("*.txt")))

#: Every call of these is crashed after once; of the others a few.
GOLDEN = {"first_purchase", "wrong_pin_then_paid"}
CRASHES_A_STORY = 2
SEED = 2026

every_story = pytest.mark.parametrize("story", STORIES, ids=lambda story: story.path.stem)


class Theatre:
    """Fresh towns, each with a migrated database of its own."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template = template
        self._folder = folder
        self._count = 0

    @asynccontextmanager
    async def performance(self, story: Story, mode: Mode, crash_at: int = 0) -> AsyncIterator[Performance]:
        """The story, played. When the town is left it must be sound."""
        self._count += 1
        database = Path(shutil.copy(self._template, self._folder / f"{self._count}.db"))
        async with town(f"sqlite:///{database}") as place:
            performance = Performance(place, mode, crash_at)
            await performance.play(story)
            yield performance
            assert place.store is not None
            assert await violations(place.store, place.sandbox) == []
            assert readable_in(database, secrets_of(place.sandbox)) == []


@pytest.fixture
def theatre(sqlite_template: Path, tmp_path: Path) -> Theatre:
    """Where stories are played."""
    return Theatre(sqlite_template, tmp_path)


@every_story
async def test_the_story_as_it_is_told(story: Story, theatre: Theatre, pytestconfig: pytest.Config) -> None:
    async with theatre.performance(story, Mode.STRAIGHT) as played:
        if pytestconfig.getoption("--update", default=False):
            story.path.write_text(rewritten(story, played.told), encoding="utf-8")
        else:
            assert "\n".join(differences(story, played.told)) == ""


@every_story
async def test_I34_the_same_words_when_the_service_restarts_after_every_line(story: Story, theatre: Theatre) -> None:
    async with theatre.performance(story, Mode.RESTARTED) as played:
        # A new process fetches a new access token, and the sandbox draws that from the seed its tokens come from.
        assert "\n".join(differences(story, played.told, without_drawn)) == ""


@every_story
async def test_F028_F071_the_same_words_when_everything_is_delivered_twice(story: Story, theatre: Theatre) -> None:
    async with theatre.performance(story, Mode.TWICE) as played:
        assert "\n".join(differences(story, played.told)) == ""


@every_story
async def test_F137_F139_the_same_end_when_a_worker_dies_between_its_call_and_its_record(
    story: Story, theatre: Theatre
) -> None:
    async with theatre.performance(story, Mode.STRAIGHT) as straight:
        calls = range(1, straight.doorway.calls + 1)
    some = sorted(random.Random(f"{SEED} {story.title}").sample(calls, min(CRASHES_A_STORY, len(calls))))
    for crash_at in calls if story.path.stem in GOLDEN else some:
        async with theatre.performance(story, Mode.CRASHED, crash_at) as played:
            await played.end()
            assert played.crashed
            assert (crash_at, await facts_at_the_end(played, story)) == (crash_at, expected_end(story))


@every_story
async def test_the_same_end_when_each_answer_is_taken_back_and_given_again(story: Story, theatre: Theatre) -> None:
    async with theatre.performance(story, Mode.BACK) as played:
        assert await facts_at_the_end(played, story) == expected_end(story)


def expected_end(story: Story) -> list[str]:
    return [line for line in story.beats[-1].lines if line.startswith("=")]


async def facts_at_the_end(played: Performance, story: Story) -> list[str]:
    return [await played.fact(kind) for kind in story.beats[-1].facts]


@every_story
def test_a_story_fits_on_a_page_and_ends_with_money_and_tokens(story: Story) -> None:
    assert len(story.path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
    assert {kind_of(line) for line in expected_end(story)} >= {"state", "tokens", "money"}

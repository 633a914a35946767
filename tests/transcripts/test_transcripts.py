"""Every story in five modes: the words in the first three, money and tokens in all, and the invariants after each."""

from __future__ import annotations

import pytest

from tests.transcripts.performance import Mode, Performance
from tests.transcripts.theatre import NOT_CRASHED, STORIES, Theatre
from tests.transcripts.transcript import LINES_MAX, Story, differences, kind_of, rewritten, without_drawn


def name_of(story: Story) -> str:
    return story.name


every_story = pytest.mark.parametrize("story", STORIES, ids=name_of)


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
        assert "\n".join(differences(story, played.told, without_drawn)) == ""


@every_story
async def test_F028_F071_the_same_words_when_everything_is_delivered_twice(story: Story, theatre: Theatre) -> None:
    async with theatre.performance(story, Mode.TWICE) as played:
        assert "\n".join(differences(story, played.told)) == ""


@pytest.mark.parametrize("story", [story for story in STORIES if story.name not in NOT_CRASHED], ids=name_of)
async def test_F137_F139_the_same_end_when_a_worker_dies_between_its_call_and_its_record(
    story: Story, theatre: Theatre
) -> None:
    for crash_at in await theatre.crashes(story):
        async with theatre.performance(story, Mode.CRASHED, crash_at) as played:
            await played.rest()
            assert played.crashed
            assert (crash_at, await end_of(played, story)) == (crash_at, expected_end(story))


@every_story
async def test_the_same_end_when_each_answer_is_taken_back_and_given_again(story: Story, theatre: Theatre) -> None:
    async with theatre.performance(story, Mode.BACK) as played:
        assert await end_of(played, story) == expected_end(story)


@every_story
def test_a_story_fits_on_a_page_and_ends_with_money_and_tokens(story: Story) -> None:
    assert len(story.path.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
    assert {kind_of(line) for line in expected_end(story)} >= {"state", "tokens", "money"}


def expected_end(story: Story) -> list[str]:
    return [line for line in story.beats[-1].lines if line.startswith("=")]


async def end_of(played: Performance, story: Story) -> list[str]:
    return [await played.fact(kind) for kind in story.beats[-1].facts]

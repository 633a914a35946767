"""The language of transcripts itself: what is read, what counts as the same, and what an update leaves alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.invariants import never_arrived, secrets_of
from tests.transcripts.chats import unmarked
from tests.transcripts.performance import Mode
from tests.transcripts.theatre import GOLDEN, NOT_CRASHED, STORIES, Theatre, copies, named
from tests.transcripts.transcript import (
    Story,
    differences,
    kind_of,
    message_lines,
    read,
    rewritten,
    same,
    same_label,
    same_words,
    without_drawn,
)

#: What a purchase may cost in messages of the bot after the customer's first line.
MESSAGES_MAX = {"returning": 3, "one_line": 6, "first_purchase": 6}

TOLD = """\
# Title / English / what it shows
# a remark
> buy
< Which meter?
[Yes] [No]
# another remark
~ pin 1234
< Paid. Code AB12-…
| …
= vended
= money 510 taken, 1 sale
"""


def story_of(folder: Path, text: str) -> Story:
    path = folder / "story.txt"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_a_story_is_read_into_beats(tmp_path: Path) -> None:
    story = story_of(tmp_path, TOLD)
    assert (story.name, story.title, story.language, story.channel) == ("story", "Title", "English", "Telegram")
    assert [beat.cue for beat in story.beats] == ["", "> buy", "~ pin 1234"]
    assert story.beats[2].facts == ("state", "money")


def test_a_story_says_its_language_and_its_channel_and_is_named_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "whatsapp").mkdir()
    path = tmp_path / "whatsapp" / "habari.txt"
    path.write_text("# Title / Kiswahili, WhatsApp / what it shows\n> habari\n", encoding="utf-8")
    story = read(path, tmp_path)
    assert (story.name, story.language, story.channel) == ("whatsapp/habari", "Kiswahili", "WhatsApp")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("> buy\n", "first line"),
        ("# Title / English\n> buy\n", "first line"),
        ("", "first line"),
        ("# A / English / C\n> buy\nWhich meter?\n", "story.txt:3: 'Which meter"),
        ("# A / French / C\n> buy\n", "'French' is not English or Kiswahili"),
        ("# A / English, Signal / C\n> buy\n", "'English, Signal' is not"),
    ],
)
def test_what_is_not_in_the_language_is_refused_with_its_line(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        story_of(tmp_path, text)


def test_a_message_is_written_with_its_lines_buttons_and_key() -> None:
    assert message_lines("One\n\nTwo", ["Yes", "No"], None) == ["< One", "|", "| Two", "[Yes] [No]"]
    assert message_lines("One", [], "Share", "*") == ["<* One", "(Share)"]
    assert message_lines("One", ["≡ Choose"], None, "SMS", ["A", "B"]) == ["<SMS One", "[≡ Choose] (A) (B)"]


def test_lines_are_the_same_but_for_what_is_left_open() -> None:
    assert same(["< Code …", "[Menu]"], ["< Code AB12", "[Menu]"])
    assert not same(["< Code …", "[Menu]"], ["< Code AB12", "[Help]"])
    assert not same(["< (1) Yes."], ["< 1 Yes!"])
    assert same(["< Paid", "| …", "[Menu]"], ["< Paid", "[Menu]"])
    assert same(["< Paid", "| …", "| end"], ["< Paid", "| a", "| b", "| end"])
    assert not same(["< Paid", "| …"], ["< Paid", "< Another message"])
    assert same_label("Pay …", "Pay KES 510")
    assert not same_label("Pay", "Pay KES 510")


def test_a_message_is_found_by_how_it_begins() -> None:
    assert same_words("Which meter…", "Which meter number?\n\nWrite it here.")
    assert not same_words("Which meter", "Which meter number?")


def test_marks_of_whatsapp_are_taken_off_and_one_that_would_be_seen_is_found() -> None:
    assert unmarked("*Paid.* Token ```7747 4488```, _as it is_") == "Paid. Token 7747 4488, _as it is_"
    for text in ("*Paid.", "Token ```7747 4488", "2 * 3"):
        with pytest.raises(AssertionError, match="marks without partners"):
            unmarked(text)


def test_drawn_numbers_can_be_left_out_and_nothing_else_is() -> None:
    line = "| 7952 3011 1000 5422 2806 for SK68HFD3V2 of 14123456783"
    assert without_drawn(line) == "| … for … of 14123456783"


@pytest.mark.parametrize(
    ("fact", "kind"), [("= vended", "state"), ("=", "state"), ("= money 0", "money"), ("= case none", "case")]
)
def test_the_first_word_of_a_fact_is_its_kind(fact: str, kind: str) -> None:
    assert kind_of(fact) == kind


def test_a_story_that_lies_is_found_out(tmp_path: Path) -> None:
    story = story_of(tmp_path, TOLD)
    told = [[], ["< Which meter?", "[Yes] [No]"], ["< Paid. Code AB12-X", "= vended", "= money 510 taken, 1 sale"]]
    assert differences(story, told) == []
    told[2][-1] = "= money 1020 taken, 2 sales"
    assert differences(story, told)[0] == "after '~ pin 1234'"
    assert "  + = money 1020 taken, 2 sales" in differences(story, told)


def test_an_update_rewrites_what_changed_and_keeps_cues_remarks_and_what_still_fits(tmp_path: Path) -> None:
    story = story_of(tmp_path, TOLD)
    told = [[], ["< Which number?"], ["< Paid. Code AB12-X", "= vended", "= money 510 taken, 1 sale"]]
    assert rewritten(story, told) == TOLD.replace("< Which meter?\n[Yes] [No]", "< Which number?")


def test_there_are_stories_enough_and_every_mode_reaches_them() -> None:
    assert len(STORIES) >= 22
    assert {story.name for story in STORIES} > GOLDEN | NOT_CRASHED.keys()
    assert len({story.title for story in STORIES}) == len(STORIES)


@pytest.mark.parametrize(
    ("language", "channel", "least"),
    [
        ("English", "Telegram", 40),
        ("English", "WhatsApp", 25),
        ("Kiswahili", "Telegram", 6),
        ("Kiswahili", "WhatsApp", 8),
    ],
)
def test_both_languages_are_told_on_both_channels(language: str, channel: str, least: int) -> None:
    assert sum((story.language, story.channel) == (language, channel) for story in STORIES) >= least


async def test_back_really_goes_back(theatre: Theatre) -> None:
    async with theatre.performance(named("first_purchase"), Mode.BACK) as played:
        assert played.repeated == 3


async def test_twice_really_delivers_twice(theatre: Theatre) -> None:
    async with theatre.performance(named("first_purchase"), Mode.TWICE) as played:
        fired = played.town.sandbox.xmlvend.world.faults.fired
        assert fired["telegram_double_delivery"] == 5
        assert fired["double_callback"] == 1


async def test_twice_really_delivers_twice_on_whatsapp(theatre: Theatre) -> None:
    async with theatre.performance(named("whatsapp/first_purchase"), Mode.TWICE) as played:
        fired = played.town.sandbox.xmlvend.world.faults.fired
        assert fired["twilio_double_delivery"] == 4
        assert fired["twilio_reports_shuffled"] == played.doorway.messages
        assert fired["twilio_reports_doubled"] >= 2 * played.doorway.messages


async def test_a_receipt_that_came_twice_and_one_that_never_came_are_seen(theatre: Theatre) -> None:
    async with theatre.performance(named("whatsapp/returning"), Mode.STRAIGHT) as played:
        sandbox, store = played.town.sandbox, played.town.store
        receipt = sandbox.twilio.messages.get(sandbox.twilio.messages.page("")["messages"][0]["sid"])
        assert receipt is not None
        assert store is not None
        copy = replace(receipt, sid="SM of a copy")
        sandbox.twilio.messages.add(copy)
        assert "Paid. Here is your electricity." in copies(played)[0]
        copy.status = "undelivered"
        assert copies(played) == []
        receipt.status = "undelivered"
        assert "reached nobody" in (await never_arrived(store, sandbox))[0]
        receipt.status = "delivered"


async def test_what_cannot_be_done_on_a_channel_cannot_be_told(theatre: Theatre) -> None:
    for name, act in (("whatsapp/returning", "edit"), ("returning", "contact"), ("whatsapp/returning", "share phone")):
        async with theatre.performance(named(name), Mode.STRAIGHT) as played:
            with pytest.raises((AssertionError, ValueError)):
                await played.chat.act(act, "")


async def test_a_restart_really_begins_a_new_process(theatre: Theatre) -> None:
    async with theatre.performance(named("returning"), Mode.RESTARTED) as played:
        tokens = [path for _, path in played.town.network.seen if path.startswith("/oauth")]
        assert len(tokens) > 1


async def test_the_cost_of_a_purchase_in_messages_stays_what_it_is(theatre: Theatre) -> None:
    """The bot's messages, edits not counted: each is read by a person, and elsewhere than on Telegram paid for."""
    counts = {}
    for name in ("returning", "one_line", "first_purchase"):
        async with theatre.performance(named(name), Mode.STRAIGHT) as played:
            counts[name] = played.doorway.messages
    assert counts == {"returning": 3, "one_line": 4, "first_purchase": 6}
    assert all(counts[name] <= most for name, most in MESSAGES_MAX.items())


async def test_I41_the_log_names_nobody(theatre: Theatre, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("first_purchase", "refused_after_money", "whatsapp/first_purchase", "whatsapp/by_sms"):
        async with theatre.performance(named(name), Mode.STRAIGHT) as played:
            planted = secrets_of(played.town.sandbox)
        logged = capfd.readouterr().out
        assert "payment.answer" in logged
        assert [value for value in planted if value in logged] == []

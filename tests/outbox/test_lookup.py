"""After a send whose end nobody knows: the channel is told what to look for, and what it must not take for it."""

from __future__ import annotations

import pytest

from integrations.contract.channel import Arrival, Obstacle
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import BAD_TOKEN, Delivered, Malformed, Sending, Throttled
from tests.outbox.post import DAY, HOUR, MINUTE, GoneForEver, Post, at, never

LOST = Unknown("no answer")


async def test_a_first_try_looks_for_nothing_and_names_itself(post: Post) -> None:
    number = await post.tell("receipt", "token")
    await post.settle()
    [letter] = post.whatsapp.letters
    assert (letter.waybill.own, letter.waybill.tried_at, letter.waybill.known) == (str(number), None, frozenset())


async def test_after_an_answer_that_was_lost_the_next_try_says_since_when_to_look(post: Post) -> None:
    began = post.now
    post.whatsapp.outcomes = [LOST, LOST]
    await post.tell("receipt", "token")
    await post.settle()
    await post.pass_(MINUTE)
    assert [letter.waybill.tried_at for letter in post.whatsapp.letters] == [None, at(began), at(began)]


@pytest.mark.parametrize("refused", [NotSent("no network"), Throttled(3), Malformed(BAD_TOKEN)])
async def test_what_was_not_sent_is_not_looked_for(post: Post, refused: Sending) -> None:
    post.whatsapp.outcomes = [refused]
    await post.tell("receipt", "token")
    await post.settle()
    await post.pass_(10 * MINUTE, step=30)
    assert [letter.waybill.tried_at for letter in post.whatsapp.letters] == [None, None]


@pytest.mark.parametrize("refused", [NotSent("no network"), Throttled(3)])
async def test_an_unknown_try_is_remembered_through_those_that_were_not_sent(post: Post, refused: Sending) -> None:
    began = post.now
    post.whatsapp.outcomes = [LOST, refused]
    await post.tell("receipt", "token")
    await post.settle()
    await post.pass_(2 * MINUTE)
    assert [letter.waybill.tried_at for letter in post.whatsapp.letters] == [None, at(began), at(began)]


async def test_a_process_that_ends_during_the_send_leaves_a_try_to_look_for(post: Post) -> None:
    began = post.now
    post.whatsapp.outcomes = [never]
    await post.tell("receipt", "token")
    with pytest.raises(GoneForEver):
        await post.settle()
    await post.pass_(MINUTE)
    assert [letter.waybill.tried_at for letter in post.whatsapp.letters] == [None, at(began)]


async def test_a_channel_that_fails_of_itself_may_have_sent(post: Post) -> None:
    post.whatsapp.outcomes = [ZeroDivisionError("a bug")]
    await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert post.whatsapp.letters[1].waybill.tried_at is not None


async def test_messages_of_this_conversation_that_we_know_of_are_not_taken_for_it(post: Post) -> None:
    await post.meet("otieno", address="+254722000002")
    for words in ("one", "two"):
        await post.tell("say", words)
        await post.settle()
    await post.tell("say", "another's", to="otieno")
    await post.settle()
    post.whatsapp.outcomes = [LOST]
    await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert post.whatsapp.letters[-1].waybill.known == {"whatsapp-1", "whatsapp-2"}


async def test_what_was_sent_long_before_is_not_listed(post: Post) -> None:
    await post.tell("say", "long ago")
    await post.settle()
    post.clock.pass_by(2 * DAY)
    await post.hear()
    post.whatsapp.outcomes = [LOST]
    await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert post.whatsapp.letters[-1].waybill.known == frozenset()


async def test_what_the_channel_finds_is_delivered(post: Post) -> None:
    post.whatsapp.outcomes = [LOST, Delivered("found")]
    number = await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    row = await post.row(number)
    assert (row["outcome"], row["external_id"], row["tries"]) == ("delivered", "found", 2)


async def test_an_earlier_send_that_came_back_is_not_taken_for_a_later_one(post: Post) -> None:
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.came_back(number, "whatsapp-1", Obstacle.SLOW_DOWN, "63018")
    post.whatsapp.outcomes = [LOST]
    await post.pass_(2 * MINUTE)
    assert post.whatsapp.letters[-1].waybill.known == {"whatsapp-1"}
    assert post.whatsapp.letters[-1].waybill.tried_at is not None


async def test_an_unknown_send_of_which_a_report_comes_is_not_sent_again(post: Post) -> None:
    post.whatsapp.outcomes = [LOST]
    number = await post.tell("receipt", "token")
    await post.step(post.whatsapp)
    await post.arrived(number, "sm-1", Arrival.SENT)
    await post.pass_(HOUR, step=30)
    assert post.whatsapp.texts == ["token"]
    row = await post.row(number)
    assert (row["done"], row["external_id"]) == (1, "sm-1")


async def test_a_person_is_told_of_what_stays_stuck_once_and_it_goes_on_being_tried(post: Post) -> None:
    post.whatsapp.outcomes = [LOST] * 14
    await post.tell("receipt", "token")
    await post.pass_(3 * HOUR, step=60)
    assert post.whatsapp.texts == ["token"] * 15
    assert await post.cases() == ["message_stuck"]


@pytest.mark.parametrize(
    ("first", "second", "sent"),
    [
        ("say", "say", ["one", "two"]),
        ("say", "receipt", ["one", "two"]),
        ("question", "question", ["one", "two"]),
        ("question", "say", ["one", "one", "two"]),
        ("fact", "fact", ["one", "one", "two"]),
        ("receipt", "question", ["one", "one", "two"]),
    ],
)
async def test_only_chat_that_something_newer_overtook_is_dropped(
    post: Post, first: str, second: str, sent: list[str]
) -> None:
    post.whatsapp.outcomes = [LOST]
    await post.tell(first, "one")
    await post.settle()
    await post.tell(second, "two")
    await post.pass_(MINUTE)
    assert post.whatsapp.texts == sent


async def test_progress_is_said_once_where_it_cannot_be_edited(post: Post) -> None:
    for words in ("asked", "shown", "paid"):
        await post.tell("fact", words, thread="p1")
        await post.settle()
    await post.tell("fact", "the next prompt", thread="p2")
    await post.settle()
    assert post.whatsapp.texts == ["asked", "the next prompt"]
    assert [letter.message.progress for letter in post.whatsapp.letters if letter.message] == [True, True]


async def test_progress_edits_the_last_of_its_thread_where_it_can(post: Post) -> None:
    await post.meet("otieno", channel="telegram", address="722000002")
    for words in ("asked", "shown"):
        await post.tell("fact", words, to="otieno", thread="p1")
        await post.settle()
    assert [letter.message.edits for letter in post.telegram.letters if letter.message] == [None, "telegram-1"]

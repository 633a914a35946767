"""Pace: so many a second to everybody, so many at once to one person, and receipts first."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.outbox import OutboxWorker, Pace
from bot.store.change import Change, Done, Insert
from bot.work import WorkLoop
from integrations.contract.channel import Limits
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import Delivered, Sending, Throttled
from tests.databases import SetClock, Tasks
from tests.outbox.post import DAY, WINDOW, Post, Row, Windowed

PER_SECOND = 80
#: To one person a message each six seconds, three at once.
TO_ONE = replace(WINDOW, recipient_seconds=6.0, recipient_burst=3)


# --- to everybody


def test_a_sender_without_a_bound_has_room_for_all(set_clock: SetClock) -> None:
    pace = Pace(0, set_clock)
    for _ in range(200):
        pace.spend()
    assert pace.room(64) == 64


def test_room_is_spent_and_comes_back_with_time(set_clock: SetClock) -> None:
    pace = Pace(10, set_clock)
    assert pace.room(64) == 10
    for _ in range(10):
        pace.spend()
    assert pace.room(64) == 0
    set_clock.pass_by(0.25)
    assert pace.room(64) == 2
    assert pace.room(1) == 1
    set_clock.pass_by(3600)
    assert pace.room(64) == 10, "an idle hour saves up no more than a second"


def test_what_was_overspent_is_paid_back_first(set_clock: SetClock) -> None:
    pace = Pace(10, set_clock)
    for _ in range(15):
        pace.spend()
    set_clock.pass_by(0.5)
    assert pace.room(64) == 0
    set_clock.pass_by(0.125)
    assert pace.room(64) == 1


async def crowd(post: Post, kind: str, count: int) -> None:
    """So many people with a message each."""
    inserts = []
    for number in range(count):
        name = f"{kind}{number}"
        person: Row = {"id": f"c{name}", "language": "en", "created_at": post.now}
        chat: Row = {"id": f"v{name}", "customer_id": f"c{name}", "channel": "whatsapp", "address": "+254711000009"}
        inserts += [
            Insert("customer", person),
            Insert("conversation", {**chat, "heard_at": post.now, "created_at": post.now}),
        ]
    assert await post.store.write(Change(inserts=tuple(inserts))) == Done()
    template = (await _a_message(post, kind)) | {"created_at": post.now, "due_at": post.now}
    rows = [{**template, "customer_id": f"c{kind}{n}", "conversation_id": f"v{kind}{n}"} for n in range(count)]
    assert await post.store.write(Change(inserts=tuple(Insert("outbox", row) for row in rows))) == Done()


async def _a_message(post: Post, kind: str) -> Row:
    number = await post.tell(kind, kind)
    row = await post.row(number)
    await post.hint("outbox", number, done=1)
    return {name: value for name, value in row.items() if name != "id"}


async def test_a_receipt_behind_a_thousand_chat_messages_goes_first_and_the_pace_holds(post: Post) -> None:
    post.whatsapp.limits = replace(WINDOW, per_second=PER_SECOND)
    await crowd(post, "say", 1000)
    post.clock.pass_by(1)
    await post.meet("otieno", address="+254722000002")
    await post.tell("receipt", "token", to="otieno")
    sent_at: list[float] = []
    began = post.clock.seconds
    while len(post.whatsapp.letters) < 1001:
        await post.settle()
        sent_at += [post.clock.seconds - began] * (len(post.whatsapp.letters) - len(sent_at))
        post.clock.pass_by(0.25)
    assert post.whatsapp.texts[0] == "token"
    for number, seconds in enumerate(sent_at):
        assert number < PER_SECOND * (1 + seconds) + 1e-6, "faster than the channel allows"
    assert sent_at[-1] <= 1001 / PER_SECOND - 1 + 0.25, "no slower than need be"


async def test_a_receipt_that_comes_while_the_backlog_is_sent_is_next(post: Post) -> None:
    post.whatsapp.limits = replace(WINDOW, per_second=10)
    await crowd(post, "question", 60)
    await post.pass_(2)
    before = len(post.whatsapp.letters)
    await post.meet("otieno", address="+254722000002")
    await post.tell("receipt", "token", to="otieno")
    await post.pass_(1)
    assert post.whatsapp.texts[before] == "token"


@pytest.mark.parametrize("kind", ["fact", "question", "say"])
async def test_what_stands_before_a_receipt_of_the_same_person_does_not_hold_it_up(post: Post, kind: str) -> None:
    post.whatsapp.limits = replace(WINDOW, per_second=10)
    await crowd(post, kind, 60)
    await post.pass_(2)
    before = len(post.whatsapp.letters)
    await post.meet("otieno", address="+254722000002")
    await post.tell(kind, "before", to="otieno")
    await post.tell("receipt", "token", to="otieno")
    await post.pass_(2)
    # The next that is sent, and what is sent after its answer.
    assert [post.whatsapp.texts[before + place] for place in (0, 10)] == ["before", "token"]


async def test_what_is_not_sent_costs_no_pace(post: Post) -> None:
    post.whatsapp.limits = replace(WINDOW, per_second=2)
    for number in range(3):
        await post.meet(f"p{number}", address=f"+25471100010{number}")
        await post.tell("fact", "shown", to=f"p{number}", thread="t")
    await post.pass_(3)
    for number in range(3):
        await post.tell("fact", "shown already", to=f"p{number}", thread="t")
    assert await post.step(post.whatsapp) == 2
    assert await post.step(post.whatsapp) == 1
    assert post.whatsapp.texts == ["shown"] * 3


async def test_the_loop_itself_keeps_the_pace_and_falls_asleep_between(post: Post) -> None:
    tasks = Tasks()
    post.whatsapp.limits = replace(WINDOW, per_second=5)
    await crowd(post, "say", 20)
    loop = WorkLoop(post.worker(post.whatsapp), post.store, post.clock, tasks, 64)
    total = 0
    for second in range(6):
        while await loop.step():
            await asyncio.gather(*tasks.tasks)
        total = len(post.whatsapp.letters)
        assert total <= 5 * (second + 1)
        post.clock.pass_by(1)
    assert total == 20


# --- to one person


async def burst(post: Post, kind: str, count: int) -> None:
    for number in range(count):
        await post.tell(kind, f"{kind} {number}")
    await post.settle()


async def test_one_person_gets_a_burst_at_once_and_then_one_at_a_time(post: Post) -> None:
    post.whatsapp.limits = TO_ONE
    await burst(post, "say", 6)
    assert len(post.whatsapp.texts) == 3
    post.clock.pass_by(5.999)
    await post.settle()
    assert len(post.whatsapp.texts) == 3
    post.clock.pass_by(0.001)
    await post.settle()
    assert len(post.whatsapp.texts) == 4
    await post.pass_(30)
    assert post.whatsapp.texts == [f"say {number}" for number in range(6)]


async def test_a_quiet_minute_earns_a_burst_and_no_more(post: Post) -> None:
    post.whatsapp.limits = TO_ONE
    await burst(post, "say", 3)
    post.clock.pass_by(3600)
    await burst(post, "fact", 6)
    assert len(post.whatsapp.texts) == 6


async def test_a_receipt_may_run_further_ahead(post: Post) -> None:
    post.whatsapp.limits = TO_ONE
    await burst(post, "say", 4)
    assert len(post.whatsapp.texts) == 3
    await post.tell("receipt", "token")
    await post.settle()
    assert post.whatsapp.texts[3:] == ["say 3", "token"], "what stands before it goes with it"
    await burst(post, "receipt", 3)
    assert len(post.whatsapp.texts) == 5, "but not without bound"
    await post.pass_(60)
    assert len(post.whatsapp.texts) == 8


async def test_the_pace_to_one_person_holds_up_nobody_else(post: Post) -> None:
    post.whatsapp.limits = TO_ONE
    await post.meet("otieno", address="+254722000002")
    await burst(post, "say", 10)
    await post.tell("say", "otieno", to="otieno")
    assert await post.due(post.whatsapp)
    await post.settle()
    assert post.whatsapp.texts[-1] == "otieno"
    assert not await post.due(post.whatsapp)


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [(Delivered("1"), True), (Unknown("no answer"), True), (NotSent("no network"), False), (Throttled(0.5), False)],
)
async def test_what_was_or_may_have_been_sent_counts(post: Post, outcome: Sending, counts: bool) -> None:
    post.whatsapp.limits = TO_ONE
    post.whatsapp.outcomes = [outcome]
    await post.tell("fact", "one")
    await post.step(post.whatsapp)
    assert ((await post.chat())["paced_until"] == post.now + 6000) == counts


async def test_a_knock_counts_too(post: Post) -> None:
    post.whatsapp.limits = TO_ONE
    await post.hint("conversation", "vamina", heard_at=post.now - int(2 * DAY * 1000))
    await post.tell("receipt", "token")
    await post.settle()
    assert (await post.chat())["paced_until"] == post.now + 6000


async def test_an_sms_is_at_another_pace(post: Post) -> None:
    sms = post.with_sms()
    post.whatsapp.limits = TO_ONE
    await post.hint("conversation", "vamina", paced_until=post.now + 3_600_000)
    await post.tell("receipt", "token", via="sms")
    await post.settle()
    assert sms.texts == ["token"]
    assert (await post.chat())["paced_until"] == post.now + 3_600_000


async def test_a_channel_without_a_pace_writes_none(post: Post) -> None:
    await burst(post, "say", 20)
    assert len(post.whatsapp.texts) == 20
    assert (await post.chat())["paced_until"] == 0


def test_workers_of_two_channels_have_a_pace_each(post: Post) -> None:
    limits = Limits(100, 0, 0, can_edit=False, can_share_phone=False, per_second=1)
    one = OutboxWorker(Windowed(limits=limits), post.worker(post.whatsapp).sender, post.store, post.clock)
    other = OutboxWorker(Windowed(limits=limits), post.worker(post.whatsapp).sender, post.store, post.clock)
    one.pace.spend()
    assert (one.claim(9).slots, other.claim(9).slots) == (0, 1)

"""Two replicas on one database: a message is taken by one of them, and what both write about it agrees."""

from __future__ import annotations

import asyncio

from bot.outbox import finish
from integrations.contract.channel import Arrival, Obstacle
from integrations.contract.message import Delivered, Gone
from tests.outbox.post import MINUTE, Post


async def test_a_message_is_taken_by_one(post: Post, second: Post) -> None:
    await post.tell("receipt", "token")
    taken = await asyncio.gather(post.claim(post.whatsapp), second.claim(second.whatsapp))
    assert sorted(map(len, taken)) == [0, 1]


async def test_two_messages_of_one_customer_are_never_with_two(post: Post, second: Post) -> None:
    await post.tell("receipt", "one")
    await post.tell("receipt", "two")
    for _ in range(3):
        taken = await asyncio.gather(post.claim(post.whatsapp), second.claim(second.whatsapp))
        assert len([parcel for parcels in taken for parcel in parcels]) <= 1
        for one, parcels in zip((post, second), taken, strict=True):
            await one.work(one.whatsapp, *parcels)
    assert sorted(post.whatsapp.texts + second.whatsapp.texts) == ["one", "two"]
    rows = await post.rows("SELECT tries FROM outbox")
    assert [row["tries"] for row in rows] == [1, 1]


async def test_many_customers_are_shared_out_and_everybody_gets_their_own_once(post: Post, second: Post) -> None:
    for number in range(30):
        await post.meet(f"p{number}", address=f"+2547110001{number:02}")
        await post.tell("receipt", f"token {number}", to=f"p{number}")
        await post.tell("say", f"thanks {number}", to=f"p{number}")
    for _ in range(20):
        await asyncio.gather(post.step(post.whatsapp, slots=7), second.step(second.whatsapp, slots=7))
    letters = post.whatsapp.letters + second.whatsapp.letters
    assert sorted(letter.text for letter in letters) == sorted(
        f"{words} {number}" for number in range(30) for words in ("token", "thanks")
    )


async def test_a_replica_that_froze_does_not_write_over_the_one_that_took_over(post: Post, second: Post) -> None:
    number = await post.tell("receipt", "token")
    [frozen] = await post.claim(post.whatsapp)
    post.clock.pass_by(MINUTE)
    await second.settle()
    await post.store.write(finish(frozen, Gone("it had no network"), post.now, sms=True))
    row = await post.row(number)
    assert (row["outcome"], row["external_id"]) == ("delivered", "whatsapp-1")
    assert await post.stand_ins() == []
    assert second.whatsapp.letters[0].waybill.tried_at is not None, "the frozen one may have sent"


async def test_one_failure_reported_to_both_is_one_failure(post: Post, second: Post) -> None:
    sms, _ = post.with_sms(), second.with_sms()
    number = await post.tell("receipt", "token")
    await post.settle()
    kept = await asyncio.gather(
        *(one.came_back(number, "whatsapp-1", Obstacle.PERSON, "63024") for one in (post, second) for _ in range(5))
    )
    assert kept == [True] * 10
    await post.settle()
    await second.settle()
    assert len(await post.stand_ins()) == 1
    assert len(sms.texts) == 1
    assert len(await post.rows("SELECT id FROM message_report")) == 1


async def test_how_far_it_came_and_that_it_did_not_at_two_doors_at_once_end_the_same(post: Post, second: Post) -> None:
    for number in range(8):
        name = f"p{number}"
        await post.meet(name, address="+254711000009")
        message = await post.tell("receipt", "token", to=name)
        await post.step(post.whatsapp)
        sid = str((await post.row(message))["external_id"])
        await asyncio.gather(
            post.came_back(message, sid, Obstacle.PROVIDER), second.arrived(message, sid, Arrival.DELIVERED)
        )
        row = await post.row(message)
        assert (row["done"], row["arrival"], row["bounces"]) in {(1, 2, 0), (0, 0, 1)}


async def test_an_answer_here_and_its_failure_there_end_the_same(post: Post, second: Post) -> None:
    post.with_sms()
    second.with_sms()
    for number in range(8):
        name = f"p{number}"
        await post.meet(name, address="+254711000009")
        message = await post.tell("receipt", "token", to=name)
        [parcel] = await post.claim(post.whatsapp)
        await asyncio.gather(
            post.store.write(finish(parcel, Delivered(f"sm-{number}"), post.now, sms=True)),
            second.came_back(message, f"sm-{number}", Obstacle.PERSON),
        )
        assert len(await post.rows("SELECT id FROM outbox WHERE stands_for = :id", id=message)) == 1


async def test_what_one_saw_wait_the_other_sends_when_the_person_writes(post: Post, second: Post) -> None:
    await post.hint("conversation", "vamina", heard_at=0)
    await post.tell("receipt", "token")
    await post.settle()
    await second.settle()
    assert (len(post.whatsapp.knocks), len(second.whatsapp.knocks)) == (1, 0)
    await post.hear()
    taken = await asyncio.gather(post.claim(post.whatsapp), second.claim(second.whatsapp))
    assert sorted(map(len, taken)) == [0, 1]

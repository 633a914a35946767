"""SMS in the place of what did not arrive: about money only, once, to the right number; its failure is a person's."""

from __future__ import annotations

import asyncio

import pytest

from bot.outbox import finish
from bot.store.change import Done, Lost
from integrations.contract.channel import Arrival, Obstacle
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import BAD_TOKEN, Gone, Malformed, Sending, Throttled
from tests.outbox.post import DAY, HOUR, MINUTE, PHONE, Line, Post

HIDDEN = "KE.1502576394655843"


@pytest.fixture
def sms(post: Post) -> Line:
    return post.with_sms()


@pytest.mark.parametrize("kind", ["receipt", "fact"])
@pytest.mark.parametrize("end", [Gone("blocked"), Malformed("too long")])
async def test_what_is_about_money_goes_by_sms_where_the_chat_says_no(
    post: Post, sms: Line, kind: str, end: Sending
) -> None:
    post.whatsapp.outcomes = [end]
    number = await post.tell(kind, "token", payment_id="p1")
    await post.settle()
    assert (sms.texts, sms.letters[0].address) == (["token"], PHONE)
    [row] = await post.stand_ins()
    assert (row["stands_for"], row["kind"], row["payment_id"], row["rank"]) == (number, kind, "p1", 0)
    assert sms.letters[0].waybill.own == str(row["id"])


@pytest.mark.parametrize("kind", ["say", "question"])
async def test_chat_does_not(post: Post, sms: Line, kind: str) -> None:
    post.whatsapp.outcomes = [Gone("blocked")]
    await post.tell(kind, "hello")
    await post.settle()
    assert sms.letters == []


async def test_an_sms_has_neither_choices_nor_words_about_them(post: Post, sms: Line) -> None:
    from bot.outbox import message_row
    from flows.text import T
    from tests.outbox.post import SEAL

    post.whatsapp.outcomes = [Gone("blocked")]
    await post.wrote(
        message_row(
            SEAL, customer_id="camina", conversation_id="vamina", kind="fact", body=(T("declined"),), now=post.now,
            buttons=(("retry:p1:1", T("Try again")),),
        )
    )  # fmt: skip
    await post.settle()
    [letter] = sms.letters
    assert letter.message is not None
    assert (letter.message.buttons, letter.text) == ((), "declined")


async def test_an_sms_is_in_the_language_its_reader_has_then(post: Post, sms: Line) -> None:
    from bot.outbox import message_row
    from flows.text import T
    from tests.outbox.post import LANGUAGES, SEAL

    words = T("No money was taken.")
    await post.wrote(
        message_row(SEAL, customer_id="camina", conversation_id="vamina", kind="fact", body=(words,), now=post.now)
    )
    post.whatsapp.outcomes = [Gone("blocked")]
    await post.step(post.whatsapp)
    await post.hint("customer", "camina", language="sw")
    await post.settle()
    assert sms.texts == [LANGUAGES.label(words, "sw")]
    assert sms.texts != [LANGUAGES.label(words, "en")]


# --- to whom


async def test_who_hides_the_number_gets_it_at_the_number_they_shared(post: Post, sms: Line) -> None:
    await post.meet("otieno", address=HIDDEN, phone="+254722000002")
    post.whatsapp.outcomes = [Gone("blocked")]
    await post.tell("receipt", "token", to="otieno")
    await post.settle()
    assert [letter.address for letter in sms.letters] == ["+254722000002"]


@pytest.mark.parametrize("how", ["gone", "undelivered"])
async def test_where_no_number_is_known_a_receipt_is_a_persons(post: Post, sms: Line, how: str) -> None:
    await post.meet("otieno", address=HIDDEN)
    post.whatsapp.outcomes = [Gone("blocked")] if how == "gone" else []
    number = await post.tell("receipt", "token", to="otieno")
    await post.settle()
    if how == "undelivered":
        await post.came_back(number, "whatsapp-1", Obstacle.PERSON, "63024")
        await post.settle()
    assert sms.letters == []
    assert await post.cases() == ["message_undelivered"]
    assert (await post.row(number))["done"] == 1


async def test_where_there_is_no_sms_channel_a_receipt_is_a_persons(post: Post) -> None:
    post.whatsapp.outcomes = [Gone("blocked")]
    await post.tell("receipt", "token")
    await post.settle()
    assert await post.cases() == ["message_undelivered"]
    assert await post.stand_ins() == []


@pytest.mark.parametrize("when", ["before it is claimed", "while it waits behind a shut window", "before the SMS"])
async def test_what_waits_for_the_old_owner_of_a_number_never_reaches_the_new_one(
    post: Post, sms: Line, when: str
) -> None:
    if when == "while it waits behind a shut window":
        await post.hint("conversation", "vamina", heard_at=post.now - int(DAY * 1000))
    post.whatsapp.outcomes = [Gone("blocked")] if when == "before the SMS" else []
    number = await post.tell("receipt", "token")
    if when != "before it is claimed":
        await post.step(post.whatsapp)
    handed_over = len(post.whatsapp.letters)
    # What `identities` writes when the number has a new owner.
    await post.hint("conversation", "vamina", address="", reachable=0)
    await post.hint("customer", "camina", phone_sealed=None, phone_hash=None)
    await post.pass_(2 * HOUR, step=60)
    await post.came_back(f"k{number}", "whatsapp-1", Obstacle.PERSON, "63024")
    await post.pass_(2 * HOUR, step=60)
    assert len(post.whatsapp.letters) == handed_over
    assert sms.letters == []
    assert await post.cases() != [], "somebody must know"


async def test_the_old_owner_who_writes_from_elsewhere_gets_what_waited(post: Post, sms: Line) -> None:
    await post.tell("receipt", "token")
    await post.hint("conversation", "vamina", address="", reachable=0)
    await post.pass_(MINUTE)
    assert (await post.rows("SELECT tries FROM outbox"))[0]["tries"] == 1, "it is not tried over and over"
    await post.hint("conversation", "vamina", address="+254733000003", reachable=1)
    await post.hear()
    await post.settle()
    assert [letter.address for letter in post.whatsapp.letters] == ["+254733000003"]
    assert sms.letters == []


# --- once


async def test_once_under_an_answer_and_a_report_at_the_same_time(post: Post, sms: Line) -> None:
    number = await post.tell("receipt", "token")
    [parcel] = await post.claim(post.whatsapp)
    over = finish(parcel, Gone("blocked"), post.now, sms=True)
    written, kept = await asyncio.gather(
        post.store.write(over), post.came_back(number, "sm-1", Obstacle.PERSON, "63024")
    )
    assert (type(written), kept) in {(Done, True), (Lost, True)}
    await post.pass_(HOUR, step=60)
    assert sms.texts == ["token"]
    assert len(await post.stand_ins()) == 1
    assert await post.rows("SELECT id FROM message_report") != [], "the report is kept, too"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_once_in_either_order(post: Post, sms: Line, order: tuple[int, int]) -> None:
    number = await post.tell("receipt", "token")
    [parcel] = await post.claim(post.whatsapp)

    async def answered() -> None:
        await post.store.write(finish(parcel, Gone("blocked"), post.now, sms=True))

    async def reported() -> None:
        await post.came_back(number, "sm-1", Obstacle.PERSON, "63024")

    for place in order:
        await (answered, reported)[place]()
    await post.pass_(HOUR, step=60)
    assert sms.texts == ["token"]


async def test_a_late_63016_does_not_open_what_went_by_sms(post: Post, sms: Line) -> None:
    post.whatsapp.outcomes = [Unknown("no answer")]
    post.whatsapp.at_knocks = [Malformed("not approved")] * 5
    number = await post.tell("receipt", "token")
    await post.step(post.whatsapp)
    await post.hint("conversation", "vamina", heard_at=post.now - int(DAY * 1000))
    await post.pass_(MINUTE)
    assert sms.texts == ["token"]
    await post.came_back(number, "sm-0", Obstacle.WINDOW, "63016")
    await post.tell("fact", "newer")
    await post.pass_(HOUR, step=60)
    assert sms.texts == ["token", "newer"], "it stands before nothing newer either"
    assert (await post.row(number))["done"] == 1


# --- the SMS itself


async def test_an_sms_that_did_not_arrive_is_a_persons(post: Post, sms: Line) -> None:
    post.whatsapp.outcomes = [Gone("blocked")]
    await post.tell("receipt", "token")
    await post.settle()
    [row] = await post.stand_ins()
    for _ in range(2):
        await post.came_back(row["id"], "sms-1", Obstacle.PERSON, "30003")
    await post.pass_(HOUR, step=60)
    assert sms.texts == ["token"]
    assert await post.cases() == ["message_undelivered"]


async def test_an_sms_that_came_back_after_it_arrived_is_nobodys(post: Post, sms: Line) -> None:
    post.whatsapp.outcomes = [Gone("blocked")]
    await post.tell("receipt", "token")
    await post.settle()
    [row] = await post.stand_ins()
    await post.arrived(row["id"], "sms-1", Arrival.DELIVERED)
    await post.came_back(row["id"], "sms-1", Obstacle.PERSON, "30003")
    assert sms.texts == ["token"]
    assert await post.cases() == []


async def test_an_sms_that_cannot_be_sent_is_a_persons_and_says_nothing_of_the_chat(post: Post, sms: Line) -> None:
    await post.tell("receipt", "token", via="sms")
    sms.outcomes = [Gone("not a phone number")]
    await post.settle()
    assert await post.cases() == ["message_undelivered"]
    assert (await post.chat())["reachable"] == 1


@pytest.mark.parametrize("first", [Unknown("no answer"), NotSent("no network"), Throttled(9), Malformed(BAD_TOKEN)])
async def test_an_sms_is_tried_until_it_is_sent(post: Post, sms: Line, first: Sending) -> None:
    await post.tell("receipt", "token", via="sms")
    sms.outcomes = [first]
    await post.pass_(10 * MINUTE, step=30)
    assert sms.texts == ["token", "token"]
    assert (sms.letters[1].waybill.tried_at is None) == (not isinstance(first, Unknown))
    assert await post.cases() == []


async def test_a_window_says_nothing_about_an_sms(post: Post, sms: Line) -> None:
    await post.hint("conversation", "vamina", heard_at=0)
    await post.tell("receipt", "token", via="sms")
    await post.settle()
    assert sms.texts == ["token"]

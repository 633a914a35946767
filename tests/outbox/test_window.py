"""The window: free text inside it, one knock outside, and what waits is neither lost nor overtaken."""

from __future__ import annotations

import pytest

from integrations.contract.channel import Obstacle
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import BAD_TOKEN, Delivered, Gone, Malformed, Sending, Throttled
from tests.outbox.post import DAY, HOUR, MINUTE, GoneForEver, Post, at, never


async def closed(post: Post) -> None:
    """Amina has not written for more than a day."""
    await post.hint("conversation", "vamina", heard_at=post.now - int(DAY * 1000) - 1)


async def test_inside_the_window_what_is_told_is_sent(post: Post) -> None:
    await post.tell("receipt", "token")
    await post.settle()
    assert post.whatsapp.texts == ["token"]
    assert post.whatsapp.knocks == []


async def test_outside_it_a_receipt_is_knocked_for_once_and_goes_when_the_person_writes(post: Post) -> None:
    await closed(post)
    number = await post.tell("receipt", "token")
    await post.pass_(HOUR, step=60)
    [knock] = post.whatsapp.knocks
    assert (knock.text, knock.waybill.own) == ("payment_news –", f"k{number}")
    assert post.whatsapp.texts == []
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["token"]
    assert len(post.whatsapp.knocks) == 1
    assert (await post.row(number))["outcome"] == "delivered"


async def test_the_last_moment_of_the_window_is_inside_and_the_next_is_not(post: Post) -> None:
    await post.hint("conversation", "vamina", heard_at=post.now - int(DAY * 1000) + 1)
    await post.tell("fact", "in time")
    await post.settle()
    post.clock.pass_by(0.001)
    await post.tell("fact", "too late")
    await post.settle()
    assert post.whatsapp.texts == ["in time"]
    assert len(post.whatsapp.knocks) == 1


async def test_a_window_that_shuts_while_a_message_waits_is_seen(post: Post) -> None:
    await post.hint("conversation", "vamina", heard_at=post.now - int((DAY - 30) * 1000))
    post.whatsapp.outcomes = [Throttled(60)]
    await post.tell("receipt", "token")
    await post.pass_(2 * MINUTE)
    assert len(post.whatsapp.letters) == 2
    assert len(post.whatsapp.knocks) == 1
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts[1:] == ["token"]


async def test_a_window_that_shuts_between_the_claim_and_the_send_is_knocked_at_once_only(post: Post) -> None:
    await post.hint("conversation", "vamina", heard_at=post.now - int(DAY * 1000) + 500)
    await post.tell("receipt", "token")
    parcels = await post.claim(post.whatsapp)
    post.clock.pass_by(1)
    await post.work(post.whatsapp, *parcels)
    # The clock that claims is another one, and may be behind the one that sends.
    post.clock.pass_by(-1)
    await post.settle()
    assert len(post.whatsapp.knocks) == 1
    assert post.whatsapp.texts == []


@pytest.mark.parametrize("kind", ["say", "question"])
async def test_chat_is_not_worth_a_knock_and_waits(post: Post, kind: str) -> None:
    await closed(post)
    await post.tell(kind, "which meter?")
    await post.pass_(MINUTE)
    assert post.whatsapp.letters == []
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["which meter?"]


async def test_nothing_newer_overtakes_a_receipt_that_waits(post: Post) -> None:
    await closed(post)
    for kind, words in (("receipt", "first"), ("fact", "second"), ("say", "third")):
        await post.tell(kind, words)
    await post.pass_(MINUTE)
    assert len(post.whatsapp.knocks) == 1, "one knock opens the door for all of it"
    await post.hear()
    await post.tell("say", "an answer")
    await post.settle()
    assert post.whatsapp.texts == ["first", "second", "third", "an answer"]


@pytest.mark.parametrize("kind", ["say", "question"])
async def test_chat_that_waits_does_not_keep_a_receipt_from_knocking(post: Post, kind: str) -> None:
    await closed(post)
    await post.tell(kind, "which meter?")
    await post.settle()
    number = await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert [knock.waybill.own for knock in post.whatsapp.knocks] == [f"k{number}"]
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts[-1] == "token"
    assert await post.rows("SELECT id FROM outbox WHERE done = 0") == []


async def test_who_writes_while_the_knock_is_in_flight_gets_the_message_at_once(post: Post) -> None:
    await closed(post)

    async def written() -> Sending:
        post.clock.pass_by(1)
        await post.hear()
        post.clock.pass_by(1)
        return Delivered("knock-1")

    post.whatsapp.at_knocks = [written]
    await post.tell("receipt", "token")
    await post.settle()
    assert len(post.whatsapp.knocks) == 1
    assert post.whatsapp.texts == ["token"]


async def test_a_second_receipt_after_the_first_was_fetched_knocks_anew(post: Post) -> None:
    for words in ("one", "two"):
        await closed(post)
        await post.tell("receipt", words)
        await post.settle()
        await post.hear()
        await post.settle()
    assert post.whatsapp.texts == ["one", "two"]
    assert len(post.whatsapp.knocks) == 2


# --- knocks that go wrong


async def test_a_knock_nobody_knows_of_is_looked_for_under_its_own_name(post: Post) -> None:
    await closed(post)
    began = post.now
    post.whatsapp.at_knocks = [Unknown("no answer")]
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.pass_(MINUTE)
    first, second = post.whatsapp.knocks
    assert first.waybill.own == second.waybill.own == f"k{number}"
    assert first.waybill.tried_at is None
    assert second.waybill.tried_at == at(began)


async def test_a_process_that_ends_between_knock_and_record_looks_before_it_knocks_again(post: Post) -> None:
    await closed(post)
    began = post.now
    post.whatsapp.at_knocks = [never]
    number = await post.tell("receipt", "token")
    with pytest.raises(GoneForEver):
        await post.settle()
    await post.pass_(MINUTE)
    _, second = post.whatsapp.knocks
    assert (second.waybill.own, second.waybill.tried_at) == (f"k{number}", at(began))
    assert len(post.whatsapp.knocks) == 2


async def test_after_a_knock_the_message_itself_is_a_first_try(post: Post) -> None:
    await closed(post)
    post.whatsapp.at_knocks = [Unknown("no answer")]
    await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    await post.hear()
    await post.settle()
    assert post.whatsapp.letters[-1].waybill.tried_at is None


async def test_I36_a_knock_that_fails_of_itself_gives_no_receipt_up(post: Post) -> None:
    await closed(post)
    post.whatsapp.at_knocks = [ZeroDivisionError("a bug"), ZeroDivisionError("a bug")]
    number = await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert len(post.whatsapp.knocks) == 3
    assert (await post.row(number))["done"] == 0
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["token"]


async def test_a_revoked_token_is_not_taken_for_a_template_that_is_missing(post: Post) -> None:
    sms = post.with_sms()
    await closed(post)
    post.whatsapp.at_knocks = [Malformed(BAD_TOKEN), Malformed(BAD_TOKEN)]
    await post.tell("receipt", "token")
    await post.pass_(15 * MINUTE, step=10)
    assert len(post.whatsapp.knocks) == 3
    assert sms.letters == []
    assert await post.cases() == []


@pytest.mark.parametrize("failed", [Throttled(5), NotSent("no network")])
async def test_a_knock_that_was_not_sent_is_tried_again(post: Post, failed: Sending) -> None:
    await closed(post)
    post.whatsapp.at_knocks = [failed]
    await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert len(post.whatsapp.knocks) == 2
    assert post.whatsapp.knocks[1].waybill.tried_at is None


@pytest.mark.parametrize("failed", [Malformed("not approved"), Gone("not on WhatsApp")])
async def test_where_there_is_no_knocking_a_receipt_goes_by_sms(post: Post, failed: Sending) -> None:
    sms = post.with_sms()
    await closed(post)
    post.whatsapp.at_knocks = [failed]
    await post.tell("receipt", "token")
    await post.pass_(MINUTE)
    assert (sms.texts, sms.letters[0].address) == (["token"], "+254711000001")
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == []
    assert len(sms.letters) == 1


async def test_where_there_is_no_sms_either_it_waits_and_a_person_knows(post: Post) -> None:
    await closed(post)
    post.whatsapp.at_knocks = [Malformed("not approved")]
    number = await post.tell("receipt", "token")
    await post.pass_(HOUR, step=60)
    assert len(post.whatsapp.knocks) == 1
    assert await post.cases() == ["message_waits"]
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["token"]
    assert (await post.row(number))["done"] == 1


async def test_a_channel_without_templates_waits_as_well(post: Post) -> None:
    post.telegram.limits = post.whatsapp.limits
    await post.meet("otieno", channel="telegram", address="722000002", heard=2 * DAY)
    await post.tell("receipt", "token", to="otieno")
    await post.pass_(MINUTE)
    assert post.telegram.letters == []
    assert await post.cases() == ["message_waits"]


# --- the window by WhatsApp's own word


async def test_63016_is_believed_and_the_receipt_knocks(post: Post) -> None:
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.came_back(number, "whatsapp-1", Obstacle.WINDOW, "63016")
    await post.pass_(MINUTE)
    assert len(post.whatsapp.knocks) == 1
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["token", "token"]


async def test_63016_again_after_every_knock_goes_by_sms_in_the_end(post: Post) -> None:
    sms = post.with_sms()
    number = await post.tell("receipt", "token")
    await post.settle()
    for turn in range(4):
        sid = (await post.row(number))["external_id"]
        assert await post.came_back(number, sid, Obstacle.WINDOW, "63016")
        assert await post.came_back(number, sid, Obstacle.WINDOW, "63016"), "the same report again is no news"
        await post.settle()
        assert len(post.whatsapp.knocks) == min(turn + 1, 3)
        await post.hear()
        await post.settle()
    assert len(post.whatsapp.texts) == 4
    assert sms.texts == ["token"]


async def test_63016_does_not_shut_a_window_that_was_opened_after_the_send(post: Post) -> None:
    number = await post.tell("receipt", "token")
    await post.settle()
    post.clock.pass_by(5)
    await post.hear()
    post.clock.pass_by(5)
    await post.came_back(number, "whatsapp-1", Obstacle.WINDOW, "63016")
    await post.settle()
    assert post.whatsapp.texts == ["token", "token"]
    assert post.whatsapp.knocks == []


async def test_what_is_said_is_not_said_again_after_63016(post: Post) -> None:
    number = await post.tell("say", "hello")
    await post.settle()
    await post.came_back(number, "whatsapp-1", Obstacle.WINDOW, "63016")
    await post.settle()
    assert post.whatsapp.texts == ["hello"]
    assert (await post.row(number))["outcome"] == "undelivered 63016"


async def test_a_knock_that_did_not_arrive_goes_by_sms(post: Post) -> None:
    sms = post.with_sms()
    await closed(post)
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.came_back(f"k{number}", "whatsapp-1", Obstacle.PERSON, "63024")
    await post.came_back(f"k{number}", "whatsapp-1", Obstacle.PERSON, "63024")
    await post.settle()
    assert sms.texts == ["token"]
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == []


async def test_a_knock_that_did_not_arrive_and_no_sms_is_a_persons_and_the_message_waits(post: Post) -> None:
    await closed(post)
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.came_back(f"k{number}", "whatsapp-1", Obstacle.PERSON, "63024")
    assert await post.cases() == ["message_undelivered"]
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["token"]


async def test_the_report_of_a_knock_before_its_answer_goes_by_sms_once(post: Post) -> None:
    sms = post.with_sms()
    await closed(post)

    async def reported_first() -> Sending:
        await post.came_back(f"k{number}", "knock-1", Obstacle.PROVIDER, "63009")
        return Delivered("knock-1")

    post.whatsapp.at_knocks = [reported_first]
    number = await post.tell("receipt", "token")
    await post.settle()
    assert sms.texts == ["token"]
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == []


async def test_a_knock_that_failed_is_forgotten_when_the_person_has_written(post: Post) -> None:
    sms = post.with_sms()
    await closed(post)
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.hear()
    parcels = await post.claim(post.whatsapp)
    await post.came_back(f"k{number}", "whatsapp-1", Obstacle.PROVIDER, "63009")
    await post.work(post.whatsapp, *parcels)
    await post.settle()
    assert (post.whatsapp.texts, sms.texts) == (["token"], [])


async def test_a_knock_that_arrived_delivers_nothing_by_itself(post: Post) -> None:
    await closed(post)
    number = await post.tell("receipt", "token")
    await post.settle()
    assert await post.arrived(f"k{number}", "whatsapp-1")
    assert (await post.row(number))["done"] == 0
    await post.hear()
    await post.settle()
    assert post.whatsapp.texts == ["token"]

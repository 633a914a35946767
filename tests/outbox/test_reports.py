"""Reports: in every order, twice, before the answer they are about, and of a send that is no longer the last one."""

from __future__ import annotations

import itertools

import pytest

from integrations.contract.channel import Arrival, Arrived, Obstacle, Report, Undelivered
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import Delivered, Sending
from tests.outbox.post import HOUR, MINUTE, Post

SENT, CAME, READ = Arrival.SENT, Arrival.DELIVERED, Arrival.READ


async def sent(post: Post, kind: str = "receipt") -> int:
    """A message that WhatsApp took as `whatsapp-1`."""
    number = await post.tell(kind, "token")
    await post.settle()
    return number


# --- how far it came


@pytest.mark.parametrize("order", list(itertools.permutations([SENT, CAME, READ])))
async def test_how_far_a_message_came_only_grows(post: Post, order: tuple[Arrival, ...]) -> None:
    number = await sent(post)
    furthest = 0
    for how_far in (*order, *order):
        assert await post.arrived(number, "whatsapp-1", how_far)
        furthest = max(furthest, how_far.value)
        assert (await post.row(number))["arrival"] == furthest
    stored = await post.rows("SELECT status FROM message_report ORDER BY id")
    assert [row["status"] for row in stored] == [how_far.name.lower() for how_far in order]


@pytest.mark.parametrize("how_far", [SENT, CAME, READ])
@pytest.mark.parametrize("answer", [Delivered("sm-1"), Unknown("no answer"), NotSent("a strange thing")])
async def test_a_report_before_the_answer_is_the_proof_that_it_was_sent(
    post: Post, how_far: Arrival, answer: Sending
) -> None:
    async def reported_first() -> Sending:
        await post.arrived(number, "sm-1", how_far)
        return answer

    post.whatsapp.outcomes = [reported_first]
    number = await post.tell("receipt", "token")
    await post.pass_(10 * MINUTE, step=30)
    row = await post.row(number)
    assert (row["done"], row["external_id"], row["arrival"]) == (1, "sm-1", how_far.value)
    assert post.whatsapp.texts == ["token"]


@pytest.mark.parametrize("answered_first", [True, False])
async def test_a_question_counts_as_shown_from_the_first_that_proves_it(post: Post, answered_first: bool) -> None:
    await post.hint("conversation", "vamina", asked="buy.meter", shown_at=0)

    async def reported_first() -> Sending:
        if not answered_first:
            await post.arrived(number, "sm-1", CAME)
        post.clock.pass_by(5)
        return Delivered("sm-1")

    post.whatsapp.outcomes = [reported_first]
    number = await post.tell("question", "which meter?", place="buy.meter")
    began = post.now
    await post.settle()
    assert (await post.chat())["shown_at"] == began + (5000 if answered_first else 0)
    post.clock.pass_by(5)
    await post.arrived(number, "sm-1", READ)
    assert (await post.chat())["shown_at"] == began + (5000 if answered_first else 0)


async def test_a_report_of_a_question_that_is_no_longer_asked_stamps_nothing(post: Post) -> None:
    post.whatsapp.outcomes = [Unknown("no answer")]
    number = await post.tell("question", "which meter?", place="buy.meter")
    await post.step(post.whatsapp)
    await post.hint("conversation", "vamina", asked="buy.amount", shown_at=0)
    await post.arrived(number, "sm-1", CAME)
    assert (await post.chat())["shown_at"] == 0


# --- what did not arrive

#: What each obstacle makes of a receipt: how often it is sent again before it goes by SMS.
AGAIN = {
    Obstacle.WINDOW: 3, Obstacle.SLOW_DOWN: 6, Obstacle.PROVIDER: 1, Obstacle.FORM: 1, Obstacle.PERSON: 0,
    Obstacle.OURS: 0,
}  # fmt: skip


@pytest.mark.parametrize("obstacle", list(Obstacle))
async def test_a_receipt_is_sent_as_often_as_that_may_help_and_then_by_sms_once(post: Post, obstacle: Obstacle) -> None:
    sms = post.with_sms()
    number = await sent(post)
    for _ in range(10):
        row = await post.row(number)
        await post.came_back(number, str(row["external_id"]), obstacle)
        await post.hear()
        await post.pass_(2 * HOUR, step=300)
    assert len(post.whatsapp.texts) == 1 + AGAIN[obstacle]
    assert sms.texts == ["token"]
    assert await post.cases() == []
    assert (await post.chat())["reachable"] == int(obstacle is not Obstacle.PERSON)


@pytest.mark.parametrize("obstacle", list(Obstacle))
async def test_what_is_chat_never_goes_by_sms(post: Post, obstacle: Obstacle) -> None:
    sms = post.with_sms()
    for kind in ("say", "question"):
        number = await sent(post, kind)
        for _ in range(10):
            await post.came_back(number, str((await post.row(number))["external_id"]), obstacle)
            await post.hear()
            await post.pass_(2 * HOUR, step=300)
        assert (await post.row(number))["done"] == 1
    assert sms.letters == []
    assert len(post.whatsapp.texts) == 2 + AGAIN[obstacle], "what is only said is not said again"


@pytest.mark.parametrize("late", [SENT, CAME, READ])
async def test_undelivered_after_delivered_is_nothing(post: Post, late: Arrival) -> None:
    sms = post.with_sms()
    number = await sent(post)
    await post.arrived(number, "whatsapp-1", CAME)
    assert await post.came_back(number, "whatsapp-1", Obstacle.PERSON)
    await post.arrived(number, "whatsapp-1", late)
    await post.pass_(HOUR, step=60)
    assert (post.whatsapp.texts, sms.letters) == (["token"], [])
    assert (await post.chat())["reachable"] == 1


async def test_undelivered_after_sent_is_believed(post: Post) -> None:
    sms = post.with_sms()
    number = await sent(post)
    await post.arrived(number, "whatsapp-1", SENT)
    await post.came_back(number, "whatsapp-1", Obstacle.PERSON)
    await post.settle()
    assert sms.texts == ["token"]


@pytest.mark.parametrize("late", [SENT, CAME, READ])
async def test_a_late_report_of_what_came_back_does_not_close_what_was_opened_again(post: Post, late: Arrival) -> None:
    number = await sent(post)
    await post.came_back(number, "whatsapp-1", Obstacle.PROVIDER)
    assert await post.arrived(number, "whatsapp-1", late)
    assert (await post.row(number))["done"] == 0
    await post.pass_(5 * MINUTE)
    assert post.whatsapp.texts == ["token", "token"]


async def test_a_late_failure_of_an_earlier_send_does_not_undo_the_later_one(post: Post) -> None:
    sms = post.with_sms()
    post.whatsapp.outcomes = [Unknown("no answer")]
    number = await post.tell("receipt", "token")
    await post.settle()
    await post.pass_(MINUTE)
    assert (await post.row(number))["external_id"] == "whatsapp-2"
    assert await post.came_back(number, "whatsapp-1", Obstacle.PERSON)
    await post.settle()
    row = await post.row(number)
    assert (row["done"], row["outcome"], row["external_id"]) == (1, "delivered", "whatsapp-2")
    assert sms.letters == []


async def test_a_failure_twice_is_one_failure(post: Post) -> None:
    number = await sent(post)
    for _ in range(3):
        assert await post.came_back(number, "whatsapp-1", Obstacle.SLOW_DOWN)
    assert (await post.row(number))["bounces"] == 1


async def test_a_failure_before_the_answer_is_the_end_of_that_send(post: Post) -> None:
    async def reported_first() -> Sending:
        await post.came_back(number, "sm-1", Obstacle.PROVIDER)
        return Delivered("sm-1")

    post.whatsapp.outcomes = [reported_first]
    number = await post.tell("receipt", "token")
    await post.settle()
    assert (await post.row(number))["done"] == 0, "the answer must not close what the failure opened"
    await post.pass_(5 * MINUTE)
    assert post.whatsapp.texts == ["token", "token"]
    assert (await post.row(number))["external_id"] == "whatsapp-2"


@pytest.mark.parametrize("answer", [Delivered("sm-1"), Unknown("no answer")])
async def test_what_was_given_up_before_the_answer_is_not_called_delivered(post: Post, answer: Sending) -> None:
    sms = post.with_sms()

    async def reported_first() -> Sending:
        await post.came_back(number, "sm-1", Obstacle.PERSON, "63024")
        return answer

    post.whatsapp.outcomes = [reported_first]
    number = await post.tell("receipt", "token")
    await post.pass_(10 * MINUTE, step=30)
    assert (await post.row(number))["outcome"] == "undelivered 63024"
    assert (post.whatsapp.texts, sms.texts) == (["token"], ["token"])


async def test_a_form_that_was_not_shown_is_sent_as_text(post: Post) -> None:
    number = await sent(post)
    await post.came_back(number, "whatsapp-1", Obstacle.FORM, "63021")
    await post.settle()
    assert [letter.message.text_only for letter in post.whatsapp.letters if letter.message] == [False, True]


async def test_each_wait_after_too_many_messages_is_longer(post: Post) -> None:
    number = await sent(post)
    waits = []
    for _ in range(4):
        await post.came_back(number, str((await post.row(number))["external_id"]), Obstacle.SLOW_DOWN)
        waits.append((await post.row(number))["due_at"] - post.now)
        post.clock.pass_by(waits[-1] / 1000)
        await post.settle()
    assert waits == [60_000, 120_000, 240_000, 480_000]


async def test_while_it_waits_to_be_sent_again_what_is_newer_keeps_behind(post: Post) -> None:
    number = await sent(post)
    await post.came_back(number, "whatsapp-1", Obstacle.SLOW_DOWN)
    await post.tell("say", "newer")
    await post.settle()
    assert post.whatsapp.texts == ["token"]
    await post.pass_(2 * MINUTE)
    assert post.whatsapp.texts == ["token", "token", "newer"]


async def test_an_unlisted_code_is_a_persons(post: Post) -> None:
    number = await sent(post)
    await post.report(Undelivered(str(number), "whatsapp-1", Obstacle.PROVIDER, "99999", unlisted=True))
    await post.pass_(5 * MINUTE)
    assert await post.cases() == ["message_unlisted"]
    assert post.whatsapp.texts == ["token", "token"]


# --- what names nothing of ours


@pytest.mark.parametrize(
    "own",
    [
        "", "k", "kk1", "k-1", "-1", "1.0", "1 ", "١", "²", "0x1", "9" * 18, "9" * 19, str(2**63), str(2**63 - 1),
        "9" * 400,
    ],
)  # fmt: skip
@pytest.mark.parametrize("report", [Arrived("", "sm-9", CAME), Undelivered("", "sm-9", Obstacle.PERSON, "63024")])
async def test_a_report_of_nothing_of_ours_is_acknowledged_and_stored_nowhere(
    post: Post, own: str, report: Report
) -> None:
    number = await sent(post)
    before = await post.row(number)
    about = (
        Arrived(own, report.external_id, report.how_far)
        if isinstance(report, Arrived)
        else Undelivered(own, report.external_id, report.obstacle, report.code)
    )
    assert await post.report(about)
    assert await post.row(number) == before
    assert await post.rows("SELECT id FROM message_report") == []


async def test_one_message_of_theirs_is_reported_once_for_each_state_whatever_of_ours_it_names(post: Post) -> None:
    first, second = await sent(post), await post.tell("receipt", "two")
    await post.arrived(first, "sm-1", CAME)
    assert await post.arrived(second, "sm-1", CAME)
    assert len(await post.rows("SELECT id FROM message_report")) == 1

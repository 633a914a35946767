"""What becomes of a message the sandbox's Twilio has taken: reports, the window, pacing, media and faults."""

from __future__ import annotations

from itertools import pairwise

import orjson
import pytest

from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.sandbox.twilio_create import Wanted
from tests.channels.twilio.sandbox_stage import JANE, JANES_ID, OUR_SMS, OURS, REPORTS, SID, Stage, fields
from tests.channels.twilio.test_sandbox_inbound import is_valid

DAY = 24 * 3600
SENT, DELIVERED, READ = ("sent", ""), ("delivered", ""), ("read", "")
TEXT = {"twilio/text": {"body": "Your payment of {{1}} is done, reply to see it."}}
SAMPLES = {"1": "KES 500"}


# --- reports


async def test_a_report_is_signed_and_keeps_the_address_as_it_was_given() -> None:
    stage = await Stage().opened()
    sid = await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.pass_time()
    first, second = stage.bot.requests
    assert first.url == second.url == REPORTS
    assert is_valid(first)
    assert is_valid(second)
    told = fields(first)
    told.pop("SandboxNovelty")
    assert told == {
        "MessageSid": sid,
        "MessageStatus": "sent",
        "SmsSid": sid,
        "SmsStatus": "sent",
        "AccountSid": SID,
        "ApiVersion": "2010-04-01",
        "From": f"whatsapp:{OURS}",
        "To": f"whatsapp:{JANE}",
        "ChannelPrefix": "whatsapp",
        "ChannelInstallSid": "XE" + "0" * 32,
        "ChannelToAddress": "+25471234XXXX",
        "StructuredMessage": "false",
        "EventType": "SENT",
    }
    assert fields(second)["EventType"] == "DELIVERED"


async def test_a_report_of_what_failed_says_why() -> None:
    stage = Stage()
    await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.pass_time()
    told = fields(stage.bot.requests[0])
    assert (told["MessageStatus"], told["ErrorCode"], told["EventType"]) == ("undelivered", "63016", "UNDELIVERED")
    assert told["ErrorMessage"] == told["ChannelStatusMessage"]


async def test_the_ticks_of_a_bubble_and_the_status_of_the_resource_go_along() -> None:
    stage = await Stage(sent_seconds=1, delivered_seconds=1).opened()
    sid = await stage.sent(Body="x", StatusCallback=REPORTS)
    seen = []
    for _ in range(3):
        bubbles = [bubble.ticks for bubble in stage.side.chat(JANE) if bubble.sid == sid]
        seen.append((bubbles, (await stage.message(sid))["status"]))
        await stage.pass_time(1)
    assert seen == [([], "queued"), (["sent"], "sent"), (["delivered"], "delivered")]
    await stage.side.read(JANE)
    await stage.pass_time()
    assert stage.side.chat(JANE)[-1].ticks == "read"
    assert (await stage.message(sid))["date_sent"] == "Mon, 05 Jan 2026 06:00:01 +0000"
    assert stage.bot.reports() == [SENT, DELIVERED, READ]


async def test_reading_reports_each_message_once() -> None:
    stage = await Stage().opened()
    for text in ("a", "b"):
        await stage.sent(Body=text, StatusCallback=REPORTS)
    await stage.pass_time()
    stage.bot.requests.clear()
    for _ in range(2):
        await stage.side.read(JANE)
        await stage.pass_time()
    assert stage.bot.reports() == [READ, READ]


async def test_what_is_read_at_once_is_never_reported_as_delivered() -> None:
    stage = await Stage(delivered_seconds=5).opened()
    await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.pass_time(1)
    await stage.side.read(JANE)
    await stage.pass_time(10)
    assert stage.bot.reports() == [SENT, READ]


async def test_without_an_address_nothing_is_reported() -> None:
    stage = await Stage().opened()
    await stage.sent(Body="x")
    await stage.pass_time(10)
    assert stage.bot.requests == []
    assert stage.texts() == ["hi", "x"]


@pytest.mark.parametrize(("failure", "tries"), [(NotSent("refused"), 2), (Response(500), 1), (Unknown("hung up"), 1)])
async def test_a_report_that_is_not_taken_has_no_fallback(failure: Sent, tries: int) -> None:
    stage = await Stage(fallback_url="https://bili.test/fallback").opened()
    stage.bot.answers = [failure] * tries
    await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.pass_time(10)
    assert [request.url for request in stage.bot.requests] == [REPORTS] * (tries + 1)
    assert [status for status, _ in stage.bot.reports()] == ["sent"] * tries + ["delivered"]
    assert len(stage.side.alerts) == 1


async def test_what_we_answer_to_a_report_is_said_to_nobody() -> None:
    stage = await Stage().opened()
    stage.bot.answers = [Response(200, {"content-type": "text/plain"}, b"OK")]
    await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.pass_time(10)
    assert stage.texts() == ["hi", "x"]


async def test_a_report_can_overtake_the_answer_to_the_create_call() -> None:
    stage = await Stage().opened()
    stage.faults.arm("twilio_report_first")
    response = await stage.create(Body="x", StatusCallback=REPORTS)
    assert stage.bot.reports() == [SENT]
    assert b'"status":"queued"' in response.body
    await stage.pass_time()
    assert stage.bot.reports() == [SENT, DELIVERED]


async def test_reports_can_come_in_the_wrong_order() -> None:
    stage = await Stage().opened()
    stage.faults.arm("twilio_reports_shuffled")
    sid = await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.sent(Body="y", StatusCallback=REPORTS)
    await stage.pass_time()
    await stage.side.read(JANE)
    await stage.pass_time()
    told = [fields(request) for request in stage.bot.requests]
    assert [one["MessageStatus"] for one in told if one["MessageSid"] == sid] == ["delivered", "sent", "read"]
    assert [one["MessageStatus"] for one in told if one["MessageSid"] != sid] == ["sent", "delivered", "read"]


async def test_a_report_can_come_twice_and_the_delivery_can_go_unreported() -> None:
    stage = await Stage().opened()
    stage.faults.arm("twilio_reports_doubled")
    stage.faults.arm("twilio_delivered_unreported")
    sid = await stage.sent(Body="x", StatusCallback=REPORTS)
    await stage.pass_time()
    assert stage.bot.reports() == [SENT, SENT]
    assert (await stage.message(sid))["status"] == "delivered"
    await stage.side.read(JANE)
    await stage.pass_time()
    assert stage.bot.reports() == [SENT, SENT, READ]


# --- the window


async def test_somebody_who_never_wrote_gets_no_free_text() -> None:
    stage = Stage()
    assert await stage.fate(Body="x") == ("undelivered", "63016")
    assert stage.texts() == []
    assert [bubble.ticks for bubble in stage.side.chat(JANE)] == ["failed"]


async def test_the_window_is_open_for_a_day_from_the_last_word_of_the_person() -> None:
    stage = await Stage().opened()
    await stage.pass_time(DAY - 3)
    assert await stage.fate(Body="just in time") == DELIVERED
    await stage.pass_time(10)
    assert await stage.fate(Body="too late") == ("undelivered", "63016")
    await stage.side.say(JANE, "again")
    assert await stage.fate(Body="welcome back") == DELIVERED


async def test_the_status_of_what_whatsapp_did_not_take_can_be_failed() -> None:
    assert await Stage(lost_status="failed").fate(Body="x") == ("failed", "63016")


async def test_an_approved_template_passes_a_shut_window_and_its_bubble_says_so() -> None:
    stage = Stage()
    sid = await stage.content(TEXT, SAMPLES)
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "KES 20"}') == ("undelivered", "63016")
    await stage.approve(sid)
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "KES 20"}') == DELIVERED
    bubble = stage.side.chat(JANE)[-1]
    assert (bubble.text, bubble.template) == ("Your payment of KES 20 is done, reply to see it.", True)


async def test_a_template_that_is_being_looked_at_does_not_pass_yet() -> None:
    stage = Stage(approval_seconds=600)
    sid = await stage.content(TEXT, SAMPLES)
    await stage.approve(sid)
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "20"}') == ("undelivered", "63016")
    await stage.pass_time(600)
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "20"}') == DELIVERED


async def test_a_paused_template_does_not_pass() -> None:
    stage = Stage()
    sid = await stage.content(TEXT, SAMPLES)
    await stage.approve(sid)
    stage.side.contents.pause(sid)
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "20"}') == ("undelivered", "63041")


@pytest.mark.parametrize("value", ["two\nlines", "a\ttab", "four    spaces"])
async def test_a_value_of_a_template_has_no_breaks_and_no_gaps(value: str) -> None:
    stage = await Stage().opened()
    sid = await stage.content(TEXT, SAMPLES)
    text = orjson.dumps({"1": value}).decode()
    assert await stage.fate(ContentSid=sid, ContentVariables=text) == DELIVERED
    await stage.approve(sid)
    assert await stage.fate(ContentSid=sid, ContentVariables=text) == ("undelivered", "63021")


# --- who cannot be reached


async def test_a_number_without_whatsapp_and_a_stranger_s_id_are_invalid_recipients() -> None:
    stage = await Stage().opened()
    for to in ("whatsapp:+254700000000", "whatsapp:KE.9"):
        assert await stage.fate(To=to, Body="x") == ("undelivered", "63024")


async def test_who_blocked_us_gets_nothing_until_they_write() -> None:
    stage = await Stage().opened()
    await stage.side.block(JANE)
    assert await stage.fate(Body="x") == ("undelivered", "63014")
    await stage.side.say(JANE, "sorry")
    assert await stage.fate(To=f"whatsapp:{JANES_ID}", Body="y") == DELIVERED
    await stage.side.block(JANE)
    await stage.side.unblock(JANE)
    assert await stage.fate(Body="z") == DELIVERED
    assert stage.texts() == ["hi", "sorry", "y", "z"]


# --- pacing


async def test_more_than_a_burst_to_one_person_is_too_fast_and_each_six_seconds_one_more_goes() -> None:
    stage = await Stage(pair_burst=3).opened()

    async def fates(count: int) -> str:
        stage.bot.requests.clear()
        for number in range(count):
            await stage.sent(Body=str(number), StatusCallback=REPORTS)
        await stage.pass_time()
        return " ".join(code or status for status, code in stage.bot.reports() if status != "sent")

    assert await fates(4) == "63018 delivered delivered delivered"
    await stage.pass_time(5)
    assert await fates(1) == "63018"
    await stage.pass_time(1)
    assert await fates(2) == "63018 delivered"
    await stage.pass_time(3600)
    assert await fates(4) == "63018 delivered delivered delivered"


async def test_one_person_s_burst_is_not_another_s() -> None:
    stage = await Stage(pair_burst=1).opened()
    stage.side.add_user("+254798765432", "Otieno")
    await stage.side.say("+254798765432", "hi")
    assert await stage.fate(Body="x") == DELIVERED
    assert await stage.fate(To="whatsapp:+254798765432", Body="x") == DELIVERED
    assert await stage.fate(Body="y") == ("undelivered", "63018")


async def test_a_sender_sends_so_many_in_a_second_and_the_others_wait_in_order() -> None:
    stage = await Stage(per_second=2, pair_burst=99).opened()
    for number in range(5):
        await stage.sent(Body=str(number))
    await stage.sent(To="+254700000000", From=OUR_SMS, Body="another sender")
    seen = []
    for _ in range(3):
        await stage.pass_time()
        seen.append(stage.texts()[1:])
        await stage.pass_time(1)
    assert seen == [["0", "1"], ["0", "1", "2", "3"], ["0", "1", "2", "3", "4"]]
    assert stage.side.sms("+254700000000") == ["another sender"]


async def test_a_message_that_waits_longer_than_it_is_valid_fails() -> None:
    stage = await Stage(per_second=1, pair_burst=99).opened()
    for _ in range(3):
        await stage.sent(Body="first")
    await stage.sent(Body="just in time", ValidityPeriod="3")
    await stage.sent(Body="prompt", ValidityPeriod="3", StatusCallback=REPORTS)
    await stage.pass_time(10)
    assert stage.bot.reports() == [("failed", "30036")]
    assert stage.texts() == ["hi", "first", "first", "first", "just in time"]


async def test_a_backlog_of_four_hours_is_the_longest() -> None:
    stage = Stage(per_second=1)
    for _ in range(4 * 3600 + 1):
        await stage.side._deliveries.take(Wanted(f"whatsapp:{JANE}", f"whatsapp:{OURS}", "x"))
    assert await stage.refused(Body="x") == (400, 21611)


# --- media

PICTURE = "https://bili.test/receipt.png"


def file(kind: str, size: int = 10, status: int = 200) -> Response:
    return Response(status, {"content-type": kind} if kind else {}, b"x" * size)


async def test_a_picture_is_fetched_and_shown_with_its_caption() -> None:
    stage = await Stage().opened()
    stage.files[PICTURE] = file("image/png")
    sid = await stage.sent(MediaUrl=PICTURE, Body="Your receipt")
    await stage.pass_time()
    bubble = stage.side.chat(JANE)[-1]
    assert (bubble.text, bubble.media) == ("Your receipt", (PICTURE,))
    assert sid.startswith("MM")
    assert (await stage.message(sid))["num_media"] == "1"


@pytest.mark.parametrize(
    "found",
    [
        NotSent("nobody there"),
        Unknown("hung up"),
        file("image/png", status=404),
        file("text/html"),
        file(""),
        file("image/png", 0),
        file("image/png", 5 * 1024 * 1024 + 1),
        file("application/pdf", 16 * 1024 * 1024 + 1),
    ],
)
async def test_media_that_cannot_be_had_or_shown_are_63019(found: Sent) -> None:
    stage = await Stage().opened()
    stage.files[PICTURE] = found
    assert await stage.fate(MediaUrl=PICTURE) == ("undelivered", "63019")
    assert stage.texts() == ["hi"]


# --- faults


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("twilio_undelivered_window", "63016"),
        ("twilio_undelivered_person", "63024"),
        ("twilio_undelivered_slow", "63018"),
        ("twilio_undelivered_provider", "63009"),
    ],
)
async def test_each_fault_loses_the_next_message_and_no_sms(fault: str, code: str) -> None:
    stage = await Stage().opened()
    stage.faults.arm(fault)
    assert await stage.fate(To=JANE, From=OUR_SMS, Body="sms") == DELIVERED
    assert await stage.fate(Body="lost") == ("undelivered", code)
    assert await stage.fate(Body="next") == DELIVERED
    assert stage.texts() == ["hi", "next"]


async def test_the_fault_of_forms_leaves_plain_text_alone() -> None:
    stage = await Stage().opened()
    sid = await stage.content(TEXT, SAMPLES)
    stage.faults.arm("twilio_undelivered_form", -1)
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "20"}') == ("undelivered", "63021")
    assert await stage.fate(Body="plain") == DELIVERED


async def test_the_fault_of_the_window_leaves_templates_alone() -> None:
    stage = await Stage().opened()
    sid = await stage.content(TEXT, SAMPLES)
    await stage.approve(sid)
    stage.faults.arm("twilio_undelivered_window", -1)
    assert await stage.fate(Body="free") == ("undelivered", "63016")
    assert await stage.fate(ContentSid=sid, ContentVariables='{"1": "20"}') == DELIVERED


async def test_idempotency_tokens_differ_between_reports() -> None:
    stage = await Stage().opened()
    await stage.fate(Body="x")
    tokens = [request.headers["i-twilio-idempotency-token"] for request in stage.bot.requests]
    assert all(one != other for one, other in pairwise(tokens))
    assert all(len(token) == 36 for token in tokens)

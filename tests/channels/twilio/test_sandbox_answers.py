"""How the sandbox's Twilio takes what our webhook answers: retries, the fallback, loss, and words in the answer."""

from __future__ import annotations

import pytest

from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from tests.channels.twilio.sandbox_stage import FALLBACK, HOOK, JANE, Stage, fields
from tests.channels.twilio.test_sandbox_inbound import is_valid

# --- retries and loss


def tokens(stage: Stage) -> list[str]:
    return [request.headers["i-twilio-idempotency-token"] for request in stage.bot.requests]


async def test_a_connection_that_failed_is_tried_once_more_with_the_same_token() -> None:
    stage = Stage()
    stage.bot.answers = [NotSent("refused")]
    await stage.side.say(JANE, "one")
    await stage.side.say(JANE, "two")
    await stage.pass_time()
    assert [got["Body"] for got in stage.bot.hooks()] == ["one", "one", "two"]
    first, again, other = tokens(stage)
    assert first == again != other
    assert stage.side.alerts == []


FAILURES: list[tuple[Sent, int, str]] = [
    (Response(500), 1, "11200"),
    (Response(403), 1, "11200"),
    (Response(302, {"location": FALLBACK}), 1, "11200"),
    (Unknown("hung up"), 1, "11200"),
    (NotSent("refused"), 2, "11205"),
]


@pytest.mark.parametrize(("failure", "tries", "code"), FAILURES)
async def test_what_is_not_taken_goes_to_the_fallback(failure: Sent, tries: int, code: str) -> None:
    stage = Stage(fallback_url=FALLBACK)
    stage.bot.answers = [failure] * tries
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert [request.url for request in stage.bot.requests] == [HOOK] * tries + [FALLBACK]
    last = fields(stage.bot.requests[-1])
    assert (last["Body"], last["ErrorCode"], last["ErrorUrl"]) == ("hello", code, HOOK)
    assert is_valid(stage.bot.requests[-1])
    assert len(set(tokens(stage))) == 1
    assert [alert.split()[0] for alert in stage.side.alerts] == [code]


@pytest.mark.parametrize(("failure", "tries", "code"), FAILURES)
async def test_without_a_fallback_it_is_lost_and_only_the_list_has_it(failure: Sent, tries: int, code: str) -> None:
    stage = Stage()
    stage.bot.answers = [failure] * tries
    await stage.side.say(JANE, "hello")
    await stage.pass_time(24 * 3600)
    assert len(stage.bot.requests) == tries
    assert [alert.partition(":")[0] for alert in stage.side.alerts] == [code]
    (message,) = (await stage.listed())["messages"]
    assert (message["direction"], message["status"], message["body"]) == ("inbound", "received", "hello")


async def test_a_fallback_that_fails_too_is_the_end() -> None:
    stage = Stage(fallback_url=FALLBACK)
    stage.bot.answers = [Response(500), NotSent("refused"), NotSent("refused")]
    await stage.side.say(JANE, "hello")
    await stage.pass_time(3600)
    assert [alert.split()[0] for alert in stage.side.alerts] == ["11200", "11205:"]
    assert len(stage.bot.requests) == 3


async def test_without_a_webhook_nothing_is_posted_until_there_is_one() -> None:
    stage = Stage(webhook_url="")
    await stage.side.say(JANE, "early")
    await stage.pass_time()
    stage.side.webhook_url = HOOK
    await stage.side.say(JANE, "late")
    await stage.pass_time()
    assert [got["Body"] for got in stage.bot.hooks()] == ["late"]
    assert stage.side.webhook_url == HOOK
    assert len((await stage.listed())["messages"]) == 2


async def test_a_webhook_can_come_twice_with_the_same_sid_and_can_get_lost() -> None:
    stage = Stage()
    stage.faults.arm("twilio_double_delivery")
    await stage.side.say(JANE, "one")
    await stage.pass_time()
    stage.faults.arm("twilio_lost_webhook")
    await stage.side.say(JANE, "two")
    await stage.pass_time()
    first, again = stage.bot.hooks()
    assert first == again
    assert [message["body"] for message in (await stage.listed())["messages"]] == ["two", "one"]


# --- what we answer


def answer(body: str, kind: str = "text/xml") -> Response:
    return Response(200, {"content-type": kind} if kind else {}, body.encode())


async def answered(response: Response, **changes: object) -> Stage:
    stage = Stage(**changes)
    stage.bot.answers = [response]
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    return stage


@pytest.mark.parametrize(
    "response",
    [
        answer('<?xml version="1.0" encoding="UTF-8"?><Response />'),
        answer("<Response></Response>", "application/xml; charset=utf-8"),
        Response(204),
        answer("", ""),
    ],
)
async def test_an_empty_answer_says_nothing(response: Response) -> None:
    stage = await answered(response)
    assert stage.texts() == ["hello"]
    assert stage.side.alerts == []


async def test_a_plain_text_is_sent_to_the_customer_as_it_stands() -> None:
    stage = await answered(answer("OK", "text/plain; charset=utf-8"))
    assert stage.texts() == ["hello", "OK"]
    assert (await stage.listed())["messages"][0]["direction"] == "outbound-reply"


async def test_twiml_messages_are_sent_with_their_reports() -> None:
    twiml = (
        '<Response><Message action="https://bili.test/status">Plain &amp; simple</Message>'
        "<Message><Body>Second</Body></Message></Response>"
    )
    stage = await answered(answer(twiml))
    assert stage.texts() == ["hello", "Plain & simple", "Second"]
    assert stage.bot.reports() == [("sent", ""), ("delivered", "")]


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (answer("{}", "application/json"), "12300"),
        (answer("OK", ""), "12300"),
        (answer("<Response>"), "12100"),
        (answer("<html><body>fine</body></html>", "text/html"), "12200"),
        (answer("<Response><Redirect>/x</Redirect></Response>"), "12200"),
        (answer("<Response><Message>" + "x" * 1601 + "</Message></Response>"), "21617"),
        (answer("<Response><Message/></Response>"), "21619"),
    ],
)
async def test_an_answer_twilio_cannot_use_is_only_in_its_debugger(response: Response, code: str) -> None:
    stage = await answered(response)
    assert stage.texts() == ["hello"]
    assert [alert.split()[0] for alert in stage.side.alerts] == [code]
    assert len(stage.bot.requests) == 1


async def test_an_answer_names_no_file_of_this_machine() -> None:
    twiml = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><Response><Message>a&x;b</Message></Response>'
    stage = await answered(answer(twiml))
    assert stage.texts() == ["hello", "a"]


async def test_twiml_can_send_a_picture() -> None:
    stage = Stage()
    stage.files["https://bili.test/r.png"] = Response(200, {"content-type": "image/png"}, b"x")
    stage.bot.answers = [answer("<Response><Message><Media> https://bili.test/r.png </Media></Message></Response>")]
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert stage.side.chat(JANE)[-1].media == ("https://bili.test/r.png",)
    assert stage.side.alerts == []


async def test_twiml_can_send_to_another_phone() -> None:
    stage = await answered(answer('<Response><Message to="+254799999999">Your token</Message></Response>'))
    assert stage.texts() == ["hello"]
    assert stage.side.sms("+254799999999") == ["Your token"]


async def test_after_a_double_delivery_what_we_answer_is_said_twice() -> None:
    stage = Stage()
    stage.faults.arm("twilio_double_delivery")
    stage.bot.answers = [answer("<Response><Message>once</Message></Response>")] * 2
    await stage.side.say(JANE, "hello")
    await stage.pass_time()
    assert stage.texts() == ["hello", "once", "once"]

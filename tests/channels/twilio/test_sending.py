"""What leaves: one form per message over our own Send, with our deadline, and never twice."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace

import orjson
import pytest

from integrations.channels.twilio.adapter import Sms, WhatsApp
from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.wire.parts import LIMITS, WINDOW_SECONDS
from integrations.channels.twilio.wire.text import TEXT_MAX
from integrations.contract.channel import Waybill
from integrations.contract.exchange import NotSent, Unknown
from integrations.contract.message import (
    Button,
    ChoiceWords,
    Delivered,
    Gone,
    Malformed,
    Message,
    Sending,
    Span,
    Style,
    Throttled,
)
from tests.channels.twilio.stage import (
    ACCOUNT,
    API,
    CONFIG,
    HIDDEN,
    OURS,
    PHONE,
    PUBLIC,
    SOON,
    TOKEN,
    Answer,
    FakeClock,
    Script,
    answer,
    hello,
    sent_as,
)

SWAHILI = ChoiceWords(open_list="Chagua", by_number="Jibu kwa namba:")


def whatsapp(*answers: Answer, config: TwilioConfig = CONFIG) -> tuple[WhatsApp, Script]:
    script = Script(*answers)
    return WhatsApp(config, script, FakeClock()), script


def sms(*answers: Answer, config: TwilioConfig = CONFIG) -> tuple[Sms, Script]:
    script = Script(*answers)
    return Sms(config, script, FakeClock()), script


async def bodies(message: Message) -> list[str]:
    channel, script = whatsapp(*[answer("created_text.json")] * 9)
    assert isinstance(await channel.send(PHONE, message, SOON), Delivered)
    return [script.form(number)["Body"] for number in range(len(script.requests))]


# --- the request


async def test_a_message_is_one_form_with_our_credentials_at_our_address_of_the_api() -> None:
    channel, script = whatsapp(answer("created_text.json"))
    sent = await channel.send(PHONE, hello("Token & more"), SOON, Waybill(own="o/7 7"))
    assert sent == Delivered(f"SM{0xE01:032x}")
    (request,) = script.requests
    assert (request.method, request.url) == ("POST", f"{API}/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    scheme, _, credentials = request.headers["authorization"].partition(" ")
    assert (scheme, b64decode(credentials).decode()) == ("Basic", f"{ACCOUNT}:{TOKEN}")
    assert script.form() == {
        "To": f"whatsapp:{PHONE}",
        "From": OURS,
        "Body": "Token & more",
        "StatusCallback": f"{PUBLIC}/webhooks/twilio/status?m=o%2F7+7",
    }
    assert script.deadlines == [SOON]
    assert all(name == name.lower() for name in request.headers)


async def test_somebody_without_a_number_is_written_to_by_id() -> None:
    channel, script = whatsapp(answer("created_text.json"))
    await channel.send(HIDDEN, hello(), SOON)
    assert script.form()["To"] == f"whatsapp:{HIDDEN}"


async def test_without_an_id_of_ours_nothing_is_to_be_reported() -> None:
    channel, script = whatsapp(answer("created_text.json"))
    await channel.send(PHONE, hello(), SOON)
    assert "StatusCallback" not in script.form()


@pytest.mark.parametrize("api_url", ["http://127.0.0.1:8900", "https://twilio.test/behind/a/prefix"])
async def test_any_address_can_stand_in_for_twilio(api_url: str) -> None:
    channel, script = whatsapp(answer("created_text.json"), config=replace(CONFIG, api_url=api_url))
    await channel.send(PHONE, hello(), SOON)
    assert script.requests[0].url == f"{api_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


async def test_the_environment_says_nothing_to_twilios_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT_SID", "AUTH_TOKEN", "EDGE", "REGION"):
        monkeypatch.setitem(os.environ, f"TWILIO_{name}", "sydney")
    channel, script = whatsapp(answer("created_text.json"))
    await channel.send(PHONE, hello(), SOON)
    assert script.requests[0].url.startswith(f"{API}/2010-04-01/Accounts/{ACCOUNT}/")
    assert b64decode(script.requests[0].headers["authorization"].split()[1]).decode() == f"{ACCOUNT}:{TOKEN}"


@pytest.mark.parametrize("outcome", [NotSent("refused"), Unknown("timeout")])
async def test_what_the_transport_says_is_passed_on_and_nothing_is_repeated(outcome: NotSent | Unknown) -> None:
    for message in (hello(), hello("Pay?", ("a", "Yes"))):
        channel, script = whatsapp(outcome)
        assert await channel.send(PHONE, message, SOON) == outcome
        assert len(script.requests) == 1


async def test_nothing_of_a_message_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    channel, _ = whatsapp(answer("created_text.json"), answer("error_21211.json"))
    with caplog.at_level(logging.DEBUG):
        await channel.send(PHONE, hello("1234 5678"), SOON)
        await channel.send(PHONE, hello("1234 5678"), SOON)
    assert caplog.text == ""


def test_twilios_library_is_not_loaded_before_something_is_sent() -> None:
    told = "import sys, integrations.channels.twilio.adapter; print('twilio.rest' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "False"


async def test_each_call_has_its_own_deadline_also_side_by_side() -> None:
    import asyncio

    channel, script = whatsapp(*[answer("created_text.json")] * 4)
    await asyncio.gather(*(channel.send(PHONE, hello(str(number)), SOON + number) for number in range(4)))
    assert sorted(script.deadlines) == [SOON + number for number in range(4)]
    asked = {script.form(number)["Body"]: script.deadlines[number] for number in range(4)}
    assert asked == {str(number): SOON + number for number in range(4)}


async def test_a_progress_message_is_dropped_when_it_cannot_leave_in_time() -> None:
    channel, script = whatsapp(*[answer("created_text.json")] * 2)
    await channel.send(PHONE, replace(hello(), progress=True), SOON)
    await channel.send(PHONE, hello(), SOON)
    assert script.form(0)["ValidityPeriod"] == "600"
    assert "ValidityPeriod" not in script.form(1)


async def test_what_whatsapp_cannot_do_is_left_out() -> None:
    channel, script = whatsapp(answer("created_text.json"))
    message = Message((Span("Which phone?"),), share_phone="Share", edits="SM1")
    assert isinstance(await channel.send(PHONE, message, SOON), Delivered)
    assert script.form()["Body"] == "Which phone?"


async def test_working_asks_nothing_of_twilio() -> None:
    for channel, script in (whatsapp(), sms()):
        await channel.working(PHONE, SOON)
        assert script.requests == []


def test_the_limits_are_those_of_the_documents() -> None:
    channel, _ = whatsapp(config=replace(CONFIG, per_second=7))
    assert channel.limits == replace(LIMITS, per_second=7)
    assert (LIMITS.text_length_max, LIMITS.buttons_max, LIMITS.button_label_length_max) == (1600, 10, 24)
    assert not LIMITS.can_edit
    assert not LIMITS.can_share_phone
    assert LIMITS.numbers_choices
    assert WINDOW_SECONDS == 24 * 3600 - 300
    assert (LIMITS.recipient_seconds, LIMITS.recipient_burst) == (6.0, 10)
    assert channel.timeout_seconds == CONFIG.timeout_seconds


# --- the text


async def test_styles_are_whatsapps_marks() -> None:
    message = Message((Span("Token "), Span("1234 5678", Style.CODE), Span(" for "), Span("*Mama*", Style.BOLD)))
    assert await bodies(message) == ["Token ```1234 5678``` for *∗Mama∗*"]


async def test_choices_are_numbered_lines_in_the_readers_language() -> None:
    message = replace(hello("Lipa?", ("y", "Ndiyo"), ("n", "Hapana _x_")), choice_words=SWAHILI)
    assert await bodies(message) == ["Lipa?\n\nJibu kwa namba:\n1. Ndiyo\n2. Hapana ˍxˍ"]


@pytest.mark.parametrize("count", [1, 3, 10, 11, 40])
async def test_any_number_of_choices_can_be_numbered(count: int) -> None:
    message = hello("Which?", *((f"d{number}", f"Meter {number}") for number in range(count)))
    (body,) = await bodies(message)
    assert body.splitlines()[3:] == [f"{number + 1}. Meter {number}" for number in range(count)]


async def test_a_long_text_goes_in_parts_in_order_with_the_choices_on_the_last() -> None:
    lines = [f"line {number:03d} " + "x" * 90 for number in range(40)]
    message = hello("\n".join(lines), ("y", "Yes"), ("n", "No"))
    parts = await bodies(message)
    assert len(parts) == 3
    assert all(len(part) <= TEXT_MAX for part in parts)
    assert "\n".join(parts).startswith("\n".join(lines))
    assert parts[-1].endswith("Answer with a number:\n1. Yes\n2. No")
    assert "1. Yes" not in "".join(parts[:-1])


async def test_choices_that_do_not_fit_on_the_last_part_are_a_part_of_their_own() -> None:
    parts = await bodies(hello("x" * (TEXT_MAX - 5), ("y", "Yes")))
    assert parts == ["x" * (TEXT_MAX - 5), "Answer with a number:\n1. Yes"]


async def test_the_last_part_is_what_a_message_is_known_by() -> None:
    channel, script = whatsapp(sent_as("SM1"), sent_as("SM2"))
    assert await channel.send(PHONE, hello("x" * 1000 + "\n" + "y" * 1000), SOON, Waybill("o1")) == Delivered("SM2")
    assert [script.form(number)["StatusCallback"].endswith("?m=o1") for number in (0, 1)] == [True, True]


@pytest.mark.parametrize(
    "failure",
    [
        NotSent("the deadline had passed"),
        Unknown("timeout"),
        answer("error_20429.json"),
        answer("error_63021.json"),
        answer("error_21610.json"),
        answer("error_500.json"),
    ],
)
async def test_once_a_part_is_out_the_end_of_the_others_is_unknown(failure: Answer) -> None:
    channel, script = whatsapp(sent_as("SM1"), failure)
    outcome = await channel.send(PHONE, hello("x" * 1000 + "\n" + "y" * 1000), SOON)
    assert isinstance(outcome, Unknown)
    assert outcome.cause.startswith("part 2 of 2")
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (NotSent("refused"), NotSent("refused")),
        (answer("error_20429.json"), Throttled(5.0)),
        (answer("error_21610.json"), Gone("21610 recipient has unsubscribed")),
    ],
)
async def test_when_the_first_part_does_not_leave_the_others_are_not_tried(failure: Answer, outcome: Sending) -> None:
    channel, script = whatsapp(failure)
    assert await channel.send(PHONE, hello("x" * 1000 + "\n" + "y" * 1000), SOON) == outcome
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "message",
    [
        hello(" \n "),
        hello(""),
        hello("Pay?", ("y", " ")),
        hello("Pay?", ("", "Yes")),
        hello("Pay?", ("x" * 65, "Yes")),
        Message((), (Button("y", "Yes"),)),
    ],
)
async def test_what_cannot_be_sent_in_any_form_is_not_tried(message: Message) -> None:
    channel, script = whatsapp()
    assert isinstance(await channel.send(PHONE, message, SOON), Malformed)
    assert script.requests == []


# --- text messages


async def test_a_text_message_is_plain() -> None:
    channel, script = sms(answer("created_text.json"))
    message = Message((Span("Token "), Span("1234 5678 *", Style.CODE)), (Button("y", "Yes"),))
    assert isinstance(await channel.send(PHONE, message, SOON, Waybill("o9")), Delivered)
    assert script.form() == {
        "To": PHONE,
        "From": "+254700000100",
        "Body": "Token 1234 5678 *",
        "StatusCallback": f"{PUBLIC}/webhooks/twilio/status?m=o9",
    }


async def test_a_messaging_service_sends_where_there_is_no_sender() -> None:
    service = "MG" + "0" * 32
    config = replace(CONFIG, sms_from="", messaging_service_sid=service)
    channel, script = sms(answer("created_by_a_service.json"), config=config)
    assert await channel.send(PHONE, hello(), SOON) == Delivered(f"SM{0xE03:032x}")
    assert script.form() == {"To": PHONE, "MessagingServiceSid": service, "Body": "Hello"}


def test_text_messages_need_somebody_to_come_from() -> None:
    with pytest.raises(ValueError, match=r"^sms_from"):
        sms(config=replace(CONFIG, sms_from=""))


@pytest.mark.parametrize("address", [HIDDEN, "", "0712000555", "whatsapp:+254712000555", "+25471200055x"])
async def test_who_has_no_number_gets_no_text_message(address: str) -> None:
    channel, script = sms()
    assert await channel.send(address, hello(), SOON) == Gone("not a phone number")
    assert script.requests == []


async def test_a_long_text_message_goes_in_parts_and_loses_nothing() -> None:
    channel, script = sms(*[answer("created_text.json")] * 5)
    await channel.send(PHONE, hello("y" * 3000), SOON)
    sent = [script.form(number)["Body"] for number in range(len(script.requests))]
    assert all(len(body) <= TEXT_MAX for body in sent)
    assert "".join(sent).replace("\n", "") == "y" * 3000


async def test_an_empty_text_message_is_not_sent() -> None:
    channel, script = sms()
    assert await channel.send(PHONE, hello(" \n"), SOON) == Malformed("the text is empty")
    assert script.requests == []


def test_a_status_of_the_wire_files_is_that_of_their_body() -> None:
    assert answer("error_20003.json").status == 401
    assert answer("error_502.html").status == 502
    assert orjson.loads(answer("created_text.json").body)["status"] == "queued"
    assert answer("created_text.json").status == 201

"""Twilio's codes: each has its fixtures, one as a refused request and one as a report of failure."""

from __future__ import annotations

import pytest

from integrations.channels.twilio.adapter import WhatsApp
from integrations.channels.twilio.wire.codes import (
    CODES,
    DAILY_SECONDS,
    THROTTLED_SECONDS,
    Refused,
    is_about_form,
    obstacle_of,
    sending_of,
)
from integrations.contract.channel import Arrival, Arrived, Obstacle, Undelivered
from integrations.contract.exchange import NotSent, Response, Unknown
from integrations.contract.message import Gone, Ignored, Malformed, Rejected, Sending, Throttled
from tests.channels.twilio.stage import (
    CONFIG,
    FIXTURES,
    PHONE,
    REPORTS,
    SOON,
    TOKEN,
    FakeClock,
    Script,
    answer,
    fixture,
    hello,
    signed,
)

OWN = f"{REPORTS}?m=o77"

BAD_TOKEN = Malformed("token")
GONE = {21211, 21608, 21610, 21612, 21614, 30003, 30004, 30005, 30006, 63003, 63014, 63015, 63024, 63032, 63033, 63049}
OURS_TO_MEND = {10001, 20003, 20005, 20404, 21606, 63001, 63002, 63007, 63008, 63020}
SLOW = {20429: THROTTLED_SECONDS, 63017: THROTTLED_SECONDS, 63018: THROTTLED_SECONDS, 63038: DAILY_SECONDS}
UNCLEAR = {30008, 63009, 63010, 63012}
FORM = {21655, 21656, 63005, 63006, 63021}


def whatsapp(*answers: Response | Unknown | NotSent) -> tuple[WhatsApp, Script]:
    script = Script(*answers)
    return WhatsApp(CONFIG, script, FakeClock()), script


async def refused_with(name: str, **headers: str) -> tuple[Sending, int]:
    channel, script = whatsapp(answer(name, **headers))
    return await channel.send(PHONE, hello(), SOON), len(script.requests)


# --- as an answer to a send


@pytest.mark.parametrize("code", sorted(CODES))
async def test_each_code_as_a_refusal_is_what_the_table_says_and_nothing_is_repeated(code: int) -> None:
    outcome, calls = await refused_with(f"error_{code}.json")
    assert calls == 1
    if code in OURS_TO_MEND:
        assert outcome == BAD_TOKEN
    elif code in SLOW:
        assert outcome == Throttled(SLOW[code])
    elif code in UNCLEAR:
        assert isinstance(outcome, Unknown)
    else:
        assert type(outcome) is (Gone if code in GONE else Malformed)
        assert isinstance(outcome, Gone | Malformed)
        assert outcome.reason.startswith(f"{code} ")
        # Twilio quotes the number written to; a reason is logged and kept.
        assert "254712000555" not in outcome.reason


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("error_unlisted.json", Malformed("21999 unlisted")),
        ("error_401.html", BAD_TOKEN),
        ("error_429.html", Throttled(THROTTLED_SECONDS)),
        ("error_500.json", Unknown("status 500, code 20500")),
        ("error_503.json", Unknown("status 503, code 20503")),
        ("error_502.html", Unknown("status 502 without an answer of Twilio's API")),
        ("error_no_code_403.json", Unknown("status 403, code 0")),
    ],
)
async def test_what_the_table_does_not_list(name: str, outcome: Sending) -> None:
    assert await refused_with(name) == (outcome, 1)


async def test_a_refusal_without_a_code_of_twilios_is_looked_at_by_a_person() -> None:
    outcome, _ = await refused_with("error_no_code_403.json")
    assert isinstance(outcome, Unknown)
    assert outcome.unlisted
    outcome, _ = await refused_with("error_500.json")
    assert isinstance(outcome, Unknown)
    assert not outcome.unlisted


@pytest.mark.parametrize(("told", "seconds"), [("17", 17.0), ("", 5.0), ("soon", 5.0), ("0", 5.0), ("-1", 5.0)])
async def test_a_429_is_waited_out_as_long_as_it_says(told: str, seconds: float) -> None:
    outcome, _ = await refused_with("error_20429.json", **{"retry-after": told})
    assert outcome == Throttled(seconds)


@pytest.mark.parametrize("status", [300, 302, 500, 502, 599])
def test_only_a_status_of_refusal_is_a_proof(status: int) -> None:
    for code in CODES:
        assert isinstance(sending_of(Refused(status, code)), Unknown)
        assert not is_about_form(Refused(status, code))


def test_only_what_is_about_the_form_is_tried_in_another() -> None:
    assert {code for code in CODES if is_about_form(Refused(400, code))} == FORM
    assert not is_about_form(Refused(400, 21999))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"x"',
        b'{"sid": 7}',
        b'{"sid": ""}',
        b'{"sid": null}',
        b'{"sid": "SM1", "date_created": 5}',
        b'{"sid": "SM1", "date_sent": ["x"]}',
        b"\xff\xfe",
        b"<html>",
        b'{"code": 21211}',
    ],
)
async def test_a_success_that_cannot_be_read_is_unknown(body: bytes) -> None:
    channel, script = whatsapp(Response(201, {}, body))
    assert isinstance(await channel.send(PHONE, hello(), SOON), Unknown)
    assert len(script.requests) == 1


@pytest.mark.parametrize("status", [200, 204, 301, 400, 404, 418, 500])
@pytest.mark.parametrize("body", [b"", b"{}", b'{"code": "21211"}', b'{"code": 404}', b"[1]", b'{"message": 1}'])
async def test_whatever_else_is_answered_is_no_proof(status: int, body: bytes) -> None:
    channel, _ = whatsapp(Response(status, {}, body))
    assert isinstance(await channel.send(PHONE, hello(), SOON), Unknown)


async def test_an_error_in_the_newer_form_is_read_by_its_code() -> None:
    body = b'{"type": "x", "title": "t", "status": 400, "code": 21211, "detail": "d"}'
    channel, _ = whatsapp(Response(400, {}, body))
    assert await channel.send(PHONE, hello(), SOON) == Gone("21211 recipient is not a number")


# --- as a report

OBSTACLES = {
    Obstacle.WINDOW: {63016},
    Obstacle.SLOW_DOWN: {20429, 63017, 63018, 63038},
    Obstacle.PROVIDER: UNCLEAR,
    Obstacle.PERSON: GONE | {63031},
    Obstacle.FORM: FORM | {21602, 21617, 21619, 21620, 21623, 63019, 63034, 63037},
}


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_as_a_report_is_its_obstacle(code: int) -> None:
    expected = next((obstacle for obstacle, codes in OBSTACLES.items() if code in codes), Obstacle.OURS)
    report = whatsapp()[0].report(signed(fixture(f"report_{code}.form"), OWN))
    assert report == Undelivered("o77", f"MM{0xD00:032x}", expected, str(code))


@pytest.mark.parametrize(
    ("name", "how_far"), [("sent", Arrival.SENT), ("delivered", Arrival.DELIVERED), ("read", Arrival.READ)]
)
def test_a_report_says_how_far_a_message_came(name: str, how_far: Arrival) -> None:
    report = whatsapp()[0].report(signed(fixture(f"report_{name}.form"), OWN))
    assert report == Arrived("o77", f"MM{0xD00:032x}", how_far)


def test_how_far_is_in_an_order() -> None:
    assert Arrival.SENT.value < Arrival.DELIVERED.value < Arrival.READ.value


@pytest.mark.parametrize("name", ["queued", "accepted", "sending", "scheduled", "canceled"])
def test_what_says_nothing_yet_is_ignored(name: str) -> None:
    assert whatsapp()[0].report(signed(fixture(f"report_{name}.form"), OWN)) == Ignored(name)


def test_text_messages_report_to_the_same_address() -> None:
    report = whatsapp()[0].report(signed(fixture("report_sms_delivered.form"), OWN))
    assert report == Arrived("o77", f"SM{0xD01:032x}", Arrival.DELIVERED)


@pytest.mark.parametrize(("name", "code"), [("failed_without_code", ""), ("undelivered_unlisted", "69999")])
def test_a_failure_nobody_listed_is_shown_to_a_person(name: str, code: str) -> None:
    report = whatsapp()[0].report(signed(fixture(f"report_{name}.form"), OWN))
    assert report == Undelivered("o77", f"MM{0xD00:032x}", Obstacle.OURS, code, unlisted=True)


@pytest.mark.parametrize("code", ["", "x", "-1", "٦٣٠١٦", "6" * 5000, "63016 "])
def test_a_code_of_another_form_is_unlisted(code: str) -> None:
    assert obstacle_of(code) == (Obstacle.OURS, False)


def test_a_report_without_our_own_id_names_none() -> None:
    report = whatsapp()[0].report(signed(fixture("report_sent.form"), REPORTS))
    assert isinstance(report, Arrived)
    assert report.own == ""


def test_our_own_id_is_part_of_what_is_signed() -> None:
    request = signed(fixture("report_sent.form"), OWN)
    forged = type(request)("POST", f"{REPORTS}?m=o78", request.headers, request.body)
    assert whatsapp()[0].report(forged) == Rejected("wrong signature", 403)


def test_a_report_of_another_account_or_token_is_refused() -> None:
    body = fixture("report_sent.form")
    assert whatsapp()[0].report(signed(body, OWN, token=TOKEN + "x")) == Rejected("wrong signature", 403)
    other = body.replace(b"AC" + b"0" * 32, b"AC" + b"2" * 32)
    assert whatsapp()[0].report(signed(other, OWN)) == Rejected("another account", 403)


def test_a_report_without_an_id_or_a_status_is_ignored() -> None:
    assert whatsapp()[0].report(signed(b"AccountSid=AC" + b"0" * 32, OWN)) == Ignored("no id")
    bare = b"AccountSid=AC" + b"0" * 32 + b"&MessageSid=SM1"
    assert whatsapp()[0].report(signed(bare, OWN)) == Ignored("no status")


def test_every_fixture_of_a_code_is_in_the_table() -> None:
    for kind in ("error", "report"):
        numbers = {path.stem.partition("_")[2] for path in FIXTURES.glob(f"{kind}_*")}
        listed = {int(number) for number in numbers if number.isdecimal() and len(number) == 5}
        assert listed == set(CODES)

"""The create call of the sandbox's Twilio: what it takes, what it refuses and how, and how it is found again."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import pytest

from integrations.contract.exchange import NoAnswer, Request
from integrations.contract.people import Secret
from tests.channels.twilio.sandbox_stage import (
    FORM,
    JANE,
    JANES_ID,
    OUR_SMS,
    OURS,
    REPORTS,
    SID,
    START,
    Stage,
    basic,
    fields,
)

MESSAGES = f"/2010-04-01/Accounts/{SID}/Messages.json"
SERVICE = "MG" + "0" * 32

# --- who asks


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(password="wrong"),
        basic(user="AC" + "1" * 32),
        {"authorization": "Bearer x"},
        {"authorization": "Basic"},
        {"authorization": "Basic ÿ"},
    ],
)
@pytest.mark.parametrize("path", [MESSAGES, "/v1/Content", "/nothing"])
async def test_without_the_token_nothing_is_answered(path: str, headers: dict[str, str]) -> None:
    response = await Stage().side.serve(Request("GET", path, headers))
    assert response.status == 401
    assert response.headers["www-authenticate"].startswith("Basic")
    assert orjson.loads(response.body)["code"] == 20003


async def test_while_tokens_are_changed_both_open() -> None:
    stage = Stage(previous_auth_token=Secret("older"))
    assert (await stage.side.serve(Request("GET", MESSAGES, basic(password="older")))).status == 200
    assert (await stage.side.serve(Request("GET", MESSAGES, basic()))).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/2010-04-01/Accounts/AC" + "1" * 32 + "/Messages.json",
        "/2010-04-01/Messages.json",
        f"/2010-04-01/Accounts/{SID}/Calls.json",
        f"/2010-04-01/Accounts/{SID}/Messages/SM{'0' * 32}.json",
        "/nothing",
    ],
)
async def test_what_is_not_there_or_not_ours_is_20404(path: str) -> None:
    response = await Stage().call("GET", path)
    told = orjson.loads(response.body)
    assert (response.status, told["code"], told["status"]) == (404, 20404, 404)
    assert path in told["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_other_methods_are_405(method: str) -> None:
    response = await Stage().call(method, MESSAGES)
    assert (response.status, orjson.loads(response.body)["code"]) == (405, 20004)


# --- what is refused

WHATSAPP, SMS = f"whatsapp:{JANE}", JANE
NO = ""

REFUSED: list[tuple[dict[str, str], int]] = [
    ({"To": NO}, 21604),
    ({"To": "whatsapp:254712345678", "Body": "x"}, 21211),
    ({"To": "whatsapp:+0712345678", "Body": "x"}, 21211),
    ({"To": "whatsapp:ke.123", "Body": "x"}, 21211),
    ({"To": "whatsapp:KE.", "Body": "x"}, 21211),
    ({"To": "whatsapp: +254712345678", "Body": "x"}, 21211),
    ({"To": "KE.123", "From": OUR_SMS, "Body": "x"}, 21211),
    ({"To": "Jane", "Body": "x"}, 21211),
    ({"From": NO, "Body": "x"}, 21603),
    ({"From": OURS, "Body": "x"}, 21910),
    ({"To": SMS, "Body": "x"}, 21910),
    ({"From": "whatsapp:+15550009999", "Body": "x"}, 63007),
    ({"To": f"whatsapp:{OURS}", "Body": "x"}, 63031),
    ({"To": SMS, "From": "+15550009999", "Body": "x"}, 21606),
    ({}, 21619),
    ({"Body": "x" * 1601}, 21617),
    ({"Body": "é" * 1601}, 21617),
    ({"MediaUrl": "/receipt.pdf"}, 21620),
    ({"MediaUrl": "ftp://bili.test/receipt.pdf"}, 21620),
    ({"ContentSid": "HX123"}, 21655),
    ({"ContentSid": "HX" + "0" * 32}, 21655),
    ({"Body": "x", "ContentVariables": '{"1": "2"}'}, 21656),
    ({"Body": "x", "StatusCallback": "/status"}, 21609),
    ({"Body": "x", "StatusCallback": "https://our_host.test/status"}, 21609),
    ({"Body": "x", "StatusCallback": "https://bili.test/a b"}, 21609),
    ({"Body": "x", "StatusCallback": "https://bili.test/" + "a" * 4000}, 21609),
    ({"Body": "x", "ValidityPeriod": "0"}, 20001),
    ({"Body": "x", "ValidityPeriod": "36001"}, 20001),
    ({"Body": "x", "ValidityPeriod": "1.5"}, 20001),
    ({"Body": "x", "MessagingServiceSid": SERVICE}, 21701),
    ({"Body": "x", "Boddy": "y"}, 20001),
]


@pytest.mark.parametrize(("form", "code"), REFUSED)
async def test_a_message_that_twilio_would_not_take_is_refused_and_nothing_is_kept(
    form: dict[str, str], code: int
) -> None:
    stage = Stage()
    assert await stage.refused(**form) == (400, code)
    assert (await stage.listed())["messages"] == []
    await stage.pass_time(60)
    assert stage.side.chat(JANE) == []


async def test_the_older_code_for_nothing_to_send_can_be_chosen() -> None:
    assert await Stage(nothing_to_send_code=21602).refused() == (400, 21602)


async def test_json_is_no_form_and_has_no_parameters() -> None:
    body = orjson.dumps({"To": WHATSAPP, "From": f"whatsapp:{OURS}", "Body": "x"})
    response = await Stage().call("POST", MESSAGES, body, "application/json")
    assert orjson.loads(response.body)["code"] == 21604


async def test_a_form_that_is_not_utf8_is_refused() -> None:
    response = await Stage().call("POST", MESSAGES, b"Body=%FF", FORM)
    assert (response.status, orjson.loads(response.body)["code"]) == (400, 20001)


@pytest.mark.parametrize(("to", "sender", "count"), [(WHATSAPP, f"whatsapp:{OURS}", 2), (SMS, OUR_SMS, 11)])
async def test_too_many_media_are_refused(to: str, sender: str, count: int) -> None:
    media = [("MediaUrl", f"https://bili.test/{number}.png") for number in range(count)]
    assert await Stage().refused(*media, To=to, From=sender) == (400, 21623)


async def test_an_account_without_a_number_sends_no_sms() -> None:
    assert await Stage(sms_from="").refused(To=SMS, From=OUR_SMS, Body="x") == (400, 21606)


# --- what is taken


async def test_a_message_is_answered_with_its_whole_resource() -> None:
    stage = Stage()
    response = await stage.create(Body="Habari", StatusCallback=REPORTS, ValidityPeriod="600")
    shown = orjson.loads(response.body)
    sid = shown.pop("sid")
    assert response.status == 201
    assert sid.startswith("SM")
    assert len(sid) == 34
    uri = f"/2010-04-01/Accounts/{SID}/Messages/{sid}"
    date = "Mon, 05 Jan 2026 06:00:00 +0000"
    assert shown == {
        "account_sid": SID,
        "api_version": "2010-04-01",
        "body": "Habari",
        "date_created": date,
        "date_sent": None,
        "date_updated": date,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": f"whatsapp:{OURS}",
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "status": "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": f"whatsapp:{JANE}",
        "uri": f"{uri}.json",
    }
    assert parsedate_to_datetime(date) == START
    fetched = await stage.message(sid)
    assert fetched == {"sid": sid, **shown}


async def test_1600_characters_are_not_too_many_nor_is_a_second_too_short_or_ten_hours_too_long() -> None:
    stage = await Stage().opened()
    await stage.sent(Body="é" * 1600, ValidityPeriod="1")
    await stage.pass_time()
    assert stage.texts() == ["hi", "é" * 1600]
    await stage.sent(Body="x", ValidityPeriod="36000")


async def test_a_message_through_a_service_is_accepted_first_and_has_no_sender_yet() -> None:
    stage = await Stage(messaging_service_sid=SERVICE).opened()
    response = await stage.create(From=NO, MessagingServiceSid=SERVICE, Body="hello")
    shown = orjson.loads(response.body)
    assert (shown["status"], shown["from"], shown["messaging_service_sid"]) == ("accepted", None, SERVICE)
    await stage.pass_time()
    fetched = await stage.message(shown["sid"])
    assert (fetched["status"], fetched["from"]) == ("delivered", f"whatsapp:{OURS}")


async def test_a_message_goes_to_an_id_as_well_as_to_a_number() -> None:
    stage = await Stage().opened()
    await stage.sent(To=f"whatsapp:{JANES_ID}", Body="hello")
    await stage.pass_time()
    assert stage.texts() == ["hi", "hello"]


async def test_a_repeated_call_is_a_second_message() -> None:
    stage = await Stage().opened()
    sids = {await stage.sent(Body="twice") for _ in range(2)}
    await stage.pass_time()
    assert len(sids) == 2
    assert stage.texts() == ["hi", "twice", "twice"]


async def test_an_sms_reaches_a_phone_without_whatsapp() -> None:
    stage = Stage()
    await stage.sent(To="+254799999999", From=OUR_SMS, Body="Token 1234", StatusCallback=REPORTS)
    await stage.pass_time()
    assert stage.side.sms("+254799999999") == ["Token 1234"]
    assert stage.bot.reports() == [("sent", ""), ("delivered", "")]
    assert not any("Channel" in name for request in stage.bot.requests for name in fields(request))
    assert stage.side.sms(JANE) == []
    with pytest.raises(KeyError):
        stage.side.sms("+254700000000")


# --- faults of the call


async def test_too_many_requests_sends_nothing() -> None:
    stage = await Stage().opened()
    stage.faults.arm("twilio_slow_down")
    assert await stage.refused(Body="x") == (429, 20429)
    await stage.sent(Body="y")
    await stage.pass_time()
    assert stage.texts() == ["hi", "y"]


async def test_an_error_page_is_no_json_and_sends_nothing() -> None:
    stage = await Stage().opened()
    stage.faults.arm("twilio_down", 2)
    response = await stage.create(Body="x")
    assert (response.status, response.headers["content-type"]) == (500, "text/html")
    assert (await stage.call("GET", MESSAGES)).status == 500
    assert [message["body"] for message in (await stage.listed())["messages"]] == ["hi"]


async def test_a_lost_answer_is_of_a_message_that_goes_out_and_can_be_found() -> None:
    stage = await Stage().opened()
    stage.faults.arm("twilio_answer_lost")
    with pytest.raises(NoAnswer):
        await stage.create(Body="x")
    await stage.pass_time()
    assert stage.texts() == ["hi", "x"]
    found = await stage.listed(To=WHATSAPP, **{"DateSent>": "2026-01-05T06:00:00Z"})
    assert [message["body"] for message in found["messages"]] == ["x"]


# --- the list


async def hourly(count: int) -> Stage:
    """Messages "0", "1", … an hour apart, from six in the morning."""
    stage = await Stage().opened()
    for number in range(count):
        await stage.sent(Body=str(number))
        await stage.pass_time(3600)
    return stage


async def bodies(stage: Stage, **query: str) -> list[str]:
    return [message["body"] for message in (await stage.listed(**query))["messages"]]


async def test_the_newest_is_listed_first() -> None:
    assert await bodies(await hourly(3)) == ["2", "1", "0", "hi"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"To": WHATSAPP}, ["2", "1", "0"]),
        ({"To": f"whatsapp:{OURS}"}, ["hi"]),
        ({"From": WHATSAPP}, ["hi"]),
        ({"To": "whatsapp:+254700000000"}, []),
        ({"To": ""}, ["2", "1", "0", "hi"]),
        ({"DateSent>": "2026-01-05T07:00:00Z"}, ["2", "1"]),
        ({"DateSent<": "2026-01-05T07:00:00Z"}, ["1", "0", "hi"]),
        ({"DateSent>": "2026-01-05T07:00:00Z", "DateSent<": "2026-01-05T07:59:59Z"}, ["1"]),
        ({"DateSent>": "2026-01-05T10:00:00+03:00"}, ["2", "1"]),
        ({"DateSent": "2026-01-05"}, ["2", "1", "0", "hi"]),
        ({"DateSent": "2026-01-05T07:00:00Z"}, ["1"]),
        ({"DateSent": "2026-01-05T06:59:59Z"}, []),
        ({"DateSent": "2026-01-06"}, []),
        ({"DateSent>": "2026-01-06"}, []),
        ({"DateSent<": "2026-01-05"}, []),
    ],
)
async def test_the_list_is_filtered(query: dict[str, str], expected: list[str]) -> None:
    assert await bodies(await hourly(3), **query) == expected


async def test_a_message_that_still_waits_is_found_by_when_it_was_made() -> None:
    stage = Stage(sent_seconds=3600)
    await stage.sent(Body="waits")
    (message,) = (await stage.listed(**{"DateSent>": "2026-01-05T06:00:00Z"}))["messages"]
    assert (message["date_sent"], message["status"]) == (None, "queued")


@pytest.mark.parametrize(
    "query",
    [
        {"DateSent>": "yesterday"},
        {"DateSent": "2026-13-01"},
        {"PageSize": "many"},
        {"Page": "1"},
        {"PageToken": "PASM" + "0" * 32},
        {"PageToken": "P"},
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(query: dict[str, str]) -> None:
    stage = await hourly(1)
    response = await stage.call("GET", f"{MESSAGES}?{'&'.join(f'{name}={value}' for name, value in query.items())}")
    assert response.status == 400


async def test_pages_follow_one_another_and_new_messages_push_nothing_along() -> None:
    stage = await hourly(5)
    page = await stage.listed(To=WHATSAPP, PageSize="2")
    assert (page["page"], page["page_size"], page["start"], page["end"]) == (0, 2, 0, 1)
    assert page["previous_page_uri"] is None
    await stage.sent(Body="new")
    seen: list[Any] = [message["body"] for message in page["messages"]]
    while page["next_page_uri"]:
        page = await stage.json("GET", page["next_page_uri"])
        seen += [message["body"] for message in page["messages"]]
    assert seen == ["4", "3", "2", "1", "0"]
    assert page["page"] == 2
    back = []
    while page["previous_page_uri"]:
        page = await stage.json("GET", page["previous_page_uri"])
        back.append([message["body"] for message in page["messages"]])
    assert back == [["2", "1"], ["4", "3"]]
    first = await stage.json("GET", page["first_page_uri"])
    assert first["messages"][0]["body"] == "new"


async def test_a_page_has_50_messages_and_at_most_1000() -> None:
    stage = Stage()
    for number in range(51):
        await stage.sent(Body=str(number))
    assert len((await stage.listed())["messages"]) == 50
    assert (await stage.listed(PageSize="0"))["page_size"] == 50
    assert (await stage.listed(PageSize="5000"))["page_size"] == 1000
    assert (await stage.listed(PageSize="51"))["next_page_uri"] is None

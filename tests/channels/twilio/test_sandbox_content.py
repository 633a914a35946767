"""The Content store of the sandbox's Twilio: what it keeps, what WhatsApp approves, and how a message is made of it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.channels.twilio.sandbox_stage import FORM, SID, Stage


def replies(count: int = 2, **changes: Any) -> Any:
    actions = [{"type": "QUICK_REPLY", "title": f"Choice {n}", "id": f"n:{n}"} for n in range(1, count + 1)]
    return {"twilio/quick-reply": {"body": "Pay {{1}} for {{2}} now?", "actions": actions, **changes}}


def rows(count: int = 2, **changes: Any) -> Any:
    items = [{"item": f"Row {n}", "id": f"n:{n}", "description": f"{n}."} for n in range(1, count + 1)]
    return {"twilio/list-picker": {"body": "Which meter?", "button": "Choose", "items": items, **changes}}


TEXT = {"twilio/text": {"body": "Hello {{1}}, welcome."}}
FULL = {"1": "KES 500", "2": "Mama"}
BOTH = orjson.dumps(FULL).decode()


async def problem(stage: Stage, body: object, path: str = "/v1/Content") -> str:
    """Post what the Content API does not like: its sentence."""
    response = await stage.call("POST", path, orjson.dumps(body), "application/json")
    told = orjson.loads(response.body)
    assert (response.status, told["code"], told["status"]) == (400, 20001, 400)
    return str(told["message"])


def whole(types: object, **changes: object) -> dict[str, object]:
    return {"friendly_name": "test", "language": "en", "variables": {}, "types": types, **changes}


# --- keeping


async def test_a_content_is_kept_and_shown_whole() -> None:
    stage = Stage(base_url="https://content.test")
    created = await stage.json("POST", "/v1/Content", whole(TEXT, variables={"1": "Jane"}, language="sw"))
    sid = created["sid"]
    assert sid.startswith("HX")
    assert len(sid) == 34
    url = f"https://content.test/v1/Content/{sid}"
    assert created == {
        "sid": sid,
        "account_sid": SID,
        "friendly_name": "test",
        "language": "sw",
        "variables": {"1": "Jane"},
        "types": TEXT,
        "date_created": "2026-01-05T06:00:00Z",
        "date_updated": "2026-01-05T06:00:00Z",
        "url": url,
        "links": {"approval_create": f"{url}/ApprovalRequests/whatsapp", "approval_fetch": f"{url}/ApprovalRequests"},
    }
    assert await stage.json("GET", f"/v1/Content/{sid}") == created


async def test_what_is_null_is_not_there() -> None:
    stage = Stage()
    types = {**TEXT, "twilio/media": None, "twilio/card": None}
    created = await stage.json("POST", "/v1/Content", whole(types))
    assert created["types"] == TEXT


async def test_a_deleted_content_is_gone_for_sending_too() -> None:
    stage = await Stage().opened()
    sid = await stage.content(TEXT)
    assert (await stage.call("DELETE", f"/v1/Content/{sid}")).status == 204
    assert (await stage.call("GET", f"/v1/Content/{sid}")).status == 404
    assert await stage.refused(ContentSid=sid, ContentVariables='{"1": "x"}') == (400, 21655)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/Content/HX" + "0" * 32, 404),
        ("DELETE", "/v1/Content/HX" + "0" * 32, 404),
        ("GET", "/v1/Content/HX" + "0" * 32 + "/ApprovalRequests", 404),
        ("GET", "/v1/ContentX", 404),
        ("GET", "/v1/Content/../Content", 404),
        ("PATCH", "/v1/Content", 405),
        ("POST", "/v1/ContentAndApprovals", 405),
    ],
)
async def test_what_is_not_there_is_said_so(method: str, path: str, status: int) -> None:
    assert (await Stage().call(method, path)).status == status


async def test_the_content_api_takes_json_only() -> None:
    stage = Stage()
    for kind in (FORM, "", "text/plain"):
        response = await stage.call("POST", "/v1/Content", b"friendly_name=x&language=en", kind)
        assert (response.status, orjson.loads(response.body)["code"]) == (400, 20001)
    for body in (b"", b"{", b"[]", b'"x"'):
        response = await stage.call("POST", "/v1/Content", body, "application/json; charset=utf-8")
        assert response.status == 400


async def test_the_content_api_can_be_down() -> None:
    stage = Stage()
    stage.faults.arm("twilio_no_content")
    response = await stage.call("GET", "/v1/Content")
    assert (response.status, orjson.loads(response.body)["status"]) == (503, 503)
    assert (await stage.call("GET", "/v1/Content")).status == 200


def titled(title: str, id_: str = "n:1") -> Any:
    return replies(actions=[{"type": "QUICK_REPLY", "title": title, "id": id_}])


WRONG: list[tuple[object, str]] = [
    (None, "types must be an object"),
    ({}, "at least one type"),
    ({"twilio/text": None}, "at least one type"),
    ({"twilio/text": "x"}, "must be an object"),
    ({"twilio/smell": {"body": "x"}}, "not a type"),
    ({"twilio/text": {}}, "body is missing"),
    ({"twilio/text": {"body": " "}}, "body is missing"),
    ({"twilio/text": {"body": "x" * 1601}}, "body is longer than 1600"),
    (replies(0), "actions are 1 to 10"),
    (replies(11), "actions are 1 to 10"),
    (replies(actions=["x"]), "actions are objects"),
    (replies(actions=[{"type": "URL", "title": "x", "url": "https://bili.test"}]), "of type QUICK_REPLY"),
    (replies(body="x" * 1025), "body is longer than 1024"),
    (titled("x" * 21), "title is longer than 20"),
    (titled(""), "title is missing"),
    (titled("two\nlines"), "title has a line break"),
    (titled("x", ""), "id is missing"),
    (titled("x", "x" * 201), "id is longer than 200"),
    (rows(0), "items are 1 to 10"),
    (rows(11), "items are 1 to 10"),
    (rows(button=""), "button is missing"),
    (rows(button="x" * 21), "button is longer than 20"),
    (rows(items=[{"item": "x" * 25, "id": "1"}]), "item is longer than 24"),
    (rows(items=[{"item": "x", "id": "1", "description": "x" * 73}]), "description is longer than 72"),
    ({"twilio/media": {"body": "x", "media": []}}, "one address"),
    ({"twilio/call-to-action": {"body": "x", "actions": [{"type": "SING", "title": "La"}]}}, "an action is of type"),
    ({"twilio/call-to-action": {"body": "x", "actions": [{"type": "URL", "title": "La"}]}}, "url is missing"),
]


@pytest.mark.parametrize(("types", "sentence"), WRONG)
async def test_a_type_that_lacks_something_is_refused_with_a_sentence(types: object, sentence: str) -> None:
    stage = Stage()
    assert sentence in await problem(stage, whole(types))
    assert (await stage.json("GET", "/v1/Content"))["contents"] == []


@pytest.mark.parametrize(
    "changes", [{"variables": {"1": 2}}, {"variables": ["x"]}, {"language": None}, {"language": "X"}]
)
async def test_variables_are_strings_and_a_language_is_a_code(changes: dict[str, object]) -> None:
    assert next(iter(changes)) in await problem(Stage(), whole(TEXT, **changes))


# --- lists


async def test_contents_come_in_pages_as_twilio_numbers_them() -> None:
    stage = Stage(base_url="https://content.test")
    sids = [await stage.content(TEXT) for _ in range(5)]
    page = await stage.json("GET", "/v1/Content?PageSize=2")
    assert page["meta"] == {
        "key": "contents",
        "page": 0,
        "page_size": 2,
        "url": "https://content.test/v1/Content?PageSize=2&Page=0",
        "first_page_url": "https://content.test/v1/Content?PageSize=2&Page=0",
        "previous_page_url": None,
        "next_page_url": "https://content.test/v1/Content?PageSize=2&Page=1",
    }
    seen = [one["sid"] for one in page["contents"]]
    while page["meta"]["next_page_url"]:
        page = await stage.json("GET", page["meta"]["next_page_url"].removeprefix("https://content.test"))
        seen += [one["sid"] for one in page["contents"]]
    assert seen == sids
    assert page["meta"]["previous_page_url"].endswith("Page=1")


async def test_the_list_with_approvals_says_how_far_each_is() -> None:
    stage = Stage()
    submitted, other = await stage.content(TEXT, {"1": "Jane"}), await stage.content(TEXT)
    await stage.approve(submitted, "hello")
    page = await stage.json("GET", "/v1/ContentAndApprovals?PageSize=10")
    assert "ContentAndApprovals" in page["meta"]["url"]
    told = {one["sid"]: one["approval_requests"] for one in page["contents"]}
    assert told[other] == {}
    assert (told[submitted]["name"], told[submitted]["status"]) == ("hello", "approved")


# --- approval


async def approval(stage: Stage, sid: str) -> tuple[str, str]:
    whatsapp = (await stage.json("GET", f"/v1/Content/{sid}/ApprovalRequests"))["whatsapp"]
    return whatsapp["status"], whatsapp["rejection_reason"]


async def test_an_approval_takes_its_time() -> None:
    stage = Stage(approval_seconds=60)
    sid = await stage.content(TEXT, {"1": "Jane"})
    assert await approval(stage, sid) == ("unsubmitted", "")
    path = f"/v1/Content/{sid}/ApprovalRequests/whatsapp"
    assert await stage.json("POST", path, {"name": "hello", "category": "UTILITY"}) == {
        "name": "hello",
        "category": "UTILITY",
        "content_type": "twilio/text",
        "status": "received",
        "rejection_reason": "",
        "allow_category_change": True,
    }
    assert await approval(stage, sid) == ("received", "")
    await stage.pass_time(60)
    assert await approval(stage, sid) == ("approved", "")
    stage.side.contents.pause(sid)
    assert await approval(stage, sid) == ("paused", "")


def body(text: str) -> Any:
    return {"twilio/text": {"body": text}}


@pytest.mark.parametrize(
    ("types", "variables", "reason"),
    [
        (body("{{1}} is done, thank you."), {"1": "x"}, "begin or end with a variable"),
        (body("Thank you, {{1}}"), {"1": "x"}, "begin or end with a variable"),
        (body("Thank you, {{1}} "), {"1": "x"}, "begin or end with a variable"),
        (body("Pay {{1}} {{2}} now."), {"1": "x", "2": "y"}, "beside each other"),
        (body("Pay {{1}} now."), {}, "no samples for 1"),
        (body("Pay {{1}} now."), {"1": ""}, "no samples for 1"),
        (replies(), {"1": "x"}, "no samples for 2"),
        (rows(), {}, "cannot be approved"),
        ({"twilio/location": {"latitude": -1.2, "longitude": 36.8, "label": "Shop"}}, {}, "cannot be approved"),
    ],
)
async def test_whatsapp_rejects_what_its_rules_forbid(types: object, variables: object, reason: str) -> None:
    stage = Stage()
    sid = await stage.content(types, variables)
    await stage.approve(sid)
    status, why = await approval(stage, sid)
    assert status == "rejected"
    assert reason in why


@pytest.mark.parametrize(
    ("types", "variables"),
    [(replies(10), FULL), (body("Pay {{1}}, then {{2}}."), FULL), (body("No variables at all"), {})],
)
async def test_whatsapp_approves_what_its_rules_allow(types: object, variables: object) -> None:
    stage = Stage()
    sid = await stage.content(types, variables)
    await stage.approve(sid)
    assert await approval(stage, sid) == ("approved", "")


@pytest.mark.parametrize("changes", [{"name": "Hello"}, {"name": ""}, {"category": "SPAM"}, {"category": None}])
async def test_a_submission_has_a_name_and_a_category(changes: dict[str, object]) -> None:
    stage = Stage()
    sid = await stage.content(TEXT, {"1": "Jane"})
    path = f"/v1/Content/{sid}/ApprovalRequests/whatsapp"
    given = {"name": "hello", "category": "UTILITY", **changes}
    assert next(iter(changes)) in await problem(stage, given, path)
    assert await approval(stage, sid) == ("unsubmitted", "")


async def test_a_content_is_submitted_once_and_a_name_taken_once_in_a_language() -> None:
    stage = Stage()
    first, second = await stage.content(TEXT, {"1": "Jane"}), await stage.content(TEXT, {"1": "Jane"})
    swahili = await stage.content(TEXT, {"1": "Jane"}, language="sw")
    await stage.approve(first, "hello")
    given = {"name": "hello", "category": "UTILITY"}
    assert "before" in await problem(stage, given, f"/v1/Content/{first}/ApprovalRequests/whatsapp")
    assert "name and language" in await problem(stage, given, f"/v1/Content/{second}/ApprovalRequests/whatsapp")
    await stage.approve(swahili, "hello")


async def test_only_what_was_submitted_can_be_paused() -> None:
    stage = Stage()
    sid = await stage.content(TEXT)
    with pytest.raises(KeyError):
        stage.side.contents.pause(sid)

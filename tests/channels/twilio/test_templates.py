"""Templates: knocking with an approved one, and what `bili templates` makes and checks."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from integrations.channels.twilio.adapter import WhatsApp
from integrations.channels.twilio.content import (
    RETRY_SECONDS,
    ContentApi,
    create,
    declared,
)
from integrations.channels.twilio.wire.content import Declared, State, check, read_stored
from integrations.contract.channel import Knock, Waybill
from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.contract.message import Delivered, Malformed
from tests.channels.twilio.content_stage import AWAY, BY_NAME, CREATED, ContentStage, stored
from tests.channels.twilio.stage import (
    ACCOUNT,
    CONFIG,
    CONTENT_API,
    PHONE,
    SOON,
    START,
    TOKEN,
    WITH_CONTENT,
    Answer,
    FakeClock,
    Store,
    answer,
    listed,
    page,
)

# --- templates

NEWS = BY_NAME["payment_news", "sw"]
KNOCK = Knock("payment_news", "sw", ("KES 500\n za  leo",))


def approved(one: Declared = NEWS, number: int = 1, status: str = "approved") -> dict[str, Any]:
    return stored(one, number, approval_requests={"status": status, "category": "UTILITY"})


async def knock(
    contents: list[dict[str, Any]], *answers: Answer, it: Knock = KNOCK, waybill: Waybill | None = None
) -> tuple[object, ContentStage]:
    stage = ContentStage(*answers, contents=contents)
    return await stage.channel.knock(PHONE, it, SOON, waybill or Waybill("o5")), stage


async def test_a_knock_is_the_approved_template_in_the_readers_language() -> None:
    contents = [approved(BY_NAME["payment_news", "en"], 1), approved(NEWS, 2)]
    outcome, stage = await knock(contents, CREATED)
    assert outcome == Delivered(f"MM{0xE02:032x}")
    form = stage.store.twilio.form()
    assert form["ContentSid"] == f"HX{2:032x}"
    assert orjson.loads(form["ContentVariables"]) == {"1": "KES 500 za leo"}
    assert form["StatusCallback"].endswith("?m=o5")


@pytest.mark.parametrize("status", ["pending", "received", "rejected", "paused", "disabled", "unsubmitted", ""])
async def test_a_template_that_is_not_approved_is_not_sent(status: str) -> None:
    outcome, stage = await knock([approved(status=status)])
    assert outcome == Malformed("no approved template payment_news in sw")
    assert stage.store.twilio.requests == []


@pytest.mark.parametrize(
    "it",
    [
        replace(KNOCK, language="fr"),
        replace(KNOCK, template="quick_reply_1", language="en"),
        replace(KNOCK, template="other"),
        replace(KNOCK, values=()),
        replace(KNOCK, values=("a", "b")),
        replace(KNOCK, values=(" ",)),
    ],
)
async def test_a_knock_that_no_template_fits_is_not_sent(it: Knock) -> None:
    outcome, stage = await knock([approved()], it=it)
    assert isinstance(outcome, Malformed)
    assert outcome.reason.startswith("no approved template")
    assert stage.store.twilio.requests == []


async def test_while_a_new_version_waits_the_approved_one_before_it_is_sent() -> None:
    older = replace(NEWS, types={"twilio/quick-reply": {"body": "Zamani {{1}} tayari.", "actions": []}})
    oldest = replace(NEWS, types={"twilio/quick-reply": {"body": "Kale {{1}} tayari.", "actions": []}})
    outcome, stage = await knock([approved(NEWS, 7, "pending"), approved(older, 4), approved(oldest, 2)], CREATED)
    assert isinstance(outcome, Delivered)
    assert stage.store.twilio.form()["ContentSid"] == f"HX{4:032x}"


async def test_a_knock_without_a_content_api_is_malformed() -> None:
    channel = WhatsApp(CONFIG, Store(), FakeClock())
    assert await channel.knock(PHONE, KNOCK, SOON, Waybill("o5")) == Malformed(
        "no approved template payment_news in sw"
    )


async def test_a_store_that_does_not_answer_leaves_a_knock_unsent_or_as_unknown_as_it_was() -> None:
    for waybill, kind in ((Waybill("o5"), NotSent), (Waybill("o5", tried_at=START), Unknown)):
        stage = ContentStage()
        stage.store.failing = Unknown("timeout")
        assert isinstance(await stage.channel.knock(PHONE, KNOCK, SOON, waybill), kind)
        assert stage.store.twilio.requests == []


async def test_a_knock_whose_end_was_unknown_is_looked_up_by_its_words() -> None:
    words = "Habari za malipo yako KES 500 za leo ziko tayari. Gusa kitufe au jibu ujumbe huu kuzisoma."
    tried = Waybill("o5", tried_at=START - timedelta(seconds=1))
    outcome, _ = await knock([approved()], page(listed("MM7", words)), page(), waybill=tried)
    assert outcome == Delivered("MM7")


async def test_a_knock_that_is_refused_is_final_and_the_store_is_looked_at_again() -> None:
    outcome, stage = await knock([approved()], answer("error_21655.json"), CREATED)
    assert outcome == Malformed("21655 Content is unknown")
    stage.clock.seconds = RETRY_SECONDS
    assert await stage.channel.knock(PHONE, KNOCK, SOON + RETRY_SECONDS, Waybill()) == Delivered(f"MM{0xE02:032x}")


# --- `bili templates`


def api(store: Store) -> ContentApi:
    return ContentApi(WITH_CONTENT, store)


async def test_what_is_missing_is_made_and_submitted_once() -> None:
    store = Store()
    findings = await create(api(store), declared(), SOON)
    assert isinstance(findings, list)
    assert {one.state for one in findings if not one.declared.category} == {State.READY}
    assert [one.state for one in findings if one.declared.category] == [State.WAITING] * 2
    assert len(store.contents) == len(declared())
    news = {one["sid"]: one for one in store.contents if "payment_news" in one["friendly_name"]}
    assert store.submitted == [
        (sid, {"name": one["friendly_name"], "category": "UTILITY"}) for sid, one in news.items()
    ]
    asked = len(store.asked)
    assert await create(api(store), declared(), SOON) == findings
    assert [method for method, _ in store.asked[asked:]] == ["GET", "GET"]


async def test_nothing_is_ever_deleted_or_changed() -> None:
    foreign = {"sid": "HX" + "f" * 32, "friendly_name": "theirs", "language": "en", "types": {}}
    changed = stored(BY_NAME["list_1", "en"], 60, types={"twilio/text": {"body": "by hand"}})
    store = Store(contents=[foreign, changed])
    findings = await create(api(store), declared(), SOON)
    assert isinstance(findings, list)
    assert {method for method, _ in store.asked} == {"GET", "POST"}
    assert store.contents[:2] == [foreign, changed]
    assert [one.declared.name for one in findings if one.state is State.DIFFERS] == ["list_1"]


@pytest.mark.parametrize(
    ("status", "reason", "state", "detail"),
    [
        ("approved", "", State.APPROVED, ""),
        ("pending", "", State.WAITING, ""),
        ("received", "", State.WAITING, ""),
        ("unsubmitted", "", State.UNSUBMITTED, ""),
        ("rejected", "TAG_CONTENT_MISMATCH", State.REJECTED, "TAG_CONTENT_MISMATCH"),
        ("paused", "", State.REJECTED, "paused"),
        ("a_new_word", "", State.REJECTED, "a_new_word"),
    ],
)
def test_a_template_stands_as_whatsapp_says(status: str, reason: str, state: State, detail: str) -> None:
    for nested in (False, True):
        asked: dict[str, Any] = {"status": status, "rejection_reason": reason}
        there = read_stored(stored(NEWS, 1, approval_requests={"whatsapp": asked} if nested else asked))
        assert there is not None
        (finding,) = check([NEWS], [there])
        assert (finding.state, finding.detail, finding.sid) == (state, detail, f"HX{1:032x}")


def test_a_content_that_is_not_there_is_missing() -> None:
    assert [one.state for one in check([NEWS], [])] == [State.MISSING]


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, State.READY),
        ({"language": "sw"}, State.DIFFERS),
        ({"types": {}}, State.DIFFERS),
        ({"types": {"twilio/quick-reply": {"body": "{{1}}", "actions": []}}}, State.DIFFERS),
        ({"types": {"twilio/quick-reply": {"body": "{{1}}", "actions": None}}}, State.DIFFERS),
    ],
)
def test_a_content_differs_where_what_we_declare_is_not_there(change: dict[str, Any], state: State) -> None:
    one = BY_NAME["quick_reply_1", "en"]
    there = read_stored(stored(one, 1, **change))
    assert there is not None
    assert [finding.state for finding in check([one], [there])] == [state]


def test_fields_that_twilio_adds_are_no_difference() -> None:
    one = BY_NAME["quick_reply_1", "en"]
    types = orjson.loads(orjson.dumps(one.types))
    types["twilio/quick-reply"]["media"] = None
    types["twilio/quick-reply"]["actions"][0]["type"] = "QUICK_REPLY"
    there = read_stored(stored(one, 1, types=types))
    assert there is not None
    assert [finding.state for finding in check([one], [there])] == [State.READY]


@pytest.mark.parametrize("failure", AWAY)
async def test_a_store_that_fails_is_told_in_words(failure: Sent) -> None:
    store = Store()
    store.failing = failure
    said = await create(api(store), declared(), SOON)
    assert isinstance(said, str)
    assert said
    store.failing, store.not_making = None, failure
    said = await create(api(store), declared(), SOON)
    assert isinstance(said, str)
    assert said.startswith("bili_")


async def test_the_content_api_is_asked_in_json_with_our_credentials() -> None:
    requests = []

    async def send(request: Any, _deadline: float) -> Sent:
        requests.append(request)
        return Response(201, {}, orjson.dumps(stored(NEWS)))

    made = await ContentApi(WITH_CONTENT, send).create(NEWS, SOON)
    assert made == read_stored(stored(NEWS))
    (request,) = requests
    assert (request.method, request.url) == ("POST", f"{CONTENT_API}/v1/Content")
    assert request.headers["content-type"] == "application/json"
    assert b64decode(request.headers["authorization"].split()[1]).decode() == f"{ACCOUNT}:{TOKEN}"
    assert orjson.loads(request.body) == {
        "friendly_name": NEWS.friendly_name,
        "language": "sw",
        "variables": {"1": "B7K2Q9"},
        "types": NEWS.types,
    }


async def test_all_pages_of_the_store_are_read_at_our_address_of_it() -> None:
    asked = []

    async def send(request: Any, _deadline: float) -> Sent:
        asked.append(request.url)
        following = (
            None if "PageToken" in request.url else "https://content.twilio.com/v1/ContentAndApprovals?PageToken=x"
        )
        return Response(
            200, {}, orjson.dumps({"contents": [stored(NEWS, len(asked))], "meta": {"next_page_url": following}})
        )

    found = await ContentApi(WITH_CONTENT, send).stored(SOON)
    assert isinstance(found, list)
    assert [one.sid for one in found] == [f"HX{1:032x}", f"HX{2:032x}"]
    assert asked[1] == f"{CONTENT_API}/v1/ContentAndApprovals?PageToken=x"


async def test_a_store_without_end_is_unknown() -> None:
    async def send(_request: Any, _deadline: float) -> Sent:
        return Response(200, {}, b'{"contents": [], "meta": {"next_page_url": "https://content.twilio.com/v1/x?y"}}')

    assert isinstance(await ContentApi(WITH_CONTENT, send).stored(SOON), Unknown)


@pytest.mark.parametrize("content", [None, 1, {}, {"sid": "HX1"}, {"sid": "", "friendly_name": "x", "types": {}}])
def test_what_is_no_content_is_passed_over(content: object) -> None:
    assert read_stored(content) is None

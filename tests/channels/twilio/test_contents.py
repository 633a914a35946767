"""Buttons, lists and templates: what our files declare, what is filled in, and what happens where the store is away."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest

from integrations.channels.twilio.adapter import WhatsApp
from integrations.channels.twilio.content import (
    FRESH_SECONDS,
    RETRY_SECONDS,
    SHARE_OF_DEADLINE,
    ContentApi,
    ContentStore,
    declared,
)
from integrations.channels.twilio.wire.content import Declared, read_declared
from integrations.channels.twilio.wire.parts import filled
from integrations.contract.channel import Waybill
from integrations.contract.exchange import NotSent, Response, Sent, Unknown
from integrations.contract.message import ChoiceWords, Delivered, Message
from tests.channels.twilio.content_stage import ASK, AWAY, BY_NAME, CREATED, ContentStage, stored
from tests.channels.twilio.stage import (
    CONFIG,
    PHONE,
    SOON,
    TOKEN,
    WITH_CONTENT,
    Answer,
    FakeClock,
    Store,
    answer,
    hello,
    sent_as,
)

NUMBERED = "Pay ∗KES∗ 500?\nNow?\n\nAnswer with a number:\n1. Yes\n2. No"


# --- the files


def test_every_shape_we_send_is_declared() -> None:
    names = {one.name for one in declared() if not one.category}
    shapes = {f"quick_reply_{n}" for n in range(1, 4)}
    assert names == shapes | {f"{kind}_{n}" for kind in ("list", "list_described") for n in range(1, 11)}
    assert {(one.name, one.language) for one in declared() if one.category} == {
        ("payment_news", "en"),
        ("payment_news", "sw"),
    }


def test_each_content_has_a_name_of_its_own_that_its_words_decide() -> None:
    names = [one.friendly_name for one in declared()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"bili_[a-z_0-9]+_(en|sw)_[0-9a-f]{8}", name) for name in names)
    one = BY_NAME["payment_news", "en"]
    changed = replace(
        one, types={"twilio/quick-reply": {**one.types["twilio/quick-reply"], "body": "Other {{1}} words"}}
    )
    assert changed.friendly_name != one.friendly_name
    assert changed.family == one.family


def places(one: Declared) -> list[str]:
    return re.findall(r"\{\{(.*?)\}\}", orjson.dumps(one.types).decode())


@pytest.mark.parametrize("one", declared(), ids=lambda one: str(one.friendly_name))
def test_places_are_numbered_from_one_and_each_has_a_sample(one: Declared) -> None:
    assert places(one) == [str(number) for number in range(1, len(one.variables) + 1)]
    assert list(one.variables) == places(one)
    assert all(sample.strip() for sample in one.variables.values())


@pytest.mark.parametrize("one", declared(), ids=lambda one: str(one.friendly_name))
def test_each_content_is_within_whatsapps_limits(one: Declared) -> None:
    for kind, fields in one.types.items():
        body = re.sub(r"\{\{(\d+)\}\}", lambda place: one.variables[place[1]], fields["body"])
        assert 0 < len(body) <= 1024
        if kind == "twilio/quick-reply":
            assert 1 <= len(fields["actions"]) <= 3
        else:
            assert kind == "twilio/list-picker"
            assert 1 <= len(fields["items"]) <= 10
            assert not one.category


@pytest.mark.parametrize("one", [one for one in declared() if one.category], ids=lambda one: str(one.language))
def test_what_is_to_be_approved_keeps_whatsapps_rules(one: Declared) -> None:
    body = one.types["twilio/quick-reply"]["body"]
    assert one.category == "UTILITY"
    # Neither begins nor ends with a place, no two side by side, one line.
    assert not re.search(r"^\s*\{\{|\}\}\W*$|\}\}\s*\{\{|\n|\t| {4}", body)
    assert one.types["twilio/quick-reply"]["actions"] == [
        {"title": {"en": "Read", "sw": "Soma"}[one.language], "id": "go:status"}
    ]
    assert re.fullmatch(r"[a-z0-9_]{1,512}", one.approval["name"])


def test_the_swahili_news_is_the_leads_words() -> None:
    body = BY_NAME["payment_news", "sw"].types["twilio/quick-reply"]["body"]
    assert body == "Habari za malipo yako {{1}} ziko tayari. Gusa kitufe au jibu ujumbe huu kuzisoma."


@pytest.mark.parametrize(
    "file", [b"", b"{}", b'{"name": "x"}', b'{"name": "x", "language": "en", "types": {"t": {"body": "{{a}}"}}}']
)
def test_a_file_that_lacks_something_is_refused(file: bytes) -> None:
    with pytest.raises((KeyError, ValueError)):
        read_declared(file)


def fill(one: Declared, values: tuple[str, ...]) -> Any:
    text = orjson.dumps(one.types).decode()
    return orjson.loads(
        re.sub(r"\{\{(\d+)\}\}", lambda place: orjson.dumps(values[int(place[1]) - 1]).decode()[1:-1], text)
    )


# --- filling them in


@pytest.mark.parametrize("count", [1, 2, 3])
def test_up_to_three_short_answers_are_buttons(count: int) -> None:
    use = filled(hello("Which?", *((f"d{n}", f"Answer {n}") for n in range(count))))
    assert use is not None
    assert fill(BY_NAME[use.name, "en"], use.values) == {
        "twilio/quick-reply": {
            "body": "Which?",
            "actions": [{"title": f"Answer {n}", "id": f"d{n}"} for n in range(count)],
        }
    }


@pytest.mark.parametrize("count", [4, 10])
def test_more_are_a_list_behind_a_button(count: int) -> None:
    message = replace(
        hello("Gani?", *((f"d{n}", f"Mita {n}") for n in range(count))),
        choice_words=ChoiceWords("Chagua mita mojawapo hapa", "x"),
    )
    use = filled(message)
    assert use is not None
    assert fill(BY_NAME[use.name, "en"], use.values) == {
        "twilio/list-picker": {
            "body": "Gani?",
            "button": "Chagua mita mojawap…",
            "items": [{"item": f"Mita {n}", "id": f"d{n}"} for n in range(count)],
        }
    }


def test_two_answers_too_long_for_buttons_are_a_list() -> None:
    use = filled(hello("Which?", ("a", "x" * 21), ("b", "No")))
    assert use is not None
    assert use.name == "list_2"


def test_an_answer_too_long_for_a_row_is_cut_there_and_whole_below() -> None:
    label = "The meter of the shop on the corner of Moi Avenue"
    use = filled(hello("Which?", ("a", label), ("b", "Home")))
    assert use is not None
    assert fill(BY_NAME[use.name, "en"], use.values)["twilio/list-picker"]["items"] == [
        {"item": "The meter of the shop o…", "id": "a", "description": label},
        {"item": "Home", "id": "b", "description": "Home"},
    ]


@pytest.mark.parametrize(
    "message",
    [
        hello("Which?"),
        replace(ASK, text_only=True),
        hello("Which?", *((f"d{n}", f"A {n}") for n in range(11))),
        hello("Which?", ("a", "x" * 73), ("b", "No")),
        hello("x" * 1025, ("y", "Yes")),
        # WhatsApp takes no two buttons of one name, nor two of one id.
        hello("Which?", ("a", "Same"), ("b", "Same ")),
        hello("Which?", ("a", "One"), ("a", "Two")),
    ],
)
def test_what_no_content_fits_goes_as_text(message: Message) -> None:
    assert filled(message) is None


def test_values_are_texts_in_json_in_a_text_and_none_is_empty() -> None:
    use = filled(hello('A "quoted"\nline 😀', ("y", "  Yes \n please ")))
    assert use is not None
    variables = orjson.loads(use.variables)
    assert variables == {"1": 'A "quoted"\nline 😀', "2": "Yes please", "3": "y"}
    assert all(isinstance(value, str) and value for value in variables.values())


@pytest.mark.parametrize("length", [1023, 1024])
def test_a_body_at_the_limit_of_a_content_fits(length: int) -> None:
    assert filled(hello("x" * length, ("y", "Yes"))) is not None
    assert filled(hello("x" * (length - 1) + "😀", ("y", "Yes"))) is None or length == 1023


# --- sending them


async def test_a_question_goes_as_a_content_that_is_made_when_it_is_first_needed() -> None:
    stage = ContentStage(CREATED, CREATED)
    form = await stage.send()
    assert form["ContentSid"] == f"HX{1:032x}"
    assert orjson.loads(form["ContentVariables"]) == {
        "1": "Pay ∗KES∗ 500?\nNow?",
        "2": "Yes",
        "3": "y",
        "4": "No",
        "5": "n",
    }
    assert "Body" not in form
    assert stage.store.asked == [("GET", "/v1/ContentAndApprovals"), ("POST", "/v1/Content")]
    assert stage.store.contents[0]["friendly_name"] == BY_NAME["quick_reply_2", "en"].friendly_name
    # The next one asks nothing of the store.
    await stage.send()
    assert len(stage.store.asked) == 2


async def test_a_text_never_asks_the_store() -> None:
    stage = ContentStage(answer("created_text.json"))
    assert "ContentSid" not in await stage.send(hello())
    assert stage.store.asked == []


async def test_a_content_that_is_there_is_used_and_of_several_the_oldest() -> None:
    one = BY_NAME["quick_reply_2", "en"]
    other = BY_NAME["quick_reply_1", "en"]
    stage = ContentStage(CREATED, contents=[stored(other, 1), stored(one, 9), stored(one, 3), stored(one, 5)])
    assert (await stage.send())["ContentSid"] == f"HX{3:032x}"
    assert [method for method, _ in stage.store.asked] == ["GET"]


async def test_the_store_is_asked_again_after_a_while() -> None:
    stage = ContentStage(*[CREATED] * 4)
    await stage.send()
    stage.clock.seconds = FRESH_SECONDS - 1
    await stage.send()
    assert [method for method, _ in stage.store.asked] == ["GET", "POST"]
    stage.clock.seconds = FRESH_SECONDS
    await stage.send()
    assert [method for method, _ in stage.store.asked] == ["GET", "POST", "GET"]


@pytest.mark.parametrize("code", [21655, 21656, 63005, 63006, 63021])
async def test_a_content_that_is_refused_goes_as_numbered_text_in_the_same_send(code: int) -> None:
    stage = ContentStage(answer(f"error_{code}.json"), sent_as("SM5"))
    assert await stage.channel.send(PHONE, ASK, SOON, Waybill("o1")) == Delivered("SM5")
    refused, taken = (stage.store.twilio.form(number) for number in (0, 1))
    assert "ContentSid" in refused
    assert taken["Body"] == NUMBERED
    assert taken["StatusCallback"] == refused["StatusCallback"]


@pytest.mark.parametrize(
    "failure",
    [
        answer("error_500.json"),
        answer("error_20429.json"),
        answer("error_21610.json"),
        Unknown("timeout"),
        NotSent("x"),
    ],
)
async def test_any_other_failure_of_a_content_is_final(failure: Answer) -> None:
    stage = ContentStage(failure)
    assert not isinstance(await stage.channel.send(PHONE, ASK, SOON), Delivered)
    assert len(stage.store.twilio.requests) == 1


async def test_after_a_refusal_the_store_is_looked_at_again_but_not_each_time() -> None:
    refused = answer("error_21655.json")
    stage = ContentStage(refused, sent_as("SM1"), refused, sent_as("SM2"), refused, sent_as("SM3"))
    await stage.send()
    await stage.send()
    assert [method for method, _ in stage.store.asked] == ["GET", "POST"]
    stage.clock.seconds = RETRY_SECONDS
    await stage.send()  # refused, and now long enough ago
    stage.store.twilio.answers += [CREATED]
    await stage.send()
    assert [method for method, _ in stage.store.asked] == ["GET", "POST", "GET"]


@pytest.mark.parametrize("failure", AWAY)
async def test_without_the_store_choices_are_numbered_and_one_warning_says_so(
    failure: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    stage = ContentStage(*[answer("created_text.json")] * 5)
    stage.store.failing = failure
    with caplog.at_level(logging.WARNING):
        for seconds in (0, 1, RETRY_SECONDS - 1, RETRY_SECONDS, RETRY_SECONDS * 2):
            stage.clock.seconds = seconds
            assert (await stage.send())["Body"] == NUMBERED
    # Asked at the first send, and then once each RETRY_SECONDS.
    assert len(stage.store.asked) == 3
    assert len(caplog.records) == 1
    assert TOKEN not in caplog.text


async def test_when_the_store_is_back_buttons_are_back_and_the_next_trouble_is_told_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = ContentStage(answer("created_text.json"), CREATED)
    stage.store.failing = Unknown("timeout")
    await stage.send()
    stage.store.failing = None
    stage.clock.seconds = RETRY_SECONDS
    assert "ContentSid" in await stage.send()
    assert len(caplog.records) == 1


async def test_what_was_known_of_the_store_stays_known_while_it_is_away() -> None:
    stage = ContentStage(CREATED, CREATED)
    await stage.send()
    stage.store.failing = Unknown("timeout")
    stage.clock.seconds = FRESH_SECONDS
    assert "ContentSid" in await stage.send()


async def test_a_content_that_cannot_be_made_is_not_tried_with_each_message(caplog: pytest.LogCaptureFixture) -> None:
    stage = ContentStage(*[answer("created_text.json")] * 3)
    stage.store.not_making = Response(400, {}, b'{"code": 20001, "message": "no", "status": 400}')
    for seconds in (0, RETRY_SECONDS - 1, RETRY_SECONDS):
        stage.clock.seconds = seconds
        assert (await stage.send())["Body"] == NUMBERED
    assert [method for method, _ in stage.store.asked] == ["GET", "POST", "POST"]
    assert len(caplog.records) == 1


async def test_a_send_spends_only_a_share_of_its_time_on_the_store() -> None:
    stage = ContentStage(CREATED)
    await stage.send()
    assert stage.store.deadlines == [1000.0 + (SOON - 1000.0) * SHARE_OF_DEADLINE] * 2
    assert stage.store.twilio.deadlines == [SOON]


async def test_messages_that_come_together_look_once() -> None:
    import asyncio

    stage = ContentStage(*[CREATED] * 5)
    await asyncio.gather(*(stage.channel.send(PHONE, ASK, SOON) for _ in range(5)))
    assert [method for method, _ in stage.store.asked] == ["GET", "POST"]


async def test_who_waited_too_long_for_another_to_look_goes_without() -> None:
    stage = ContentStage()
    store = ContentStore(ContentApi(WITH_CONTENT, stage.store), stage.clock)
    async with store._one_at_a_time:
        import asyncio

        waiting = asyncio.ensure_future(store.sid("quick_reply_2", SOON))
        await asyncio.sleep(0)
        stage.clock.seconds = (SOON - 1000.0) * SHARE_OF_DEADLINE
    assert await waiting is None
    assert stage.store.asked == []


async def test_without_a_content_api_choices_are_numbered() -> None:
    store = Store(answer("created_text.json"))
    await WhatsApp(CONFIG, store, FakeClock()).send(PHONE, ASK, SOON)
    assert store.twilio.form()["Body"] == NUMBERED
    assert store.asked == []


async def test_the_sids_of_what_is_there_can_be_asked_for() -> None:
    one = BY_NAME["list_4", "en"]
    store = ContentStore(ContentApi(WITH_CONTENT, Store(contents=[stored(one, 4)])), FakeClock())
    assert await store.sids(SOON) == {"list_4": f"HX{4:032x}"}
    assert await store.sid("nothing_of_ours", SOON) is None

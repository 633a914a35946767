"""How the sandbox's Twilio makes a message of a Content, and what WhatsApp does not accept of it."""

from __future__ import annotations

import orjson
import pytest

from integrations.contract.exchange import Response
from integrations.sandbox.twilio import Item
from tests.channels.twilio.sandbox_stage import JANE, OUR_SMS, Stage
from tests.channels.twilio.test_sandbox_content import BOTH, FULL, body, replies, rows

DELIVERED = ("delivered", "")
LOST = ("undelivered", "63021")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '"x"', '{"1": "x"}', '{"1": "x", "2": ""}', '{"1": "x", "2": " "}', '{"1": "x", "2": 5}', "{}"],
)
async def test_each_place_used_needs_a_string_that_is_not_empty(text: str) -> None:
    stage = await Stage().opened()
    sid = await stage.content(replies())
    assert await stage.refused(ContentSid=sid, ContentVariables=text) == (400, 21656)


async def test_quick_replies_show_their_buttons_filled_in() -> None:
    stage = await Stage().opened()
    actions = [{"type": "QUICK_REPLY", "title": "{{3}}", "id": "{{4}}"}, {"title": "No", "id": "no"}]
    sid = await stage.content(replies(actions=actions))
    text = orjson.dumps({**FULL, "3": "Ndiyo", "4": "n:yes", "9": "unused {{1}}"}).decode()
    assert await stage.fate(ContentSid=sid, ContentVariables=text) == DELIVERED
    bubble = stage.side.chat(JANE)[-1]
    assert bubble.text == "Pay KES 500 for Mama now?"
    assert bubble.buttons == (("Ndiyo", "n:yes"), ("No", "no"))
    assert not bubble.template
    assert (await stage.message(bubble.sid))["body"] == bubble.text


async def test_a_list_shows_its_rows_inside_the_window_and_never_outside() -> None:
    stage = Stage()
    sid = await stage.content(rows())
    await stage.approve(sid)
    assert await stage.fate(ContentSid=sid) == ("undelivered", "63016")
    await stage.opened()
    assert await stage.fate(ContentSid=sid) == DELIVERED
    bubble = stage.side.chat(JANE)[-1]
    assert (bubble.text, bubble.list_label) == ("Which meter?", "Choose")
    assert bubble.items == (Item("Row 1", "1.", "n:1"), Item("Row 2", "2.", "n:2"))


async def test_more_than_three_buttons_need_approval() -> None:
    stage = await Stage().opened()
    three, four = await stage.content(replies(3)), await stage.content(replies(4), FULL)
    assert await stage.fate(ContentSid=three, ContentVariables=BOTH) == DELIVERED
    assert await stage.fate(ContentSid=four, ContentVariables=BOTH) == LOST
    await stage.approve(four)
    assert await stage.fate(ContentSid=four, ContentVariables=BOTH) == DELIVERED
    assert [len(bubble.buttons) for bubble in stage.side.chat(JANE) if bubble.on_the_phone] == [0, 3, 4]


async def test_a_card_needs_approval_even_inside_the_window() -> None:
    stage = await Stage().opened()
    actions = [
        {"type": "QUICK_REPLY", "title": "Yes", "id": "y"},
        {"type": "URL", "title": "See", "url": "https://bili.test"},
    ]
    sid = await stage.content({"twilio/card": {"title": "Receipt", "subtitle": "Bili", "actions": actions}})
    assert await stage.fate(ContentSid=sid) == LOST
    await stage.approve(sid)
    assert await stage.fate(ContentSid=sid) == DELIVERED
    bubble = stage.side.chat(JANE)[-1]
    assert (bubble.text, bubble.buttons, bubble.links) == (
        "Receipt\nBili", (("Yes", "y"),), (("See", "https://bili.test"),),
    )  # fmt: skip


PLACES = replies(body="{{1}}", actions=[{"title": "{{2}}", "id": "{{3}}"}, {"title": "{{4}}", "id": "{{5}}"}])


@pytest.mark.parametrize(
    "changes",
    [
        {"1": "x" * 1025},
        {"2": "x" * 21},
        {"2": "two\nlines"},
        {"3": "x" * 201},
        {"2": "No"},
        {"3": "no"},
    ],
)
async def test_what_only_shows_when_it_is_filled_in_is_reported_or_refused(changes: dict[str, str]) -> None:
    values = {"1": "Pay?", "2": "Yes", "3": "yes", "4": "No", "5": "no"}
    given, bad = orjson.dumps(values).decode(), orjson.dumps({**values, **changes}).decode()
    stage = await Stage().opened()
    sid = await stage.content(PLACES)
    assert await stage.fate(ContentSid=sid, ContentVariables=given) == DELIVERED
    assert await stage.fate(ContentSid=sid, ContentVariables=bad) == LOST
    strict = await Stage(form_refused="create").opened()
    sid = await strict.content(PLACES)
    assert await strict.refused(ContentSid=sid, ContentVariables=bad) == (400, 63021)


async def test_what_is_exactly_as_long_as_it_may_be_is_taken() -> None:
    stage = await Stage().opened()
    longest = {"1": "x" * 1024, "2": "x" * 20, "3": "x" * 200, "4": "No", "5": "no"}
    buttons = await stage.content(PLACES)
    assert await stage.fate(ContentSid=buttons, ContentVariables=orjson.dumps(longest).decode()) == DELIVERED
    items = [{"item": "x" * 24, "id": "x" * 200, "description": "x" * 72}]
    listed = await stage.content(rows(body="x" * 1024, button="x" * 20, items=items))
    assert await stage.fate(ContentSid=listed) == DELIVERED
    text = await stage.content(body("x" * 1600))
    assert await stage.fate(ContentSid=text) == DELIVERED


async def test_line_breaks_in_values_can_be_forbidden_outside_templates_too() -> None:
    stage = await Stage(session_line_breaks=False).opened()
    sid = await stage.content(replies())
    text = orjson.dumps({"1": "KES 500\nfee", "2": "Mama"}).decode()
    assert await stage.fate(ContentSid=sid, ContentVariables=text) == LOST
    assert await stage.fate(ContentSid=sid, ContentVariables=BOTH) == DELIVERED


async def test_of_several_types_whatsapp_gets_the_richest_and_an_sms_the_text() -> None:
    stage = await Stage().opened()
    sid = await stage.content({**replies(), **body("Reply 1 or 2 for {{1}}")})
    assert await stage.fate(ContentSid=sid, ContentVariables=BOTH) == DELIVERED
    assert len(stage.side.chat(JANE)[-1].buttons) == 2
    await stage.sent(To=JANE, From=OUR_SMS, ContentSid=sid, ContentVariables=BOTH)
    await stage.pass_time()
    assert stage.side.sms(JANE) == ["Reply 1 or 2 for KES 500"]
    only = await stage.content(rows())
    assert await stage.refused(To=JANE, From=OUR_SMS, ContentSid=only) == (400, 21619)


async def test_the_list_may_keep_the_body_of_a_content_to_itself() -> None:
    stage = await Stage(content_body_listed=False).opened()
    sid = await stage.content(replies())
    await stage.fate(ContentSid=sid, ContentVariables=BOTH)
    assert (await stage.listed())["messages"][0]["body"] == ""


async def test_media_a_place_and_links_of_a_content_are_shown() -> None:
    stage = await Stage().opened()
    url = "https://bili.test/receipt.png"
    stage.files[url] = Response(200, {"content-type": "image/png"}, b"x")
    picture = await stage.content({"twilio/media": {"body": "Receipt {{1}}", "media": ["https://bili.test/{{2}}.png"]}})
    given = orjson.dumps({"1": "B7K2", "2": "receipt"}).decode()
    assert await stage.fate(ContentSid=picture, ContentVariables=given) == DELIVERED
    shop = await stage.content({"twilio/location": {"latitude": -1.29, "longitude": 36.82, "label": "Our shop"}})
    assert await stage.fate(ContentSid=shop) == DELIVERED
    actions = [
        {"type": "URL", "title": "See", "url": "https://bili.test/r"},
        {"type": "COPY_CODE", "title": "Copy", "code": "7"},
    ]
    links = await stage.content({"twilio/call-to-action": {"body": "Done", "actions": actions}})
    assert await stage.fate(ContentSid=links) == DELIVERED
    _, first, second, third = stage.side.chat(JANE)
    assert (first.text, first.media, first.sid[:2]) == ("Receipt B7K2", (url,), "MM")
    assert (second.text, second.media) == ("Our shop", ("geo:-1.29,36.82",))
    assert (third.text, third.links) == ("Done", (("See", "https://bili.test/r"), ("Copy", "7")))


async def test_a_template_is_shorter_than_a_text() -> None:
    stage = await Stage().opened()
    sid = await stage.content(body("It is {{1}}, as you know."), {"1": "so"})
    whole, long = (
        orjson.dumps({"1": "x" * (length - len("It is , as you know."))}).decode() for length in (1024, 1025)
    )
    assert await stage.fate(ContentSid=sid, ContentVariables=long) == DELIVERED
    await stage.approve(sid)
    assert await stage.fate(ContentSid=sid, ContentVariables=long) == LOST
    assert await stage.fate(ContentSid=sid, ContentVariables=whole) == DELIVERED

"""The controls of the WhatsApp phone: what a person can do in it, what they then see, and what is refused."""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import pytest

from integrations.sandbox.acts import CAPTION_LENGTH_MAX, CAPTIONED, KINDS, App
from tests.sandbox.stages import AMINA, AMINAS_NUMBER, OTIENO, ZAWADI, ZAWADIS_NUMBER, Sandbox

Json: TypeAlias = Any

HOOK = "http://127.0.0.1:9/webhooks/twilio/whatsapp"
ROWS = [
    {"item": "Home", "id": "m1", "description": "14123456783"},
    {"item": "Shop", "id": "m2"},
]


@pytest.fixture
def sandbox() -> Sandbox:
    one = Sandbox()
    one.host.twilio.webhook_url = HOOK
    return one


async def act(sandbox: Sandbox, name: str, user: int = AMINA, **body: object) -> tuple[int, Json]:
    return await sandbox.post(name, user=user, channel="whatsapp", **body)


async def seen(sandbox: Sandbox, user: int = AMINA) -> list[Json]:
    messages = (await sandbox.state(user))["whatsapp"]["messages"]
    assert isinstance(messages, list)
    return messages


async def told(sandbox: Sandbox) -> dict[str, str]:
    """The form of the newest webhook."""
    await sandbox.drain()
    request = sandbox.receiver.requests[-1]
    assert request.url == HOOK
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


async def list_of_meters(sandbox: Sandbox) -> str:
    await act(sandbox, "say", text="hi")
    content = await sandbox.content("twilio/list-picker", body="Which meter?", button="Choose", items=ROWS)
    return await sandbox.send(ContentSid=content)


# --- seeing


async def test_the_chat_is_empty_before_anybody_writes(sandbox: Sandbox) -> None:
    assert (await sandbox.state())["whatsapp"] == {"person": AMINA, "hidden": False, "messages": []}


async def test_a_message_with_quick_replies_is_seen_with_its_ticks(sandbox: Sandbox) -> None:
    sid = await sandbox.offer("Yes", "No")
    typed, shown = await seen(sandbox)
    assert (typed["from_bot"], typed["text"], typed["ticks"]) == (False, "hi", "delivered")
    assert (shown["id"], shown["from_bot"], shown["text"]) == (sid, True, "Which one?")
    assert shown["buttons"] == [{"label": "Yes", "data": "yes"}, {"label": "No", "data": "no"}]
    assert (shown["at"], shown["ticks"]) == ("2026-01-05T09:00:00+00:00", "delivered")
    assert (shown["items"], shown["list_label"], shown["links"], shown["media"]) == ([], "", [], [])
    assert (shown["template"], shown["replies_to"]) == (False, "")


async def test_a_list_is_seen_with_its_label_and_rows(sandbox: Sandbox) -> None:
    await list_of_meters(sandbox)
    shown = (await seen(sandbox))[-1]
    assert shown["list_label"] == "Choose"
    assert shown["items"] == [
        {"title": "Home", "description": "14123456783", "data": "m1"},
        {"title": "Shop", "description": "", "data": "m2"},
    ]


async def test_a_message_still_on_its_way_is_not_seen_and_one_that_failed_says_so(sandbox: Sandbox) -> None:
    await act(sandbox, "say", text="hi")
    await sandbox.post("fault", name="twilio_undelivered_person", times=1)
    await sandbox.send(Body="lost")
    await sandbox.send(Body="there")
    assert [(one["text"], one["ticks"]) for one in await seen(sandbox)] == [
        ("hi", "delivered"),
        ("lost", "failed"),
        ("there", "delivered"),
    ]


async def test_chats_of_two_people_and_of_two_apps_are_apart(sandbox: Sandbox) -> None:
    await act(sandbox, "say", text="on WhatsApp")
    await sandbox.post("say", user=AMINA, text="on Telegram")
    state = await sandbox.state()
    assert [one["text"] for one in state["whatsapp"]["messages"]] == ["on WhatsApp"]
    assert [one["text"] for one in state["telegram"]["messages"]] == ["on Telegram"]
    assert await seen(sandbox, OTIENO) == []


async def test_who_hides_the_number_is_told_by_an_id_and_still_has_a_handset(sandbox: Sandbox) -> None:
    state = await sandbox.state(ZAWADI)
    assert (state["whatsapp"]["hidden"], state["people"][2]["phone"]) == (True, ZAWADIS_NUMBER)
    assert [one["person"] for one in state["handsets"]][2] == ZAWADI
    await act(sandbox, "say", ZAWADI, text="habari")
    form = await told(sandbox)
    assert form["From"].startswith("whatsapp:KE.")
    assert ZAWADIS_NUMBER not in str(form)


async def test_an_sms_of_ours_is_on_the_handset_beside_the_operators(sandbox: Sandbox) -> None:
    await sandbox.post("pin", prompt=sandbox.prompt(), pin="1234")
    await sandbox.send(to=AMINAS_NUMBER, Body="Your token is 7412 3456")
    amina, otieno, _ = (await sandbox.state())["handsets"]
    assert [one["sender"] for one in amina["sms"]] == ["MPESA", "+15550000002"]
    assert amina["sms"][1]["text"] == "Your token is 7412 3456"
    assert otieno["sms"] == []


async def test_a_stranger_who_pays_has_a_handset_although_twilio_never_heard_of_them(sandbox: Sandbox) -> None:
    sandbox.prompt("254733000099")
    assert (await sandbox.state())["handsets"][3]["sms"] == []


# --- doing


async def test_what_is_typed_reaches_us_with_the_number(sandbox: Sandbox) -> None:
    assert await act(sandbox, "say", text="500 14123456783") == (200, {"ok": True})
    form = await told(sandbox)
    assert (form["From"], form["Body"]) == (f"whatsapp:{AMINAS_NUMBER}", "500 14123456783")


async def test_a_tap_reaches_us_with_its_payload_and_quotes_the_message(sandbox: Sandbox) -> None:
    sid = await sandbox.offer("Yes", "No")
    assert (await act(sandbox, "tap", message=sid, data="no"))[0] == 200
    form = await told(sandbox)
    assert (form["ButtonPayload"], form["Body"], form["OriginalRepliedMessageSid"]) == ("no", "No", sid)
    assert (await seen(sandbox))[-1]["replies_to"] == sid


async def test_a_picked_row_reaches_us_with_its_id(sandbox: Sandbox) -> None:
    sid = await list_of_meters(sandbox)
    assert (await act(sandbox, "pick", message=sid, data="m2"))[0] == 200
    form = await told(sandbox)
    assert (form["ListId"], form["Body"], form["OriginalRepliedMessageSid"]) == ("m2", "Shop", sid)


async def test_an_older_message_is_replied_to(sandbox: Sandbox) -> None:
    sid = await sandbox.offer("Yes")
    await act(sandbox, "say", text="wait")
    assert (await act(sandbox, "reply", message=sid, text="this one"))[0] == 200
    form = await told(sandbox)
    assert (form["Body"], form["OriginalRepliedMessageSid"]) == ("this one", sid)


async def test_a_forwarded_text_says_so(sandbox: Sandbox) -> None:
    assert (await act(sandbox, "forward", text="SK1 Confirmed."))[0] == 200
    assert (await told(sandbox))["Forwarded"] == "true"


@pytest.mark.parametrize("kind", KINDS[App.WHATSAPP])
async def test_what_is_not_text_can_be_sent_and_is_seen_as_its_kind(sandbox: Sandbox, kind: str) -> None:
    assert (await act(sandbox, "other", kind=kind))[0] == 200
    assert (await told(sandbox))["MessageType"] != "text"
    assert (await seen(sandbox))[-1]["media"] == [kind]


@pytest.mark.parametrize("kind", CAPTIONED)
async def test_a_caption_goes_with_its_picture(sandbox: Sandbox, kind: str) -> None:
    assert (await act(sandbox, "other", kind=kind, caption="this meter?"))[0] == 200
    form = await told(sandbox)
    assert (form["Body"], form["NumMedia"]) == ("this meter?", "1")
    assert (await seen(sandbox))[-1]["text"] == "this meter?"


async def test_looking_turns_the_ticks_to_read_and_is_news(sandbox: Sandbox) -> None:
    await sandbox.offer("Yes")
    before = await sandbox.state()
    assert before["whatsapp"]["messages"][-1]["ticks"] == "delivered"
    assert (await act(sandbox, "read"))[0] == 200
    await sandbox.drain()
    after = await sandbox.state()
    assert after["whatsapp"]["messages"][-1]["ticks"] == "read"
    assert after["revision"] > before["revision"]


async def test_after_a_day_without_a_word_nothing_free_arrives_until_the_person_writes(sandbox: Sandbox) -> None:
    await act(sandbox, "say", text="hi")
    assert (await act(sandbox, "close_window"))[0] == 200
    await sandbox.send(Body="too late")
    await act(sandbox, "say", text="hi again")
    await sandbox.send(Body="in time")
    assert [(one["text"], one["ticks"]) for one in await seen(sandbox) if one["from_bot"]] == [
        ("too late", "failed"),
        ("in time", "delivered"),
    ]


# --- refusing

LONG = "x" * 4097
NOTHING = "SM" + "f" * 32
BAD: list[tuple[str, dict[str, object]]] = [
    ("say", {}),
    ("say", {"user": AMINA, "text": "  "}),
    ("say", {"user": AMINA, "text": LONG}),
    ("say", {"user": 5, "text": "hi"}),
    ("tap", {"user": AMINA, "message": 2, "data": "yes"}),
    ("tap", {"user": AMINA, "message": NOTHING, "data": "yes"}),
    ("tap", {"user": AMINA, "message": "<sid>", "data": "made-up"}),
    ("tap", {"user": AMINA, "message": "<sid>"}),
    ("tap", {"user": OTIENO, "message": "<sid>", "data": "yes"}),
    ("pick", {"user": AMINA, "message": "<sid>", "data": "yes"}),
    ("pick", {"user": AMINA, "data": "m1"}),
    ("reply", {"user": AMINA, "message": NOTHING, "text": "hi"}),
    ("reply", {"user": AMINA, "message": "<sid>"}),
    ("reply", {"user": AMINA, "message": "<sid>", "text": ""}),
    ("forward", {"user": AMINA}),
    ("other", {"user": AMINA, "kind": "song"}),
    ("other", {"user": AMINA, "kind": "voice", "caption": "listen"}),
    ("other", {"user": AMINA, "kind": "photo", "caption": " "}),
    ("other", {"user": AMINA, "kind": "photo", "caption": "x" * (CAPTION_LENGTH_MAX + 1)}),
    ("share", {"user": AMINA}),
    ("read", {"user": 5}),
    ("close_window", {}),
]


@pytest.mark.parametrize(("name", "body"), BAD)
async def test_bad_input_is_refused_in_a_sentence_and_changes_nothing(
    sandbox: Sandbox, name: str, body: dict[str, object]
) -> None:
    sid = await sandbox.offer("Yes")
    given = {field: sid if value == "<sid>" else value for field, value in body.items()}
    before = await sandbox.state()
    status, answer = await sandbox.post(name, channel="whatsapp", **given)
    assert status == 400
    assert answer["error"][0].isupper() or answer["error"][0] == "“"
    assert answer["error"].endswith(".")
    assert await sandbox.state() == before


async def test_what_failed_on_the_way_cannot_be_tapped_or_replied_to(sandbox: Sandbox) -> None:
    await act(sandbox, "say", text="hi")
    await sandbox.post("fault", name="twilio_undelivered_person", times=1)
    actions = [{"title": "Yes", "id": "yes"}]
    content = await sandbox.content("twilio/quick-reply", body="Well?", actions=actions)
    sid = await sandbox.send(ContentSid=content)
    for name in ("tap", "reply"):
        status, answer = await act(sandbox, name, message=sid, data="yes", text="hi")
        assert (status, answer["error"]) == (400, "That message is not on the phone.")

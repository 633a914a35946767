"""Verification, acknowledgement, sending and polling, over a Send that answers from the wire files."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from integrations.channels.telegram import adapter
from integrations.channels.telegram.adapter import POLL_LIMIT, PROOF_HEADER, Telegram
from integrations.channels.telegram.config import TelegramConfig
from integrations.channels.telegram.wire.answers import Conflict
from integrations.channels.telegram.wire.updates import UPDATE_KINDS
from integrations.contract.channel import Channel
from integrations.contract.exchange import RESPONSE_BYTES_MAX, NotSent, Request, Response, Sent, Unknown
from integrations.contract.message import (
    Delivered,
    Gone,
    Ignored,
    Malformed,
    Message,
    Received,
    Rejected,
    Sending,
    Span,
    Tapped,
    Throttled,
)
from integrations.contract.people import Secret
from tests.channels.telegram.stage import (
    API_URL,
    CONFIG,
    OLD_SECRET,
    SECRET,
    START,
    TOKEN,
    FakeClock,
    Script,
    answer,
    hello,
    wire,
)

ROTATING = TelegramConfig(
    token=Secret(TOKEN), webhook_secret=Secret(SECRET), previous_webhook_secret=Secret(OLD_SECRET), api_url=API_URL
)
SOON = 1020.0


def telegram(*answers: Sent, config: TelegramConfig = CONFIG) -> tuple[Telegram, Script]:
    script = Script(*answers)
    return Telegram(config, script, FakeClock()), script


def hook(body: bytes, secret: str | None = SECRET) -> Request:
    headers = {"content-type": "application/json"} | ({} if secret is None else {PROOF_HEADER: secret})
    return Request("POST", "/webhooks/telegram", headers, body)


def test_it_is_a_channel() -> None:
    channel: Channel = telegram()[0]
    assert channel.name == "telegram"


# --- receiving


@pytest.mark.parametrize(
    ("secret", "steady", "rotating"),
    [
        (SECRET, True, True),
        (OLD_SECRET, False, True),
        (None, False, False),
        ("", False, False),
        (SECRET[:-1], False, False),
        (SECRET + "x", False, False),
        ("\udcff" + SECRET, False, False),
    ],
)
def test_S03_only_the_current_secret_passes_and_the_previous_one_while_it_is_replaced(
    secret: str | None, steady: bool, rotating: bool
) -> None:
    for config, passes in ((CONFIG, steady), (ROTATING, rotating)):
        received = telegram(config=config)[0].receive(hook(wire("update_text.json"), secret))
        assert isinstance(received, list) is passes
        if not passes:
            assert received == Rejected("wrong secret", 401)


def test_S03_the_secret_is_asked_for_before_the_body_is_looked_at() -> None:
    assert telegram()[0].receive(hook(b"not json", None)) == Rejected("wrong secret", 401)


@pytest.mark.parametrize("body", [b"", b"not json", b'{"update_id": 1', b"\xff", b'{"a":' * 5000])
def test_what_is_not_json_is_a_bad_request(body: bytes) -> None:
    assert telegram()[0].receive(hook(body)) == Rejected("not JSON", 400)


def test_json_that_is_no_update_is_a_bad_request() -> None:
    assert telegram()[0].receive(hook(b"[]")) == Rejected("not an Update", 400)


def test_one_webhook_request_brings_one_input() -> None:
    received = telegram()[0].receive(hook(wire("update_text.json")))
    assert isinstance(received, list)
    assert [one.address for one in received if isinstance(one, Received)] == ["5011"]


def test_F078_a_tap_is_answered_in_the_answer_to_its_own_webhook() -> None:
    channel, script = telegram()
    received = channel.receive(hook(wire("update_tap.json")))
    assert isinstance(received, list)
    acknowledged = channel.acknowledge(received)
    assert acknowledged.status == 200
    assert acknowledged.headers["content-type"] == "application/json"
    assert orjson.loads(acknowledged.body) == {
        "method": "answerCallbackQuery",
        "callback_query_id": "21520000000000001",
    }
    assert script.requests == []


@pytest.mark.parametrize("name", ["text", "contact_own", "group_text", "blocked"])
def test_anything_else_is_acknowledged_with_nothing(name: str) -> None:
    channel, _ = telegram()
    received = channel.receive(hook(wire(f"update_{name}.json")))
    assert isinstance(received, list)
    assert channel.acknowledge(received) == Response(200)


# --- sending


async def test_a_message_is_one_json_post_under_the_token() -> None:
    channel, script = telegram(answer("sent"))
    assert await channel.send("5011", hello("Pay?"), SOON) == Delivered("42")
    (request,) = script.requests
    assert (request.method, request.url) == ("POST", f"{API_URL}/bot{TOKEN}/sendMessage")
    assert request.headers["content-type"] == "application/json"
    assert script.body()["text"] == "Pay?"


NEW: dict[str, Sending] = {
    "sent": Delivered("42"),
    "429": Throttled(3.0),
    "429_without_parameters": Throttled(5.0),
    "403_blocked": Gone("Forbidden: bot was blocked by the user"),
    "403_deactivated": Gone("Forbidden: user is deactivated"),
    "403_cannot_initiate": Gone("Forbidden: bot can't initiate conversation with a user"),
    "403_kicked": Gone("Forbidden: bot was kicked from the supergroup chat"),
    "400_chat_not_found": Gone("Bad Request: chat not found"),
    "400_upgraded": Gone("Bad Request: group chat was upgraded to a supergroup chat"),
    "400_entities": Malformed('Bad Request: can\'t parse entities: Unsupported start tag "o" at byte offset 5'),
    "400_too_long": Malformed("Bad Request: message is too long"),
    "400_button_data": Malformed("Bad Request: BUTTON_DATA_INVALID"),
    "401": Malformed("token"),
    "404": Malformed("token"),
    "409_poller": Unknown("error 409"),
    "500": Unknown("error 500"),
    "502.html": Unknown("status 502 without an answer of the Bot API"),
}


@pytest.mark.parametrize("name", NEW)
async def test_F080_F081_each_answer_to_a_message_is_what_it_means(name: str) -> None:
    channel, script = telegram(answer(name))
    assert await channel.send("5011", hello(), SOON) == NEW[name]
    assert len(script.requests) == 1


@pytest.mark.parametrize("sent", [NotSent("refused"), Unknown("timeout")])
async def test_what_the_transport_says_is_passed_on_and_nothing_is_repeated(sent: NotSent | Unknown) -> None:
    for message in (hello(), hello(edits="40")):
        channel, script = telegram(sent)
        assert await channel.send("5011", message, SOON) == sent
        assert len(script.requests) == 1


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"ok":true}', b'{"ok":true,"result":true}', b"\xff"])
async def test_a_success_that_cannot_be_read_is_unknown(body: bytes) -> None:
    channel, _ = telegram(Response(200, {}, body))
    assert isinstance(await channel.send("5011", hello(), SOON), Unknown)


async def test_an_edit_changes_the_message_in_place() -> None:
    channel, script = telegram(answer("edited"))
    assert await channel.send("5011", hello("Paid", edits="40"), SOON) == Delivered("40")
    assert script.methods() == ["editMessageText"]
    assert script.body()["message_id"] == 40


async def test_F079_an_edit_that_changes_nothing_is_done() -> None:
    channel, script = telegram(answer("400_not_modified"))
    assert await channel.send("5011", hello(edits="40"), SOON) == Delivered("40")
    assert len(script.requests) == 1


@pytest.mark.parametrize("name", ["400_edit_not_found", "400_cannot_be_edited", "400_message_id_invalid"])
async def test_F079_what_can_no_longer_be_edited_is_said_anew(name: str) -> None:
    channel, script = telegram(answer(name), answer("sent"))
    assert await channel.send("5011", hello("Paid", edits="40"), SOON) == Delivered("42")
    assert script.methods() == ["editMessageText", "sendMessage"]
    assert "message_id" not in script.body(1)


@pytest.mark.parametrize("name", ["500", "502.html", "429", "403_blocked", "400_entities", "401"])
async def test_F079_after_any_other_failed_edit_nothing_is_said_anew(name: str) -> None:
    channel, script = telegram(answer(name))
    assert await channel.send("5011", hello(edits="40"), SOON) == NEW[name]
    assert len(script.requests) == 1


@pytest.mark.parametrize("message", [hello(" "), hello("x" * 4097), hello("?", ("x" * 65, "Yes"))])
async def test_what_telegram_would_refuse_is_not_sent(message: Message) -> None:
    channel, script = telegram()
    assert isinstance(await channel.send("5011", message, SOON), Malformed)
    assert script.requests == []


# --- the share button


SHARE = Message((Span("Which phone?"),), share_phone="Share my number")


async def markups(channel: Telegram, script: Script, *messages: Message) -> list[object]:
    for message in messages:
        assert isinstance(await channel.send("5011", message, SOON), Delivered)
    return [next(iter(script.body(number).get("reply_markup", {"none": 0}))) for number in range(len(messages))]


async def test_the_share_button_is_taken_away_once_by_the_next_message_that_can() -> None:
    channel, script = telegram(*[answer("sent")] * 4)
    said = await markups(channel, script, SHARE, hello("Pay?", ("a", "Yes")), hello("Thanks"), hello("Bye"))
    assert said == ["keyboard", "inline_keyboard", "remove_keyboard", "none"]


async def test_the_share_button_stays_while_it_is_asked_for_again() -> None:
    channel, script = telegram(*[answer("sent")] * 3)
    assert await markups(channel, script, SHARE, SHARE, hello()) == ["keyboard", "keyboard", "remove_keyboard"]


async def test_a_progress_message_leaves_the_keyboard_so_that_it_can_be_edited_later() -> None:
    channel, script = telegram(*[answer("sent")] * 3)
    progress = replace(hello(), progress=True)
    said = await markups(channel, script, SHARE, progress, hello())
    assert said == ["keyboard", "none", "remove_keyboard"]


async def test_a_share_button_that_was_not_delivered_needs_no_removal() -> None:
    channel, script = telegram(answer("429"), answer("sent"))
    await channel.send("5011", SHARE, SOON)
    await channel.send("5011", hello(), SOON)
    assert "reply_markup" not in script.body(1)


async def test_a_removal_that_was_not_delivered_is_still_due() -> None:
    channel, script = telegram(answer("sent"), Unknown("lost"), answer("sent"))
    for message in (SHARE, hello(), hello()):
        await channel.send("5011", message, SOON)
    assert script.body(1)["reply_markup"] == script.body(2)["reply_markup"] == {"remove_keyboard": True}


async def test_a_share_button_cannot_be_put_under_an_old_message_so_a_new_one_is_sent() -> None:
    channel, script = telegram(answer("sent"))
    await channel.send("5011", Message(SHARE.body, share_phone="Share", edits="40"), SOON)
    assert script.methods() == ["sendMessage"]


async def test_the_memory_of_open_share_buttons_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "OPEN_KEYBOARDS_MAX", 2)
    channel, script = telegram(*[answer("sent")] * 5)
    for address in ("1", "2", "3"):
        await channel.send(address, SHARE, SOON)
    for address in ("1", "3"):
        await channel.send(address, hello(), SOON)
    assert ["reply_markup" in script.body(number) for number in (3, 4)] == [False, True]


# --- typing, taps, polling


async def test_typing_is_shown_and_its_failure_concerns_nobody() -> None:
    channel, script = telegram(Unknown("timeout"), answer("403_blocked"))
    await channel.working("5011", SOON)
    await channel.working("5011", SOON)
    assert script.methods() == ["sendChatAction"] * 2
    assert script.body() == {"chat_id": 5011, "action": "typing"}


async def test_F078_polled_taps_are_answered_and_a_late_answer_is_no_error() -> None:
    channel, script = telegram(answer("400_query_too_old"), Unknown("timeout"))
    tap = Received("1", "5011", Tapped("a", "40", "q1"), START)
    other = Received("2", "5012", Tapped("a", "40", "q2"), START)
    await channel.answer_taps([tap, Ignored("group"), other], SOON)
    assert script.methods() == ["answerCallbackQuery"] * 2
    assert [script.body(number)["callback_query_id"] for number in (0, 1)] == ["q1", "q2"]


async def test_polling_asks_for_what_comes_after_the_last_one_stored() -> None:
    channel, script = telegram(answer("no_updates"))
    assert await channel.poll(880000001, 25, SOON) == []
    assert script.methods() == ["getUpdates"]
    assert script.body() == {
        "offset": 880000002,
        "limit": POLL_LIMIT,
        "timeout": 25,
        "allowed_updates": list(UPDATE_KINDS),
    }


async def test_polled_updates_come_with_their_ids_also_those_not_for_us() -> None:
    channel, _ = telegram(answer("updates"))
    updates = await channel.poll(0, 0, SOON)
    assert isinstance(updates, list)
    assert [type(one) for _, one in updates] == [Received, Received, Ignored]
    assert [number for number, _ in updates] == sorted(number for number, _ in updates)


@pytest.mark.parametrize("name", ["409_webhook", "409_poller"])
async def test_F089_a_conflict_is_told_apart(name: str) -> None:
    channel, _ = telegram(answer(name))
    conflict = await channel.poll(0, 0, SOON)
    assert isinstance(conflict, Conflict)
    assert conflict.reason.startswith("Conflict: ")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (answer("429"), Throttled(3.0)),
        (answer("401"), Malformed("token")),
        (answer("500"), Unknown("error 500")),
        (answer("502.html"), Unknown("status 502 without an answer of the Bot API")),
        (answer("403_blocked"), Unknown("Forbidden: bot was blocked by the user")),
        (NotSent("refused"), NotSent("refused")),
        (Unknown("timeout"), Unknown("timeout")),
    ],
)
async def test_a_poll_that_brings_nothing_says_why(sent: Sent, expected: object) -> None:
    channel, _ = telegram(sent)
    assert await channel.poll(0, 0, SOON) == expected


def test_F073_a_poll_of_the_longest_messages_fits_into_an_answer() -> None:
    emoji = len("\\ud83d\\ude00")  # as Telegram writes one that counts two of the 4096
    entity = {"type": "strikethrough", "offset": 4095, "length": 4095}
    update = orjson.loads(wire("update_reply.json"))
    longest = {"text": "", "entities": [entity] * 100}
    update["message"] |= longest
    update["message"]["reply_to_message"] |= longest
    bytes_each = len(orjson.dumps(update)) + 2 * 2048 * emoji
    assert bytes_each * POLL_LIMIT < RESPONSE_BYTES_MAX * 0.7

"""The sandbox's Bot API is as strict as the real one, whatever library calls it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup
from telegram.error import BadRequest, Forbidden

from integrations.channels.telegram.setup import SendRequest
from integrations.contract.exchange import NoAnswer, Request, Response
from integrations.sandbox.far_side import FarSide
from tests.channels.telegram.stage import API_URL, JANE, PHONE, SECRET, TOKEN, WEBHOOK_URL, Stage

CHAT_NOT_FOUND = "Bad Request: chat not found"


async def started() -> Stage:
    stage = Stage()
    await stage.side.say(JANE, "/start")
    return stage


async def refusal(stage: Stage, method: str, **arguments: object) -> str:
    answer = await stage.call(method, **arguments)
    assert answer["ok"] is False
    return str(answer["description"])


async def sent(stage: Stage, text: str = "Pay?", **arguments: object) -> Any:
    answer = await stage.call("sendMessage", chat_id=JANE, text=text, **arguments)
    assert answer["ok"], answer
    return answer["result"]


def yes_no(label: str = "Yes") -> Any:
    return {"inline_keyboard": [[{"text": label, "callback_data": "n:yes"}]]}


def test_it_is_a_far_side() -> None:
    side: FarSide = Stage().side
    assert side.name == "telegram"


# --- who may call, and how


@pytest.mark.parametrize(
    ("path", "code", "description"),
    [
        ("/", 404, "Not Found"),
        (f"/bot{TOKEN}", 404, "Not Found"),
        (f"/bot{TOKEN}/sendPigeon", 404, "Not Found: method not found"),
        ("/bot700:wrong/getMe", 401, "Unauthorized"),
        ("/bot%C3%A9/getMe", 401, "Unauthorized"),
    ],
)
async def test_a_wrong_address_or_token_is_refused(path: str, code: int, description: str) -> None:
    response = await Stage().side.serve(Request("GET", path))
    assert response.status == code
    assert orjson.loads(response.body) == {"ok": False, "error_code": code, "description": description}


FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize("way", ["query", "form", "json", "json with text inside"])
async def test_arguments_come_by_query_form_or_json_and_nested_ones_also_as_text(way: str) -> None:
    stage = await started()
    flat = {"chat_id": str(JANE), "text": "é & 1", "reply_markup": orjson.dumps(yes_no()).decode()}
    path = f"/telegram/bot{TOKEN}/SENDMESSAGE"
    request = {
        "query": Request("GET", f"{path}?{urlencode(flat)}"),
        "form": Request("POST", path, {"content-type": FORM}, urlencode(flat).encode()),
        "json": Request(
            "POST", path, {"content-type": "application/json"},
            orjson.dumps({"chat_id": JANE, "text": "é & 1", "reply_markup": yes_no()}),
        ),
        "json with text inside": Request("POST", path, {"content-type": "application/json"}, orjson.dumps(flat)),
    }[way]  # fmt: skip
    assert (await stage.side.serve(request)).status == 200
    message = stage.side.chat(JANE)[-1]
    assert (message.text, message.html, message.buttons) == ("é & 1", "é &amp; 1", [[("Yes", "n:yes")]])


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
async def test_a_json_body_that_is_no_object_is_refused(body: bytes) -> None:
    request = Request("POST", f"/bot{TOKEN}/getMe", {"content-type": "application/json"}, body)
    assert (await Stage().side.serve(request)).status == 400


async def test_a_nested_argument_that_is_no_json_is_refused() -> None:
    stage = await started()
    assert await refusal(stage, "sendMessage", chat_id=JANE, text="x", reply_markup="{") == (
        "Bad Request: can't parse reply_markup JSON object"
    )


# --- sending


async def test_a_message_comes_back_as_it_is_shown() -> None:
    stage = await started()
    message = await sent(stage, "Pay <b>500</b>", parse_mode="HTML", reply_markup=yes_no())
    assert message["message_id"] == 2
    assert message["from"]["is_bot"] is True
    assert message["chat"] == {"id": JANE, "first_name": "Jane", "type": "private"}
    assert message["text"] == "Pay 500"
    assert message["entities"] == [{"type": "bold", "offset": 4, "length": 3}]
    assert message["reply_markup"] == yes_no()
    shown = stage.side.chat(JANE)[-1]
    assert (shown.html, shown.text, shown.from_bot) == ("Pay <b>500</b>", "Pay 500", True)


@pytest.mark.parametrize(
    ("arguments", "description"),
    [
        ({"text": "x"}, "Bad Request: chat_id is empty"),
        ({"chat_id": 1, "text": "x"}, CHAT_NOT_FOUND),
        ({"chat_id": "@jane", "text": "x"}, CHAT_NOT_FOUND),
        ({"chat_id": JANE}, "Bad Request: message text is empty"),
        ({"chat_id": JANE, "text": "x" * 4097}, "Bad Request: message is too long"),
    ],
)
async def test_a_message_without_what_it_needs_is_refused(arguments: dict[str, Any], description: str) -> None:
    stage = await started()
    before = stage.side.chat(JANE)
    assert await refusal(stage, "sendMessage", **arguments) == description
    assert stage.side.chat(JANE) == before


async def test_F080_who_never_began_and_who_blocked_cannot_be_written_to() -> None:
    stage = Stage()
    cannot = "Forbidden: bot can't initiate conversation with a user"
    assert await refusal(stage, "sendMessage", chat_id=JANE, text="x") == cannot
    await stage.side.say(JANE, "/start")
    await stage.side.block(JANE)
    blocked = "Forbidden: bot was blocked by the user"
    assert await refusal(stage, "sendMessage", chat_id=JANE, text="x") == blocked
    assert await refusal(stage, "sendChatAction", chat_id=JANE, action="typing") == blocked
    await stage.side.unblock(JANE)
    await sent(stage)


# --- editing and deleting


async def test_an_edit_replaces_text_and_buttons() -> None:
    stage = await started()
    number = (await sent(stage, reply_markup=yes_no()))["message_id"]
    edited = (await stage.call("editMessageText", chat_id=JANE, message_id=number, text="Paid"))["result"]
    assert (edited["text"], "reply_markup" in edited, "edit_date" in edited) == ("Paid", False, True)
    shown = stage.side.chat(JANE)[-1]
    assert (shown.text, shown.html, shown.buttons, shown.edited) == ("Paid", "Paid", [], True)


async def test_the_buttons_alone_can_be_edited() -> None:
    stage = await started()
    number = (await sent(stage, reply_markup=yes_no()))["message_id"]
    markup = {"inline_keyboard": [[{"text": "No", "callback_data": "n:no"}]]}
    answer = await stage.call("editMessageReplyMarkup", chat_id=JANE, message_id=number, reply_markup=markup)
    assert answer["result"]["reply_markup"] == markup
    assert stage.side.chat(JANE)[-1].text == "Pay?"


async def test_F079_an_edit_that_changes_nothing_is_refused_in_telegrams_words() -> None:
    stage = await started()
    number = (await sent(stage, "a <b>b</b>", parse_mode="HTML", reply_markup=yes_no()))["message_id"]
    same: dict[str, Any] = {"chat_id": JANE, "message_id": number, "parse_mode": "HTML", "reply_markup": yes_no()}
    words = "Bad Request: message is not modified: specified new message content"
    assert (await refusal(stage, "editMessageText", text="a <b>b</b>", **same)).startswith(words)
    assert (await stage.call("editMessageText", text="a b", **same))["ok"]
    assert (await stage.call("editMessageText", text="a b", **(same | {"reply_markup": yes_no("Ja")})))["ok"]


async def test_F079_what_is_not_there_or_not_the_bots_cannot_be_edited() -> None:
    stage = await started()
    not_found, cannot = "Bad Request: message to edit not found", "Bad Request: message can't be edited"
    assert await refusal(stage, "editMessageText", chat_id=JANE, message_id=99, text="x") == not_found
    assert await refusal(stage, "editMessageText", chat_id=JANE, message_id=1, text="x") == cannot


@pytest.mark.parametrize("markup", [{"remove_keyboard": True}, {"keyboard": [["Yes"]]}])
async def test_a_message_that_opened_or_closed_a_keyboard_can_never_be_edited(markup: Any) -> None:
    stage = await started()
    number = (await sent(stage, reply_markup=markup))["message_id"]
    refused = await refusal(stage, "editMessageText", chat_id=JANE, message_id=number, text="x")
    assert refused == "Bad Request: message can't be edited"


async def test_an_edit_cannot_open_a_reply_keyboard() -> None:
    stage = await started()
    number = (await sent(stage))["message_id"]
    arguments: Any = {"chat_id": JANE, "message_id": number, "text": "x", "reply_markup": {"keyboard": [["Yes"]]}}
    assert await refusal(stage, "editMessageText", **arguments) == "Bad Request: inline keyboard expected"


async def test_a_deleted_message_is_gone() -> None:
    stage = await started()
    number = (await sent(stage))["message_id"]
    assert (await stage.call("deleteMessage", chat_id=JANE, message_id=number))["result"] is True
    assert number not in [message.message_id for message in stage.side.chat(JANE)]
    gone = "Bad Request: message to delete not found"
    assert await refusal(stage, "deleteMessage", chat_id=JANE, message_id=number) == gone
    assert (await sent(stage))["message_id"] == number + 1


# --- taps, typing, commands


async def tapped(stage: Stage) -> str:
    """A tap on a fresh message; its query id."""
    number = (await sent(stage, reply_markup=yes_no()))["message_id"]
    await stage.side.tap(JANE, number, "n:yes")
    updates = (await stage.call("getUpdates", offset=-1))["result"]
    return str(updates[0]["callback_query"]["id"])


async def test_F078_a_tap_turns_until_it_is_answered_once() -> None:
    stage = await started()
    query = await tapped(stage)
    assert stage.side.spinning(JANE) == 1
    assert (await stage.call("answerCallbackQuery", callback_query_id=query))["result"] is True
    assert stage.side.spinning(JANE) == 0
    assert "query is too old" in await refusal(stage, "answerCallbackQuery", callback_query_id=query)


async def test_F078_a_tap_cannot_be_answered_after_150_seconds() -> None:
    stage = await started()
    query = await tapped(stage)
    stage.clock.seconds += 151
    assert stage.side.spinning(JANE) == 0
    assert await refusal(stage, "answerCallbackQuery", callback_query_id=query) == (
        "Bad Request: query is too old and response timeout expired or query ID is invalid"
    )


async def test_a_callback_text_beyond_200_is_refused() -> None:
    stage = await started()
    query = await tapped(stage)
    refused = await refusal(stage, "answerCallbackQuery", callback_query_id=query, text="x" * 201)
    assert refused == "Bad Request: MESSAGE_TOO_LONG"


async def test_typing_shows_for_five_seconds_or_until_a_message() -> None:
    stage = await started()
    await stage.call("sendChatAction", chat_id=JANE, action="typing")
    assert stage.side.typing(JANE)
    stage.clock.seconds += 5
    assert not stage.side.typing(JANE)
    await stage.call("sendChatAction", chat_id=JANE, action="typing")
    await sent(stage)
    assert not stage.side.typing(JANE)
    assert await refusal(stage, "sendChatAction", chat_id=JANE, action="dance") == (
        "Bad Request: wrong parameter action in request"
    )


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ([{"command": "Pay!", "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "pay", "description": ""}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": "pay"}], "can't parse list of bot commands"),
        ([{"command": "pay", "description": "x"}] * 101, "can't parse list of bot commands"),
        ({}, "can't parse list of bot commands"),
    ],
)
async def test_wrong_commands_are_refused(commands: Any, words: str) -> None:
    assert await refusal(Stage(), "setMyCommands", commands=commands) == f"Bad Request: {words}"


async def test_commands_are_kept_for_each_scope() -> None:
    stage = Stage()
    mine = [{"command": "pay", "description": "Buy power"}]
    await stage.call("setMyCommands", commands=mine, scope={"type": "chat", "chat_id": JANE})
    assert (await stage.call("getMyCommands"))["result"] == []
    assert (await stage.call("getMyCommands", scope={"chat_id": JANE, "type": "chat"}))["result"] == mine


# --- webhook and polling settings


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "ftp://bili.test"}, "invalid webhook URL specified"),
        ({"url": "https://"}, "invalid webhook URL specified"),
        ({"url": WEBHOOK_URL, "secret_token": "x" * 257}, "secret token is too long"),
        ({"url": WEBHOOK_URL, "secret_token": "a b"}, "secret token contains unallowed characters"),
        ({"url": WEBHOOK_URL, "allowed_updates": "message"}, "can't parse allowed_updates JSON object"),
        ({"url": WEBHOOK_URL, "allowed_updates": [1]}, "can't parse allowed_updates JSON object"),
    ],
)
async def test_a_wrong_webhook_is_refused(arguments: dict[str, Any], words: str) -> None:
    assert await refusal(Stage(), "setWebhook", **arguments) == f"Bad Request: {words}"


async def test_F089_polling_while_a_webhook_is_set_is_a_conflict() -> None:
    stage = Stage()
    await stage.use_webhook()
    answer = await stage.call("getUpdates")
    assert (answer["error_code"], answer["description"]) == (
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    )
    await stage.call("setWebhook", url="")
    assert (await stage.call("getUpdates"))["result"] == []


async def test_the_state_of_the_webhook_can_be_asked() -> None:
    stage = await started()
    info = (await stage.call("getWebhookInfo"))["result"]
    assert info == {"url": "", "has_custom_certificate": False, "pending_update_count": 1}
    await stage.call("setWebhook", url=WEBHOOK_URL, secret_token=SECRET, max_connections=7)
    stage.bot.answers.append(Response(500))
    await stage.side.due.drain()
    info = (await stage.call("getWebhookInfo"))["result"]
    assert (info["url"], info["max_connections"]) == (WEBHOOK_URL, 7)
    assert info["last_error_message"] == "Wrong response from the webhook: 500"


# --- faults


async def test_F081_slowing_down_is_a_429_with_its_seconds_and_nothing_is_shown() -> None:
    stage = await started()
    stage.faults.arm("telegram_slow_down")
    answer = await stage.call("sendMessage", chat_id=JANE, text="x")
    assert answer == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 3",
        "parameters": {"retry_after": 3},
    }
    assert len(stage.side.chat(JANE)) == 1
    await sent(stage)


async def test_a_lost_answer_comes_after_the_message_was_shown() -> None:
    stage = await started()
    stage.faults.arm("telegram_answer_lost")
    with pytest.raises(NoAnswer):
        await stage.call("sendMessage", chat_id=JANE, text="x")
    assert stage.side.chat(JANE)[-1].text == "x"


async def test_a_lost_answer_waits_for_a_message_that_is_shown() -> None:
    stage = await started()
    stage.faults.arm("telegram_answer_lost")
    assert (await stage.call("getMe"))["ok"]
    assert await refusal(stage, "sendMessage", chat_id=1, text="x") == CHAT_NOT_FOUND
    assert stage.faults.fired == {}


async def test_an_outage_is_a_page_of_html() -> None:
    stage = await started()
    stage.faults.arm("telegram_down")
    response = await stage.side.serve(Request("GET", f"/bot{TOKEN}/getMe"))
    assert (response.status, response.headers["content-type"]) == (502, "text/html")
    assert response.body.startswith(b"<html>")


# --- a library that knows nothing of us


async def test_python_telegram_bot_feels_at_home() -> None:
    stage = await started()
    request = SendRequest(stage.send, stage.clock)
    async with Bot(TOKEN, base_url=f"{API_URL}/bot", request=request, get_updates_request=request) as bot:
        assert bot.username == "bili_sandbox_bot"
        keyboard = InlineKeyboardMarkup.from_row([InlineKeyboardButton("Yes", callback_data="n:yes")])
        message = await bot.send_message(JANE, "Pay <b>500</b>?", parse_mode="HTML", reply_markup=keyboard)
        assert message.text_html == "Pay <b>500</b>?"
        await stage.side.tap(JANE, message.message_id, "n:yes")
        updates = await bot.get_updates(offset=-1)
        query = updates[0].callback_query
        assert query is not None
        assert query.data == "n:yes"
        assert await query.answer()
        assert await query.edit_message_text("Paid")
        with pytest.raises(BadRequest, match="not modified"):
            await query.edit_message_text("Paid")
        contact = ReplyKeyboardMarkup([[KeyboardButton("Share", request_contact=True)]], one_time_keyboard=True)
        await bot.send_message(JANE, "Which number?", reply_markup=contact)
        await stage.side.share_contact(JANE)
        shared = (await bot.get_updates(offset=-1))[0].message
        assert shared is not None
        assert shared.contact is not None
        assert (shared.contact.user_id, f"+{shared.contact.phone_number}") == (JANE, PHONE)
        assert await bot.set_my_commands([BotCommand("pay", "Buy power")])
        assert (await bot.get_my_commands())[0].command == "pay"
        await stage.side.block(JANE)
        with pytest.raises(Forbidden, match="blocked"):
            await bot.send_message(JANE, "x")

"""The methods of the Bot API this product uses, as strict as the real ones. Source: Bot API 10.0."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import orjson

from integrations.contract.exchange import Request
from integrations.sandbox.telegram_chats import ChatMessage, Person
from integrations.sandbox.telegram_delivery import Updates, Webhook
from integrations.sandbox.telegram_people import People
from integrations.sandbox.telegram_text import Refused, bad_request, read_keyboard, read_text

Json: TypeAlias = Any

CALLBACK_TEXT_LENGTH_MAX = 200
COMMANDS_MAX = 100
SECRET_LENGTH_MAX = 256
POLL_LIMIT_MAX = 100

CHAT_ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip


class Arguments:
    """A call's arguments. Telegram takes them from the query, a form or JSON, nested objects as JSON or as its text."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = values

    @classmethod
    def of(cls, request: Request) -> Arguments:
        """The arguments of one request; 400 when a JSON body is none."""
        values: dict[str, Json] = dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            values |= parse_qsl(request.body.decode(), keep_blank_values=True)
        elif kind == "application/json" and request.body:
            body = _decoded(request.body)
            if not isinstance(body, dict):
                raise bad_request("can't parse the JSON object")
            values |= body
        return cls(values)

    def text(self, name: str) -> str:
        """A string, empty when absent."""
        value = self._values.get(name, "")
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """An integer within bounds; the default when it is none."""
        text = self.text(name).strip()
        return min(max(int(text), low), high) if re.fullmatch(r"-?[0-9]{1,18}", text) else default

    def boolean(self, name: str) -> bool:
        """Whether an option is set."""
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def structure(self, name: str) -> Json:
        """A nested object, None when absent."""
        value = self._values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        decoded = _decoded(value.encode())
        if decoded is None:
            raise bad_request(f"can't parse {name} JSON object")
        return decoded


class BotApi:
    """One bot's methods over the chats of `people`."""

    def __init__(self, people: People, updates: Updates) -> None:
        self._people = people
        self._updates = updates
        self._commands: dict[tuple[str, str], Json] = {}
        self._methods: dict[str, Callable[[Arguments], Json]] = {
            "getme": self._get_me,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "getupdates": self._get_updates,
            "sendmessage": self._send_message,
            "editmessagetext": self._edit_message_text,
            "editmessagereplymarkup": self._edit_message_reply_markup,
            "deletemessage": self._delete_message,
            "sendchataction": self._send_chat_action,
            "answercallbackquery": self._answer_callback_query,
            "setmycommands": self._set_my_commands,
            "getmycommands": self._get_my_commands,
        }

    def call(self, method: str, arguments: Arguments) -> Json:
        """The `result` of one method, in whatever case its name is written; Refused otherwise."""
        act = self._methods.get(method.lower())
        if act is None:
            raise Refused(404, "Not Found: method not found")
        return act(arguments)

    # --- updates

    def _get_me(self, _arguments: Arguments) -> Json:
        return {
            **self._people.bot,
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
        }

    def _set_webhook(self, arguments: Arguments) -> Json:
        url, secret = arguments.text("url"), arguments.text("secret_token")
        if not url:
            return self._delete_webhook(arguments)
        # Telegram wants https; a sandbox beside the bot on one machine has no certificate to show.
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise bad_request("invalid webhook URL specified")
        if len(secret) > SECRET_LENGTH_MAX:
            raise bad_request("secret token is too long")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", secret):
            raise bad_request("secret token contains unallowed characters")
        self._allow(arguments)
        if arguments.boolean("drop_pending_updates"):
            self._updates.clear()
        self._updates.use(Webhook(url, secret, arguments.integer("max_connections", 40, 1, 100)))
        return True

    def _delete_webhook(self, arguments: Arguments) -> Json:
        if arguments.boolean("drop_pending_updates"):
            self._updates.clear()
        self._updates.use(Webhook())
        return True

    def _get_webhook_info(self, _arguments: Arguments) -> Json:
        webhook, allowed = self._updates.webhook, self._updates.allowed
        optional = {
            "last_error_date": webhook.error_at,
            "last_error_message": webhook.error,
            "max_connections": webhook.connections_max if webhook.url else 0,
            "allowed_updates": sorted(allowed or ()),
        }
        return {
            "url": webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates.waiting()),
            **{name: value for name, value in optional.items() if value},
        }

    def _get_updates(self, arguments: Arguments) -> Json:
        # A far side does not sleep, so `timeout` is not waited for; whoever serves this over HTTP may.
        if self._updates.webhook.url:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the "
                "webhook first",
            )
        self._allow(arguments)
        offset = arguments.integer("offset", 0, -POLL_LIMIT_MAX, 2**62)
        return self._updates.take(offset, arguments.integer("limit", POLL_LIMIT_MAX, 1, POLL_LIMIT_MAX))

    def _allow(self, arguments: Arguments) -> None:
        kinds = arguments.structure("allowed_updates")
        if kinds is None:
            return  # the previous setting stays
        if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
            raise bad_request("can't parse allowed_updates JSON object")
        self._updates.allowed = frozenset(kinds) or None

    # --- messages

    def _send_message(self, arguments: Arguments) -> Json:
        person = self._chat(arguments)
        text = read_text(arguments.text("text"), arguments.text("parse_mode"))
        keyboard = read_keyboard(arguments.structure("reply_markup"))
        message = self._people.post(person, _source(arguments), text, keyboard)
        return self._people.message_json(person, message)

    def _edit_message_text(self, arguments: Arguments) -> Json:
        person, message = self._editable(arguments)
        text = read_text(arguments.text("text"), arguments.text("parse_mode"))
        changed = replace(message, html=_source(arguments), text=text.text, entities=tuple(text.entities))
        return self._edited(person, message, changed, arguments)

    def _edit_message_reply_markup(self, arguments: Arguments) -> Json:
        person, message = self._editable(arguments)
        return self._edited(person, message, message, arguments)

    def _editable(self, arguments: Arguments) -> tuple[Person, ChatMessage]:
        person = self._chat(arguments)
        message = person.messages.get(arguments.integer("message_id", 0, 0, 2**31))
        if message is None:
            raise bad_request("message to edit not found")
        if not message.from_bot or message.keyboard.fixes_message:
            raise bad_request("message can't be edited")
        return person, message

    def _edited(self, person: Person, before: ChatMessage, changed: ChatMessage, arguments: Arguments) -> Json:
        keyboard = read_keyboard(arguments.structure("reply_markup"))
        if keyboard.fixes_message:
            raise bad_request("inline keyboard expected")
        after = replace(changed, buttons=keyboard.rows, keyboard=keyboard, edited=True)
        same = (before.text, before.entities, before.keyboard.inline) == (
            after.text, after.entities, after.keyboard.inline,
        )  # fmt: skip
        if same:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same as a "
                "current content and reply markup of the message"
            )
        self._people.put(person, after)
        return self._people.message_json(person, after)

    def _delete_message(self, arguments: Arguments) -> Json:
        person = self._chat(arguments)
        number = arguments.integer("message_id", 0, 0, 2**31)
        if number not in person.messages:
            raise bad_request("message to delete not found")
        self._people.remove(person, number)
        return True

    def _send_chat_action(self, arguments: Arguments) -> Json:
        person = self._chat(arguments)
        if arguments.text("action") not in CHAT_ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._people.show_typing(person)
        return True

    def _answer_callback_query(self, arguments: Arguments) -> Json:
        if len(arguments.text("text")) > CALLBACK_TEXT_LENGTH_MAX:
            raise bad_request("MESSAGE_TOO_LONG")
        if not self._people.answer_tap(arguments.text("callback_query_id")):
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        return True

    # --- the menu of commands

    def _set_my_commands(self, arguments: Arguments) -> Json:
        commands = arguments.structure("commands")
        if not isinstance(commands, list) or len(commands) > COMMANDS_MAX:
            raise bad_request("can't parse list of bot commands")
        for command in commands:
            _check_command(command)
        self._commands[_menu(arguments)] = commands
        return True

    def _get_my_commands(self, arguments: Arguments) -> Json:
        return self._commands.get(_menu(arguments), [])

    def _chat(self, arguments: Arguments) -> Person:
        if not arguments.text("chat_id"):
            raise bad_request("chat_id is empty")
        return self._people.find(arguments.integer("chat_id", 0, -(2**62), 2**62))


def _source(arguments: Arguments) -> str:
    """The text as HTML, also when the bot sent it without a parse mode."""
    text = arguments.text("text")
    if arguments.text("parse_mode"):
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _menu(arguments: Arguments) -> tuple[str, str]:
    scope = arguments.structure("scope") or {"type": "default"}
    return orjson.dumps(scope, option=orjson.OPT_SORT_KEYS).decode(), arguments.text("language_code")


def _check_command(command: Json) -> None:
    match command:
        case {"command": str() as name, "description": str() as words}:
            if not re.fullmatch(r"/?[a-z0-9_]{1,32}", name):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(words) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        case _:
            raise bad_request("can't parse list of bot commands")


def _decoded(source: bytes) -> Json:
    try:
        return orjson.loads(source)
    except orjson.JSONDecodeError:
        return None

"""A message as what Twilio is asked to send: Content with buttons or a list, or bodies of text.

A Content is made beforehand and every string of it is a variable (`templates/`), so that one serves every question with
as many answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from integrations.channels.twilio.wire.text import TEXT_MAX, into_parts, plain_lines, sound, to_lines, units
from integrations.contract.channel import Limits
from integrations.contract.message import BUTTON_DATA_BYTES_MAX, Button, Malformed, Message, plain

#: Twilio's page on quick replies: in a session at most three, body 1024. A title has 20 characters (WhatsApp's rule).
QUICK_REPLIES_MAX = 3
QUICK_REPLY_TITLE_MAX = 20
CONTENT_BODY_MAX = 1024

#: Twilio's page on the list picker. The label of the button that opens it: WhatsApp's rule.
ROWS_MAX = 10
ROW_TITLE_MAX = 24
ROW_DESCRIPTION_MAX = 72
LIST_BUTTON_MAX = 20

#: The longest that free text is surely taken after a person's last message. The window has 24 hours; five minutes are
#: for the way of the message and for clocks.
WINDOW_SECONDS = 23 * 3600 + 55 * 60

#: WhatsApp's pace to one person, its error 131056: one message in six seconds, and short bursts.
RECIPIENT_SECONDS = 6.0
RECIPIENT_BURST = 10

#: A line of a text message is broken here, whatever it is: no line of ours is so long.
SMS_LINE_MAX = TEXT_MAX // 2

#: A message that another will replace says nothing any more after ten minutes in Twilio's queue.
PROGRESS_VALIDITY_SECONDS = 600

LIMITS = Limits(
    text_length_max=TEXT_MAX,
    buttons_max=ROWS_MAX,
    button_label_length_max=ROW_TITLE_MAX,
    can_edit=False,
    can_share_phone=False,
    window_seconds=WINDOW_SECONDS,
    recipient_seconds=RECIPIENT_SECONDS,
    recipient_burst=RECIPIENT_BURST,
    numbers_choices=True,
)

SMS_LIMITS = Limits(
    text_length_max=TEXT_MAX, buttons_max=0, button_label_length_max=0, can_edit=False, can_share_phone=False
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A Content by its name among the declared ones, and the values of its variables, "1" first."""

    name: str
    values: tuple[str, ...]

    @property
    def variables(self) -> str:
        """The values as Twilio takes them: JSON in a text, every value a text."""
        return variables_json(self.values)


@dataclass(frozen=True, slots=True)
class Part:
    """One message as Twilio counts them. `body` is what its list shows of it, also where a Content is sent.

    `content_sid` is None for text, and empty for a Content that cannot be had now and is only looked for.
    """

    body: str
    content_sid: str | None = None
    variables: str = ""


def variables_json(values: tuple[str, ...]) -> str:
    """Variables of a Content by their numbers."""
    return orjson.dumps({str(number): value for number, value in enumerate(values, 1)}).decode()


def fault_of(message: Message) -> Malformed | None:
    """What can't be sent in any form, found before it is tried."""
    if not plain(message).strip():
        return Malformed("the text is empty")
    if any(not button.label.strip() for button in message.buttons):
        return Malformed("a button has no label")
    if any(not 1 <= len(button.data.encode()) <= BUTTON_DATA_BYTES_MAX for button in message.buttons):
        return Malformed(f"a button's data is not 1 to {BUTTON_DATA_BYTES_MAX} bytes")
    return None


def filled(message: Message) -> Filled | None:
    """The Content that would show this message; None where only text can."""
    if message.text_only or not message.buttons:
        return None
    body = "\n".join(to_lines(message.body)).strip("\n")
    labels = [_flat(button.label) for button in message.buttons]
    same = len({button.data for button in message.buttons}) < len(labels) or len(set(labels)) < len(labels)
    if same or units(body) > CONTENT_BODY_MAX:
        return None
    if len(labels) <= QUICK_REPLIES_MAX and all(units(label) <= QUICK_REPLY_TITLE_MAX for label in labels):
        pairs = zip(labels, message.buttons, strict=True)
        return Filled(f"quick_reply_{len(labels)}", (body, *(value for label, b in pairs for value in (label, b.data))))
    if len(labels) > ROWS_MAX or any(units(label) > ROW_DESCRIPTION_MAX for label in labels):
        return None
    described = any(units(label) > ROW_TITLE_MAX for label in labels)
    opener = _shortened(_flat(message.choice_words.open_list), LIST_BUTTON_MAX) or "…"
    rows = (_row(button, described=described) for button in message.buttons)
    name = f"{'list_described' if described else 'list'}_{len(labels)}"
    return Filled(name, (body, opener, *(value for row in rows for value in row)))


def content_part(use: Filled, sids: Mapping[str, str]) -> Part | None:
    """The one part that sends a filled Content; None where there is no such Content."""
    sid = sids.get(use.name)
    return Part(use.values[0], sid, use.variables) if sid else None


def text_parts(message: Message) -> tuple[Part, ...]:
    """The message as text alone: its choices, if any, are numbered lines at the end of the last part."""
    bodies = into_parts(to_lines(message.body))
    if message.buttons:
        numbered = [f"{number}. {_flat(button.label)}" for number, button in enumerate(message.buttons, 1)]
        choices = into_parts(plain_lines("\n".join([_flat(message.choice_words.by_number), *numbered])))
        joined = f"{bodies[-1]}\n\n{choices[0]}"
        bodies = [*bodies[:-1], joined, *choices[1:]] if units(joined) <= TEXT_MAX else [*bodies, *choices]
    return tuple(Part(body) for body in bodies)


def sms_parts(message: Message) -> tuple[Part, ...]:
    """The message as text messages, without styles and without choices: nobody reads an answer to them."""
    lines = sound(plain(message)).replace("\r\n", "\n").strip().split("\n")
    short = [line[at : at + SMS_LINE_MAX] for line in lines for at in range(0, len(line) or 1, SMS_LINE_MAX)]
    return tuple(Part(body) for body in into_parts(short))


def _row(button: Button, *, described: bool) -> tuple[str, ...]:
    label = _flat(button.label)
    # A variable can't be empty, so where one row has to be explained, every row is.
    return (_shortened(label, ROW_TITLE_MAX), button.data, *([label] if described else []))


def _flat(label: str) -> str:
    return " ".join(sound(label).split())


def _shortened(label: str, most: int) -> str:
    if units(label) <= most:
        return label
    kept = label
    while units(kept) > most - 1:
        kept = kept[:-1]
    return kept.rstrip() + "…"

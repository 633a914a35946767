"""What a client of the sandbox is told: the shapes of `/control/state`, as plain JSON."""

from __future__ import annotations

from typing import TypedDict


class ButtonView(TypedDict):
    """A button; `data` is what tapping it sends back."""

    label: str
    data: str


class MessageView(TypedDict):
    """A Telegram bubble. `html` is the bot's markup, `text` the same without; `at` is ISO 8601 in UTC."""

    id: int
    from_bot: bool
    html: str
    text: str
    buttons: list[list[ButtonView]]
    at: str
    edited: bool


class ChatView(TypedDict):
    """One person's Telegram chat. While a reply keyboard is open, `ask_contact` labels its button that shares the own
    number and `keys` are those that type their own label."""

    person: int
    typing: bool
    ask_contact: str | None
    keys: list[str]
    messages: list[MessageView]


class ItemView(TypedDict):
    """A row of a WhatsApp list; `data` is what picking it sends back."""

    title: str
    description: str
    data: str


class BubbleView(TypedDict):
    """A WhatsApp bubble. `text` holds WhatsApp's own marks (*bold*, _italic_, ~strike~, ```mono```).

    `list_label` is on the button that opens `items`; both are empty where there is no list. `ticks` is how far the
    message came: "" (nothing is known), sent, delivered, read or failed; one that failed never reached the phone.
    `template` is a message approved beforehand. `links` lead out of the chat. `media` are addresses, or the kind of
    what a person sent. `replies_to` is the id of the message it quotes.
    """

    id: str
    from_bot: bool
    text: str
    buttons: list[ButtonView]
    list_label: str
    items: list[ItemView]
    links: list[ButtonView]
    media: list[str]
    replies_to: str
    at: str
    ticks: str
    template: bool


class WhatsAppView(TypedDict):
    """One person's WhatsApp chat. `hidden` says that the service is told an id in place of the phone number."""

    person: int
    hidden: bool
    messages: list[BubbleView]


class PromptView(TypedDict):
    """The PIN prompt on a handset."""

    id: str
    sentence: str
    seconds_left: float


class SmsView(TypedDict):
    """A text message on a handset. The lists of two senders are told one after the other, each oldest first."""

    sender: str
    text: str


class HandsetView(TypedDict):
    """A payer's phone. `person` is the Telegram id of its owner, where the owner is one of the sandbox's people."""

    msisdn: str
    person: int | None
    name: str
    balance: str
    pin: str
    locked: bool
    sms: list[SmsView]
    prompt: PromptView | None


class PersonView(TypedDict):
    """Somebody to chat as. `language` is that of their apps."""

    id: int
    name: str
    phone: str
    language: str


class MeterView(TypedDict):
    """A meter worth trying, and what to expect of it."""

    number: str
    about: str


class FaultView(TypedDict):
    """A fault. `left` is how many times it still strikes: 0 never, -1 always."""

    party: str
    name: str
    sentence: str
    left: int


class StateView(TypedDict):
    """Everything a client draws. `revision` differs whenever something else does."""

    revision: int
    people: list[PersonView]
    telegram: ChatView
    whatsapp: WhatsAppView
    handsets: list[HandsetView]
    meters: list[MeterView]
    faults: list[FaultView]

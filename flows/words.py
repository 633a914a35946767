"""The sentences and menus that the driver and several flows share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flows.talk import Choice
from flows.text import BLANK, Body, T, Text, verbatim
from flows.understand import Command

#: The words a button may carry: a global word works anywhere, tapped or typed.
COMMANDS = frozenset(command.value for command in Command)

BUY = Choice(Command.BUY.value, T("Buy electricity"))
AGAIN = Choice(Command.AGAIN.value, T("Buy again"))
METERS = Choice(Command.METERS.value, T("My meters"))
TOKEN = Choice(Command.TOKEN.value, T("My last token"))
STATUS = Choice(Command.STATUS.value, T("Payment status"))
HELP_CHOICE = Choice(Command.HELP.value, T("Help"))
MENU_CHOICE = Choice(Command.MENU.value, T("Menu"))


def button(choice: Choice) -> tuple[str, Text]:
    """A global word as a button: its data and its label."""
    return (choice.id if ":" in choice.id else f"go:{choice.id}"), choice.label


MENU = (BUY, AGAIN, METERS, TOKEN, HELP_CHOICE)
MENU_BUTTONS = tuple(map(button, MENU))

#: What Telegram lists behind its menu button.
COMMANDS_SHOWN = (BUY, AGAIN, TOKEN, STATUS, METERS, HELP_CHOICE)

WELCOME: Body = (
    T("*Welcome to Bili.* I sell electricity tokens, paid from your phone."),
    BLANK,
    T("The quick way: write an amount and a meter number, like *500 14123456783*."),
)

HELP: Body = (
    T("*What I understand*"),
    T("*500 14123456783* – buy for 500 on that meter"),
    T("*buy* – buy electricity, step by step"),
    T("*again* – the same as last time"),
    T("*token* – your last tokens again, free"),
    T("*status* – where your payment stands"),
    T("*meters* – your meters and their names"),
    T("*back*, *cancel*, *menu*, *language*, *agent*"),
    BLANK,
    T("Your PIN is typed only on your phone's own payment request. Never write it here; nobody from Bili asks for it."),
)

NOT_UNDERSTOOD: Body = (
    T("I did not understand that. Nothing was changed."),
    T("Write an amount and a meter number, like *500 14123456783*, or choose:"),
)

PIN_WARNING: Body = (
    T("That looks like a PIN. I do not keep it; please delete your message too."),
    T("Type your PIN only on your phone's own payment request. We never ask for it here."),
)

FOREIGN_CONTACT: Body = (
    T("That is the contact card of somebody else, which proves nothing about your own phone."),
    T("To pay from another phone, type its number."),
)

NOTHING_TO_CANCEL: Body = (
    T("There is no open order here. A payment request that is on its way can be declined on the phone."),
)

WHICH_LANGUAGE: Body = (T("Which language?"),)

#: How to switch to a language, said in that language whatever the reader's is.
SWITCH_TO: Mapping[str, str] = {
    "en": "English? Write english.",
    "sw": "Kiswahili? Andika kiswahili.",
    "fr": "Français ? Écrivez français.",
}

#: That it was switched to, said in that language.
SWITCHED_TO: Mapping[str, str] = {
    "en": "I will write in English from now on.",
    "sw": "Nitaandika kwa Kiswahili kuanzia sasa.",
    "fr": "J’écris en français à partir de maintenant.",
}

#: Languages offered as buttons under the first question; with more, the lines above tell of the rest.
LANGUAGES_OFFERED_MAX = 2


def other_languages(languages: Sequence[tuple[str, str]], code: str) -> Body:
    """How to have each language but this one, a line each."""
    return tuple(verbatim(SWITCH_TO[other]) for other, _ in languages if other != code and other in SWITCH_TO)


def first_contact(languages: Sequence[tuple[str, str]], code: str) -> tuple[Choice, ...]:
    """What stands under the very first question: the other languages, and help."""
    others = [Choice(f"lang:{other}", verbatim(name)) for other, name in languages if other != code]
    return (*others[:LANGUAGES_OFFERED_MAX], HELP_CHOICE)


def switched_to(code: str, name: str) -> Text:
    """That this language was chosen; `name` is its own name, for one that has no sentence yet."""
    return verbatim(SWITCHED_TO[code]) if code in SWITCHED_TO else T("Language: *{language}*", language=name)


STOPPED: Body = (
    T("From now on I write only when you write to me."),
    T("Nobody else can send payment requests to your phone through me either."),
    T("Receipts for what you buy still come. Write *start* to change this."),
)

#: For somebody whose phone number we do not know: nothing can be kept away from it.
STOPPED_UNPROVEN: Body = (
    T("From now on I write only when you write to me."),
    T("Receipts for what you buy still come. Write *start* to change this."),
    T("I do not know your phone number, so I cannot keep other people's requests from it. Share it with me first."),
)

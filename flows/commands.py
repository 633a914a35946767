"""Words that mean the same wherever they are said: commands, languages, yes and no, and the label of a choice.

The tables are for translators: one row a command, the phrases between commas, lower case and without accents. A phrase
counts only when it is the whole message. A language adds phrases and never takes any away, because people mix.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from enum import Enum

from flows.characters import clean, fold

#: The longest text looked at for a command or an answer, in characters as typed; a Telegram payload is at most 64.
PHRASE_LENGTH_MAX = 128


class Command(Enum):
    """What a person can want at any moment. The value is also the slash command and the button."""

    START = "start"
    MENU = "menu"
    BACK = "back"
    CANCEL = "cancel"
    STATUS = "status"
    HELP = "help"
    AGENT = "agent"
    LANGUAGE = "language"
    STOP = "stop"
    BUY = "buy"
    AGAIN = "again"
    TOKEN = "token"  # noqa: S105  the electricity kind
    METERS = "meters"


# CANCEL ends the order and never opts out, though `cancel` is among the opt-out words of SMS providers.
# Words that are also an answer inside an order (`pay`, `home`, `delete`, `no`) are no command.
PHRASES: Mapping[str, Mapping[Command, str]] = {
    "en": {
        Command.START: "start, unstop, subscribe, opt in",
        Command.MENU: "menu, main menu, show menu, options, 0",
        Command.BACK: "back, go back, previous, <, <<",
        Command.CANCEL: "cancel, cancel order, never mind, nevermind, abort",
        Command.STATUS: "status, payment status, my payment, check payment, order status",
        Command.HELP: "help, help me, info, ?, ??",
        Command.AGENT: "agent, human, person, operator, support, customer care, talk to agent, talk to a person",
        Command.LANGUAGE: "language, lang, change language",
        Command.STOP: "stop, unsubscribe, end, quit, stopall, stop all, revoke, optout, opt out",
        Command.BUY: "buy, buy electricity, buy token, buy tokens, buy power, electricity, elec, power, top up, topup, "
        "i want electricity, i want to buy electricity",
        Command.AGAIN: "again, buy again, repeat, same again, buy the same, repeat last",
        Command.TOKEN: "token, tokens, last token, my token, my tokens, my last token, resend, resend token",
        Command.METERS: "meters, meter, my meters, my meter, saved meters",
    },
    "sw": {
        Command.START: "anza, anzisha",
        Command.MENU: "menyu, orodha, mwanzo",
        Command.BACK: "rudi, rudi nyuma, nyuma",
        Command.CANCEL: "ghairi, sitisha, acha, katisha",
        Command.STATUS: "hali, hali ya malipo, malipo yangu",
        Command.HELP: "msaada, usaidizi, nisaidie, saidia",
        Command.AGENT: "mhudumu, wakala, huduma kwa wateja, ongea na mhudumu",
        Command.LANGUAGE: "lugha, badilisha lugha",
        Command.STOP: "jitoe, jiondoe, komesha, acha kutuma",
        Command.BUY: "nunua, nunua umeme, nunua stima, nunua token, nunua tokeni, umeme, stima, luku, "
        "nataka umeme, nataka stima, nataka kununua umeme, naomba umeme",
        Command.AGAIN: "tena, rudia, nunua tena, kama mwanzo",
        Command.TOKEN: "tokeni, token yangu, tokeni yangu, token ya mwisho, tokeni ya mwisho, nitumie token",
        Command.METERS: "mita, mita zangu, mita yangu",
    },
    "fr": {
        Command.START: "demarrer, commencer",
        Command.MENU: "accueil",
        Command.BACK: "retour, precedent",
        Command.CANCEL: "annuler, annule",
        Command.STATUS: "statut, etat, mon paiement",
        Command.HELP: "aide, aidez moi, aidez-moi",
        Command.AGENT: "conseiller, parler a un agent",
        Command.LANGUAGE: "langue",
        Command.STOP: "arret, arreter, desabonner, desinscrire",
        Command.BUY: "acheter, achat, electricite",
        Command.AGAIN: "encore, repeter",
        Command.TOKEN: "jeton, mon jeton, dernier jeton",
        Command.METERS: "compteur, compteurs, mes compteurs",
    },
    "rw": {
        Command.LANGUAGE: "ururimi",
    },
}

YES: Mapping[str, str] = {
    "en": "yes, y, yeah, yea, yep, yup, ok, okay, k, sure, correct, right, confirm, confirmed, pay, yes please, 👍, ✅",
    "sw": "ndiyo, ndio, ndiyo tafadhali, naam, eeh, sawa, sawa sawa, sawasawa, poa, kubali, nakubali, thibitisha, lipa",
    "fr": "oui, ouais, daccord, payer",
    "rw": "yego",
}
NO: Mapping[str, str] = {
    "en": "no, n, nope, nah, wrong, incorrect, not correct, no thanks, no thank you, 👎, ❌",
    "sw": "hapana, hapana asante, la, siyo, sio, sivyo, sitaki",
    "fr": "non, non merci",
    "rw": "oya",
}
GREETINGS: Mapping[str, str] = {
    "en": "hi, hello, hey, hello there, hi there, good morning, good afternoon, good evening, 👋",
    "sw": "habari, hujambo, jambo, mambo, niaje, sasa, salamu, shikamoo, habari yako, habari ya asubuhi, "
    "habari za asubuhi, habari ya mchana, habari za jioni, habari gani, habari yenu, hamjambo, vipi, mambo vipi",
    "fr": "bonjour, bonsoir, salut",
    "rw": "muraho, mwaramutse",
}

#: What languages are called, in their own words and in others', by code.
LANGUAGE_NAMES: Mapping[str, str] = {
    "en": "english, in english, kiingereza, kingereza, kwa kiingereza, anglais, icyongereza",
    "sw": "kiswahili, swahili, kwa kiswahili, in swahili, igiswahili",
    "fr": "francais, en francais, french, in french, kifaransa, igifaransa",
    "rw": "kinyarwanda, ikinyarwanda, in kinyarwanda",
}

#: What people write in every language, so that it tells nothing of theirs.
COMMON = (
    "hi, hello, hey, 👋, ok, okay, k, y, n, 👍, 👎, ✅, ❌, 0, ?, ??, <, <<, start, stop, menu, info, token, tokens, "
    "elec, luku"
)


def _split(phrases: str) -> list[str]:
    return phrases.split(", ")


_COMMANDS = {phrase: command for table in PHRASES.values() for command, row in table.items() for phrase in _split(row)}
_YES_NO = {
    phrase: answer for answer, table in ((True, YES), (False, NO)) for row in table.values() for phrase in _split(row)
}
_GREETINGS = frozenset(phrase for row in GREETINGS.values() for phrase in _split(row))
_NAMES = {phrase: code for code, row in LANGUAGE_NAMES.items() for phrase in _split(row)}
_SLASH = re.compile(r"/([a-z]{1,16})(?:@[a-z0-9_]{1,64})?(?: .*)?")


def command_in(text: str) -> Command | None:
    """The command this whole message is, in any language: a phrase of the tables, `0`, or `/start@TheBot payload`."""
    if len(text) > PHRASE_LENGTH_MAX:
        return None
    phrase = fold(text)
    if slash := _SLASH.fullmatch(phrase):
        phrase = slash[1]
    return _COMMANDS.get(phrase)


def yes_no_in(text: str) -> bool | None:
    """Whether this whole message agrees or refuses; None when it does neither, as in `no 500`."""
    return None if len(text) > PHRASE_LENGTH_MAX else _YES_NO.get(fold(text))


def greeting_in(text: str) -> bool:
    """Whether this whole message only says hello: an answer to nothing, and no reason to leave an order."""
    return len(text) <= PHRASE_LENGTH_MAX and fold(text) in _GREETINGS


def language_named(text: str) -> str | None:
    """The code of the language this whole message names, whether we speak it or not; None when it names none."""
    return None if len(text) > PHRASE_LENGTH_MAX else _NAMES.get(fold(text))


def _phrases_by_language() -> Mapping[str, frozenset[str]]:
    rows = [(code, row) for code, table in PHRASES.items() for row in table.values()]
    rows += [(code, row) for table in (YES, NO, GREETINGS) for code, row in table.items()]
    codes = {code for code, _ in rows}
    return {code: frozenset(said for by, row in rows if by == code for said in _split(row)) for code in codes}


_SAID_IN = _phrases_by_language()
_COMMON = frozenset(_split(COMMON))


def language_of(text: str, codes: Collection[str]) -> str | None:
    """Which of these languages this whole message is in, as far as the tables tell: `habari`, `nunua umeme`.

    None for what is said in several of them, in every language, or in none that the tables know.
    """
    phrase = fold(text) if len(text) <= PHRASE_LENGTH_MAX else ""
    if phrase in _COMMON:
        return None
    found = [code for code in codes if phrase in _SAID_IN.get(code, ())]
    return found[0] if len(found) == 1 else None


_PLACE = re.compile(r"\s*[#(]?\s*([1-9][0-9]{0,2})\s*[.)]?\s*")


def choice_in(text: str, labels: Sequence[str]) -> int | None:
    """Which label, counted from 0, this whole message names: by its place (`2`, `2.`) or by its words.

    None when it names no label or more than one, as when a label is itself the number of another.
    """
    if len(text) > PHRASE_LENGTH_MAX:
        return None
    wanted = fold(text)
    named = {index for index, label in enumerate(labels) if wanted and fold(label) == wanted}
    place = _PLACE.fullmatch(clean(text))
    if place and int(place[1]) <= len(labels):
        named.add(int(place[1]) - 1)
    return named.pop() if len(named) == 1 else None


def label_in(text: str, labels: Sequence[str]) -> int | None:
    """Which label, counted from 0, this whole message is, word for word; None for none, or when two are the same."""
    wanted = fold(text) if len(text) <= PHRASE_LENGTH_MAX else ""
    named = [index for index, label in enumerate(labels) if wanted and fold(label) == wanted]
    return named[0] if len(named) == 1 else None

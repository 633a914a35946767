"""The terminal client's words: what to print for a change of state, and what a typed line means. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import Final, TypeAlias

from integrations.sandbox.views import ButtonView, HandsetView, MessageView, SmsView, StateView

WIDTH_MAX = 88

HELP: Final = """\
  words         go to the bot as you type them; a number picks that button too
  /tap 2        taps button [2] under the newest message that has any
  pin> 1234     answers the PIN prompt on a handset; :cancel dismisses it
  :share        shares your own phone number
  :as Otieno    goes on as somebody else
  :handset      shows balances and SMS
  :meters       shows meters worth trying
  :faults       shows what can be made to go wrong
  :fault NAME   lets it happen once; with a number that many times, -1 is always, 0 is off
  :refill       gives your handset 5,000 shillings and unlocks its PIN
  :quit         ends, as the end of input does"""


# --- what to print


def lines_for(before: StateView | None, after: StateView, width: int = WIDTH_MAX) -> list[str]:
    """The lines that tell a person what is new since `before` (None: everything is)."""
    if before is not None and before["telegram"]["person"] != after["telegram"]["person"]:
        before = None
    told = {handset["msisdn"]: handset for handset in before["handsets"]} if before else {}
    lines = _chat_lines(before, after, width)
    for handset in after["handsets"]:
        lines += _handset_lines(told.get(handset["msisdn"]), handset, width)
    return lines


def _chat_lines(before: StateView | None, after: StateView, width: int) -> list[str]:
    told = {message["id"]: message for message in before["telegram"]["messages"]} if before else {}
    lines: list[str] = []
    for message in after["telegram"]["messages"]:
        if message["from_bot"] and told.get(message["id"]) != message:
            lines += message_lines(message, width)
    offers = [f"[:share] {label}" for label in [after["telegram"]["ask_contact"]] if label]
    offers += [f"[{key}]" for key in after["telegram"]["keys"]]
    return lines + (_wrapped("  ", "   ".join(offers), width) if lines and offers else [])


def message_lines(message: MessageView, width: int) -> list[str]:
    """One bot message: its text wrapped, then its buttons, numbered."""
    text = f"(edited) {message['text']}" if message["edited"] else message["text"]
    labels = [f"[{number}] {button['label']}" for number, button in enumerate(buttons_of(message), 1)]
    return _wrapped("< ", text, width) + (_wrapped("  ", "   ".join(labels), width) if labels else [])


def _handset_lines(before: HandsetView | None, after: HandsetView, width: int) -> list[str]:
    whose = f"{after['name']}’s handset"
    news = [f"{whose}, SMS from {sms['sender']}: {sms['text']}" for sms in _new_sms(before, after)]
    old, new = before["prompt"] if before else None, after["prompt"]
    if new and (old is None or old["id"] != new["id"]):
        news.append(f"{whose}: {new['sentence']}. The demo PIN is {after['pin']}; :cancel dismisses the prompt.")
    if old and not new:
        news.append(f"{whose}: the prompt has closed.")
    return [line for words in news for line in _wrapped("~ ", words, width)]


def _new_sms(before: HandsetView | None, after: HandsetView) -> list[SmsView]:
    """The texts that came since; each sender's are told in a row of their own."""
    told = Counter(sms["sender"] for sms in before["sms"]) if before else Counter()
    fresh: list[SmsView] = []
    for sms in after["sms"]:
        told[sms["sender"]] -= 1
        if told[sms["sender"]] < 0:
            fresh.append(sms)
    return fresh


def handset_lines(state: StateView, width: int) -> list[str]:
    """Every handset's balance and SMS."""
    lines: list[str] = []
    for handset in state["handsets"]:
        locked = ", PIN locked" if handset["locked"] else ""
        lines.append(f"~ {handset['name']}, +{handset['msisdn']}: {handset['balance']}{locked}")
        lines += [line for sms in handset["sms"] for line in _wrapped("  ", sms["text"], width)]
    return lines


def meter_lines(state: StateView, width: int) -> list[str]:
    """The meters worth trying."""
    return [line for meter in state["meters"] for line in _wrapped("  ", f"{meter['number']}  {meter['about']}", width)]


def fault_lines(state: StateView, width: int) -> list[str]:
    """Every fault by name, marked where it is on."""
    marks = {0: " ", -1: "∞"}
    rows = [(marks.get(fault["left"], str(fault["left"])), fault) for fault in state["faults"]]
    texts = [f"{mark} {fault['name']}: {fault['sentence']}" for mark, fault in rows]
    return [line for text in texts for line in _wrapped("  ", text, width)]


def _wrapped(mark: str, text: str, width: int) -> list[str]:
    """`text` within `width`, the two characters of `mark` before its first line and spaces before the others."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, max(20, width - 2)) or [""]
    return [f"{mark if number == 0 else '  '}{line}".rstrip() for number, line in enumerate(lines)]


def buttons_of(message: MessageView) -> list[ButtonView]:
    """A message's buttons in reading order."""
    return [button for row in message["buttons"] for button in row]


def ringing(state: StateView) -> HandsetView | None:
    """The handset that shows a prompt; one's own before others'."""
    shown = [handset for handset in state["handsets"] if handset["prompt"]]
    own = [handset for handset in shown if handset["person"] == state["telegram"]["person"]]
    return next(iter(own + shown), None)


# --- what a typed line means


@dataclass(frozen=True, slots=True)
class Act:
    """Ask the sandbox to do something: a name of `/control/…` and its body."""

    name: str
    body: dict[str, object]


@dataclass(frozen=True, slots=True)
class Show:
    """Lines for the person who typed."""

    lines: list[str]


@dataclass(frozen=True, slots=True)
class Become:
    """Go on as somebody else."""

    user_id: int


@dataclass(frozen=True, slots=True)
class Leave:
    """End."""


Meaning: TypeAlias = Act | Show | Become | Leave


def meaning(line: str, state: StateView, width: int = WIDTH_MAX) -> Meaning:
    """What a typed line asks for, given what the person sees."""
    words = line.split()
    handset = ringing(state)
    match words:
        case []:
            return Show([])
        case ["/tap", *rest]:
            return _tapped(rest, state)
        case [first, *rest] if first.startswith(":"):
            return _command(first, rest, state, width)
        case [digits] if digits.isdecimal() and handset is not None and handset["prompt"] is not None:
            return Act("pin", {"prompt": handset["prompt"]["id"], "pin": digits})
        case _:
            return Act("say", {"user": state["telegram"]["person"], "text": line.strip()})


def _tapped(rest: list[str], state: StateView) -> Meaning:
    offering = [message for message in state["telegram"]["messages"] if message["buttons"]]
    if not offering:
        return Show(["  There is no button to tap."])
    message = offering[-1]
    buttons = buttons_of(message)
    if len(rest) != 1 or not rest[0].isdecimal() or not 1 <= int(rest[0]) <= len(buttons):
        return Show([f"  /tap takes a number from 1 to {len(buttons)}."])
    data = buttons[int(rest[0]) - 1]["data"]
    return Act("tap", {"user": state["telegram"]["person"], "message": message["id"], "data": data})


def _command(name: str, rest: list[str], state: StateView, width: int) -> Meaning:
    match name, rest:
        case ":quit", []:
            return Leave()
        case ":share", []:
            return Act("share", {"user": state["telegram"]["person"]})
        case ":as", [who]:
            return _become(who, state)
        case ":cancel", []:
            return _cancelled(state)
        case ":refill", []:
            return _refilled(state)
        case ":fault", [fault]:
            return Act("fault", {"name": fault, "times": 1})
        case ":fault", [fault, times] if times.removeprefix("-").isdecimal():
            return Act("fault", {"name": fault, "times": int(times)})
        case _:
            return Show(_shown(name, state, width))


def _shown(name: str, state: StateView, width: int) -> list[str]:
    match name:
        case ":handset":
            return handset_lines(state, width)
        case ":meters":
            return meter_lines(state, width)
        case ":faults":
            return fault_lines(state, width)
        case ":help":
            return HELP.split("\n")
        case _:
            return ["  That is not a command. :help lists them."]


def _become(who: str, state: StateView) -> Meaning:
    for person in state["people"]:
        if person["name"].lower() == who.lower():
            return Become(person["id"])
    return Show([f"  People here: {', '.join(person['name'] for person in state['people'])}."])


def _cancelled(state: StateView) -> Meaning:
    handset = ringing(state)
    if handset is None or handset["prompt"] is None:
        return Show(["  No handset shows a prompt."])
    return Act("cancel", {"prompt": handset["prompt"]["id"]})


def _refilled(state: StateView) -> Meaning:
    own = [handset for handset in state["handsets"] if handset["person"] == state["telegram"]["person"]]
    return Act("refill", {"msisdn": own[0]["msisdn"]}) if own else Show(["  You have no handset."])

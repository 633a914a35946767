"""One pure turn around the kernel: inputs in, what changes out.

The driver knows inputs, global words, holding and what has been said; flows know none of that. It asks nobody and
stores nothing: `take_turn` may run again from newer rows and must then propose the same things for the same inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows import words
from flows.progress import Progress
from flows.talk import Answer, Ask, Call, Entry, Say, back
from flows.text import T, Text
from flows.turn import CallAnswered, Fact, Flows, Heard, Said, Turn, View
from flows.understand import (
    Command,
    OneLine,
    choice_in,
    command_in,
    greeting_in,
    looks_like_pin,
    one_line,
    operator_sms,
)
from integrations.contract.message import Content, Edited, Reachable, SharedPhone, Tapped, Typed, Unreadable

#: So many messages are held for one conversation while a call is pending; what comes after them is not kept.
HELD_MAX = 20


def take_turn(flows: Flows, view: View, heard: Sequence[Heard]) -> Turn:
    """Answer `heard`, or hold it while a call is pending. Answers to calls and facts are taken before messages."""
    thinking = _Thinking(flows, view)
    for item in heard:
        match item.what:
            case CallAnswered() as answer:
                thinking.call_answered(item, answer)
            case Fact():
                thinking.fact(item)
            case _:
                pass
    for item in heard:
        match item.what:
            case CallAnswered() | Fact():
                pass
            case content:
                thinking.message(item, content)
    return thinking.finish()


class _Thinking(Progress):
    """Interprets inputs: global words, shortcuts, answers, and what people send that is none of these."""

    # --- what came in

    def call_answered(self, item: Heard, answer: CallAnswered) -> None:
        state = self.turn.state
        if state is None or not isinstance(self.step, Call) or answer.work_id != self._place(len(state.journal)):
            self.turn.answered[item.id] = "stale"
            return
        self.turn.answered[item.id] = "taken"
        self._append(Entry("call", self.step.key, answer.value))

    def fact(self, item: Heard) -> None:
        self.turn.answered[item.id] = "noted"
        self._renew()

    def message(self, item: Heard, content: Content) -> None:
        match content:
            case Typed(text):
                self._typed(item, text)
            case Tapped(data):
                self._tapped(item, data)
            case SharedPhone(phone, own):
                self._shared(item, phone.reveal(), own=own)
            case Edited():
                self._remark(
                    item, "edited", T("I go by what was sent first. To change something, send it as a new message.")
                )
            case Unreadable():
                self._remark(item, "unreadable", T("I can only read text and buttons."))
            case Reachable():
                self.turn.answered[item.id] = "noted"

    # --- one message

    def _typed(self, item: Heard, text: str) -> None:
        command = command_in(text)
        if command is not None:
            self._command(item, command)
        elif isinstance(self.step, Call):
            self._hold(item)
        elif isinstance(self.step, Ask):
            self._answer_in_words(item, self.step, text)
        else:
            self._unprompted(item, text)

    def _hold(self, item: Heard) -> None:
        if len(self.turn.held) < HELD_MAX:
            self.turn.held.append(item.id)
            return
        self._forget(item.id, "too many while waiting")

    def _forget(self, item_id: int, why: str) -> None:
        """Put away a text that was never read: it may be a PIN, so nothing of it is kept."""
        self.turn.answered[item_id] = why
        self.turn.blanked.append(item_id)

    def _answer_in_words(self, item: Heard, ask: Ask[Any], text: str) -> None:
        if self._shortcut(item, text, whole=True):
            return
        labels = [self.view.label(choice.label) for choice in ask.choices]
        # Where a number is an answer, `2` is the second choice only when it is no answer in itself.
        itself = ask.expects_number and self._fits(ask, Answer(text=text))
        chosen = None if itself else choice_in(text, labels)
        answer = Answer(text=text) if chosen is None else Answer(choice=ask.choices[chosen].id)
        # What fits may be a lone number; a secret that is called one is not kept even where any text would do.
        plain = self._fits(ask, answer) and not self._is_secret(text, expects_number=True)
        if not plain and self._no_answer(item, text, expects_number=ask.expects_number):
            return
        if ask.fresh and not self._was_shown(item):
            self._remark(item, "too early", T("Please check this first."))
            return
        self._take(item, ask, answer)

    def _unprompted(self, item: Heard, text: str) -> None:
        if self._shortcut(item, text, whole=False) or self._no_answer(item, text, expects_number=False):
            return
        self._remark(item, "not understood", *words.NOT_UNDERSTOOD)

    def _shortcut(self, item: Heard, text: str, *, whole: bool) -> bool:
        """Begin a purchase from one line; `whole` asks for both a meter and an amount, as in mid-question.

        Outside a question `buy 500` will do: the meter is asked for.
        """
        trade = self.view.who.trade
        order = one_line(
            text, lengths=trade.meter_lengths, currency=trade.currency, nicknames=self.view.who.nicknames,
            country=trade.country,
        )  # fmt: skip
        if not isinstance(order, OneLine):
            return False
        target = order.meter is not None or order.nickname is not None
        if whole and (not target or order.amount is None):
            return False
        self.turn.answered[item.id] = "shortcut"
        self._begin(
            "buy_power",
            {
                "meter": order.meter.reveal() if order.meter else "",
                "nickname": order.nickname or "",
                "amount": order.amount.minor if order.amount else 0,
                "payer": order.payer.reveal() if order.payer else "",
            },
        )
        return True

    def _no_answer(self, item: Heard, text: str, *, expects_number: bool) -> bool:
        """Things people send that are no answer: a greeting, a PIN, an operator's SMS."""
        if greeting_in(text):
            self.turn.answered[item.id] = "greeting"
            self._greet()
            return True
        if self._is_secret(text, expects_number=expects_number):
            self.turn.blanked.append(item.id)
            self._remark(item, "pin", *words.PIN_WARNING)
            return True
        receipt = operator_sms(text)
        if receipt is not None:
            self.turn.answered[item.id] = "operator sms"
            self._errand(item, "status", {"receipt": receipt})
            return True
        return False

    def _is_secret(self, text: str, *, expects_number: bool) -> bool:
        return looks_like_pin(text, expects_number=expects_number, lengths=self.view.who.trade.meter_lengths)

    def _greet(self) -> None:
        """A greeting is no reason to leave an order: an open question is only asked again."""
        if self.step is None:
            self._say(Say(words.WELCOME, words.MENU))
        self.ask_again = True

    def _tapped(self, item: Heard, data: str) -> None:
        if data == self.turn.last_tap:
            self.turn.answered[item.id] = "repeat"
            return
        head, _, rest = data.partition(":")
        match head:
            case "go":
                self._command(item, Command(rest)) if rest in words.COMMANDS else self._stale(item)
            case "lang":
                self._language(item, rest)
            case "retry":
                self._retry(item, rest)
            case _:
                self._tapped_choice(item, data)

    def _retry(self, item: Heard, which: str) -> None:
        """Begin to try a payment again. Only a second tap while that is looked into is silent: later may differ."""
        payment, _, number = which.partition(":")
        args = {"payment": payment, "after": int(number) if number.isdecimal() else 0}
        state = self.turn.state
        if state is not None and (state.flow, state.args) == ("try_again", args):
            self.turn.answered[item.id] = "repeat"
            return
        self.turn.answered[item.id] = "tapped"
        self._begin("try_again", args)

    def _tapped_choice(self, item: Heard, data: str) -> None:
        place, _, choice = data.rpartition(".")
        state = self.turn.state
        if state is None or not isinstance(self.step, Ask) or place != f"{self.turn.epoch}.{len(state.journal)}":
            self._stale(item)
            return
        self.turn.last_tap = data
        self._take(item, self.step, Answer(choice=choice))

    def _stale(self, item: Heard) -> None:
        self._remark(item, "stale button", T("That button belongs to an earlier message."))

    def _shared(self, item: Heard, phone: str, *, own: bool) -> None:
        if not own:
            self._remark(item, "foreign contact", *words.FOREIGN_CONTACT)
            return
        self.turn.answered[item.id] = "phone"
        self._order(f"{self.view.conversation_id}:phone:{item.id}", "prove_phone", {"phone": phone})
        if isinstance(self.step, Ask) and self.step.share_phone is not None:
            self._take(item, self.step, Answer(phone=phone))
        else:
            self._add_remarks(T("Thank you, I noted your phone number."))

    # --- global words

    def _command(self, item: Heard, command: Command) -> None:
        for held in self.turn.held:
            self._forget(held, "discarded")
        self.turn.held.clear()
        self.turn.answered[item.id] = command.value
        match command:
            case Command.BUY:
                self._begin("buy_power", {})
            case Command.AGAIN:
                self._begin("buy_again", {})
            case Command.METERS:
                self._begin("my_meters", {})
            case Command.STATUS:
                self._errand(item, "status", {})
            case Command.TOKEN:
                self._errand(item, "tokens", {})
            case _:
                self._word(item, command)

    def _word(self, item: Heard, command: Command) -> None:
        """The global words that say or change something themselves."""
        match command:
            case Command.BACK:
                self._back()
            case Command.CANCEL:
                self._cancel()
            case Command.HELP:
                self._say(Say(words.HELP, words.MENU if self.step is None else ()))
                self.ask_again = True
            case Command.LANGUAGE:
                offered = tuple((f"lang:{code}", Text(name)) for code, name in self.view.who.trade.languages)
                self._put(Said(words.WHICH_LANGUAGE, offered))
            case Command.AGENT:
                self._order(f"{self.view.conversation_id}:agent:{item.id}", "ask_for_person", {})
                self._say(Say((T("For a person, contact {contact}.", contact=self.view.who.trade.support_contact),)))
                self.ask_again = True
            case Command.STOP:
                self._leave()
                self._hear_from_us(item, stopped=1)
                self._say(Say(words.STOPPED if self.view.who.phone else words.STOPPED_UNPROVEN))
            case Command.MENU:
                self._leave()
                self._say(Say(words.WELCOME, words.MENU))
            case _:
                self._leave()
                self._hear_from_us(item, stopped=0)
                self._say(Say(words.WELCOME, words.MENU))

    def _hear_from_us(self, item: Heard, *, stopped: int) -> None:
        self._order(f"{self.view.conversation_id}:stop:{item.id}", "hear_from_us", {"stopped": stopped})

    def _language(self, item: Heard, code: str) -> None:
        if code not in dict(self.view.who.trade.languages):
            self._stale(item)
            return
        self._order(f"{self.view.conversation_id}:language:{item.id}", "set_language", {"language": code})
        self._remark(item, "language", T("I will write in English from now on."))

    def _back(self) -> None:
        if self.turn.state is None:
            self._say(Say(words.WELCOME, words.MENU))
            return
        shorter = back(self._journal())
        if shorter is None:
            self._add_remarks(T("This is the first question; there is nothing to go back to."))
            self.ask_again = True
            return
        self._cut(shorter)
        self._renew()

    def _cancel(self) -> None:
        if self.turn.state is None:
            self._say(Say(words.NOTHING_TO_CANCEL, words.MENU))
            return
        self._leave()
        self._say(Say((T("Cancelled. Nothing was charged for this order."),), words.MENU))

"""One pure turn around the kernel: inputs in, what changes out.

The driver knows inputs, global words, holding and what has been said; flows know none of that. It asks nobody and
stores nothing: `take_turn` may run again from newer rows and must then propose the same things for the same inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows import words
from flows.global_words import GlobalWords
from flows.talk import Answer, Ask, Call, Choice, Entry
from flows.text import T, Text
from flows.turn import CallAnswered, Fact, Flows, Heard, Turn, View
from flows.understand import (
    Command,
    OneLine,
    choice_in,
    command_in,
    greeting_in,
    label_in,
    language_named,
    looks_like_pin,
    one_line,
    operator_sms,
)
from integrations.contract.message import Content, Edited, Reachable, SharedPhone, Tapped, Typed, Unreadable

#: These begin something else and leave an open order; not where the same word is a button of its question.
BEGINNING = frozenset({Command.BUY, Command.AGAIN, Command.METERS})

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


class _Thinking(GlobalWords):
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
                    item,
                    "edited",
                    T("I read your message as you first sent it. To change something, send a new message."),
                )
            case Unreadable():
                self._remark(item, "unreadable", T("I can only read text and buttons."))
            case Reachable():
                self.turn.answered[item.id] = "noted"

    # --- one message

    def _typed(self, item: Heard, text: str) -> None:
        code = language_named(text)
        if code is not None and code in self._languages():
            self._language(item, code)
            return
        self._hear_language(item, text)
        command = Command.LANGUAGE if code is not None else command_in(text)
        if command in BEGINNING and isinstance(self.step, Ask) and self._chosen(self.step, text) is not None:
            command = None
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

    def _answer_in_words(self, item: Heard, ask: Ask[Any], text: str) -> None:
        if self._shortcut(item, text, whole=True):
            return
        # Where a number is an answer, `2` is the second choice only when it is no answer in itself.
        itself = ask.expects_number and self._fits(ask, Answer(text=text))
        chosen = None if itself else self._chosen(ask, text)
        if chosen is not None and chosen in ask.also:
            self._act(item, words.button(chosen)[0])
            return
        answer = Answer(text=text) if chosen is None else Answer(choice=chosen.id)
        # What fits may be a lone number; a secret that is called one is not kept even where any text would do.
        plain = self._fits(ask, answer) and not self._is_secret(text, expects_number=True)
        if not plain and (
            self._offered(item, text, by_place=False) or self._no_answer(item, text, expects_number=ask.expects_number)
        ):
            return
        if ask.fresh and not self._was_shown(item):
            self._remark(item, "too early", T("Please check this first."))
            return
        self._take(item, ask, answer)

    def _unprompted(self, item: Heard, text: str) -> None:
        if (
            # Before orders: the label `Pay KES 510` of a message that is over would be one.
            self._offered(item, text, by_place=True)
            or self._shortcut(item, text, whole=False)
            or self._no_answer(item, text, expects_number=False)
        ):
            return
        self._remark(item, "not understood", *words.NOT_UNDERSTOOD)

    def _chosen(self, ask: Ask[Any], text: str) -> Choice | None:
        """The button under the open question that was typed, by its label or its place."""
        choices = (*ask.choices, *ask.also)
        place = self._button_in(text, [choice.label for choice in choices], by_place=True)
        return None if place is None else choices[place]

    def _offered(self, item: Heard, text: str, *, by_place: bool) -> bool:
        """Take a typed button of the newest message that has any, as where a channel shows them as a numbered list.

        A button of the open question is not among them: what is typed for it is an answer, or too early.
        """
        offered = [each for each in self.view.offered() if not self._is_open(each[0])]
        place = self._button_in(text, [label for _, label in offered], by_place=by_place)
        if place is None:
            return False
        self._act(item, offered[place][0])
        return True

    def _button_in(self, text: str, labels: Sequence[Text], *, by_place: bool) -> int | None:
        """Which of these labels was typed: as its reader sees it, or in English."""
        shown = [self.view.label(label) for label in labels]
        place = choice_in(text, shown) if by_place else label_in(text, shown)
        return label_in(text, ["" if label.values else label.msgid for label in labels]) if place is None else place

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
            self._welcome()
        self.ask_again = True

    def _tapped(self, item: Heard, data: str) -> None:
        if data and data == self.turn.last_tap:
            self.turn.answered[item.id] = "repeat"
            return
        self._act(item, data)

    def _act(self, item: Heard, data: str) -> None:
        """Do what a button stands for."""
        head, _, rest = data.partition(":")
        match head:
            case "go":
                self._command(item, Command(rest)) if rest in words.COMMANDS else self._stale(item)
            case "lang":
                self._language(item, rest) if rest in self._languages() else self._stale(item)
            case "retry":
                self._retry(item, rest)
            case _:
                self._tapped_choice(item, data)

    def _tapped_choice(self, item: Heard, data: str) -> None:
        if not isinstance(self.step, Ask) or not self._is_open(data):
            self._stale(item)
            return
        self.turn.last_tap = data
        self._take(item, self.step, Answer(choice=data.rpartition(".")[2]))

    def _is_open(self, data: str) -> bool:
        """Whether this is a button of the open question."""
        state = self.turn.state
        return state is not None and data.rpartition(".")[0] == f"{self.turn.epoch}.{len(state.journal)}"

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

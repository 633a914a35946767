"""Global words: what a person can want at any moment, typed or tapped, in a flow or outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from flows import words
from flows.progress import Progress
from flows.talk import Say, back
from flows.text import T, verbatim
from flows.turn import Heard, Said
from flows.understand import Command, language_of, order_language

#: What the button of an order that waited says of its amount, in minor units; 0 for none yet.
AMOUNT = re.compile(r"[0-9]{1,12}")


class GlobalWords(Progress):
    """Acts on commands and on languages. A call being asked goes on unless a word leaves its flow."""

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
                offered = tuple((f"lang:{code}", verbatim(name)) for code, name in self._languages().items())
                self._put(Said(words.WHICH_LANGUAGE, offered))
                self._told_languages()
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
                self._welcome() if self.view.first else self._say(Say(words.WELCOME, words.MENU))
            case _:
                self._leave()
                self._hear_from_us(item, stopped=0)
                self._welcome()

    def _hear_from_us(self, item: Heard, *, stopped: int) -> None:
        self._order(f"{self.view.conversation_id}:stop:{item.id}", "hear_from_us", {"stopped": stopped})

    # --- language

    def _languages(self) -> Mapping[str, str]:
        """The languages we speak: code and own name."""
        return dict(self.view.who.trade.languages)

    def _language(self, item: Heard, code: str) -> None:
        """Speak this language from now on, and say so in it. The place is kept; whoever was just welcomed is again."""
        self._set_language(item, code)
        self._told_languages()
        self._remark(item, "language", words.switched_to(code, self._languages()[code]))
        state = self.turn.state
        if state is None and self.view.first:
            self._welcome()
        elif state is not None and state.args.get("welcome"):
            spoken = state.spoken if state.journal else -1
            self.turn.state = replace(state, args={**state.args, "welcome": code}, spoken=spoken)
            self._advance()

    def _hear_language(self, item: Heard, text: str) -> None:
        """The words somebody begins with say more of their language than the app they were typed in."""
        if not self.view.first or self.language != self.view.language:
            return
        code = language_of(text, self._languages()) or order_language(text, self._languages())
        if code is not None and code != self.language:
            self._set_language(item, code)

    def _set_language(self, item: Heard, code: str) -> None:
        self.language = code
        self._order(f"{self.view.conversation_id}:language:{item.id}", "set_language", {"language": code})

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

    def _welcome(self) -> None:
        """A stranger can only want to buy, so the welcome asks for the meter; whoever is known here has a choice."""
        if self.view.who.meters:
            self._say(Say(words.WELCOME, words.MENU))
        else:
            self._begin("buy_power", {"welcome": self.language})

    def _retry(self, item: Heard, which: str) -> None:
        """Begin to try a payment again. Only a second tap while that is looked into is silent: later may differ."""
        payment, _, number = which.partition(":")
        args = {"payment": payment, "after": int(number) if number.isdecimal() else 0}
        state = self.turn.state
        if state is not None and state.flow == "try_again" and args.items() <= state.args.items():
            self.turn.answered[item.id] = "repeat"
            return
        self.turn.answered[item.id] = "tapped"
        self._begin("try_again", args)

    def _stale(self, item: Heard) -> None:
        self._remark(item, "stale button", T("That button belongs to an earlier message."))

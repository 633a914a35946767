"""A flow in progress within one turn: taking answers, replaying, and putting out what is asked or looked up next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flows import words
from flows.customer import from_json, to_json
from flows.talk import (
    JOURNAL_ENTRIES_MAX,
    Answer,
    Ask,
    Call,
    Commit,
    Diverged,
    Entry,
    Finished,
    Invalid,
    Journal,
    Say,
    Waiting,
    answer_to_json,
    before_last_call,
    replay,
)
from flows.text import BLANK, Body, Json, T, Text
from flows.turn import Errand, Flows, Heard, Order, Said, State, Turn, View

#: Marks the arguments of a flow whose first question is the first message of its conversation.
FIRST = "first"

#: After so many answers in a row that did not fit, the ways out are named.
MISSES_BEFORE_HELP = 3


class Progress:
    """The turn as it grows: the state of the flow, and everything it has said, ordered and asked so far."""

    def __init__(self, flows: Flows, view: View) -> None:
        self.flows = flows
        self.view = view
        self.turn = Turn(view.state, view.epoch, view.asked_at, view.last_tap)
        self.language = view.language
        #: The first message of a conversation tells how to have another language.
        self.tells_languages = view.first or bool(view.state and view.state.args.get(FIRST))
        self.remarks: list[Text] = []
        self.ask_again = False
        self.step: Ask[Any] | Call[Any] | None = None
        if self.turn.state is not None:
            self._advance()

    def _take(self, item: Heard, ask: Ask[Any], answer: Answer) -> None:
        self.turn.answered[item.id] = "answer"
        try:
            value = ask.parse(answer)
        except Invalid as why:
            self.turn.answered[item.id] = "misfit"
            self._missed(why.body)
            return
        if self._is_old(ask) and value not in ask.always:
            self._add_remarks(T("That price is out of date. Here is the price now:"))
            self._renew()
            return
        self._append(Entry("ask", ask.key, answer_to_json(answer)))

    def _is_old(self, ask: Ask[Any]) -> bool:
        return bool(ask.valid_seconds) and self.view.now > self.turn.asked_at + ask.valid_seconds * 1000

    def _missed(self, why: Body) -> None:
        state = self._state()
        self.turn.state = replace(state, misses=state.misses + 1)
        self._add_remarks(*why)
        if state.misses + 1 >= MISSES_BEFORE_HELP:
            self._add_remarks(T("Write *help* for what I understand, *back* for the question before, or *cancel*."))
        self.ask_again = True

    def _begin(self, name: str, args: Mapping[str, Json]) -> None:
        first = {FIRST: True} if self.tells_languages else {}
        self._leave()
        self.turn.state = State(name, self.flows[name].revision, to_json(self.view.who), {**args, **first})
        self._advance()

    def _leave(self) -> None:
        """End the flow, if any; its epoch with it, so that no key of it is ever used again."""
        if self.turn.state is not None:
            self.turn.epoch += 1
        self.turn.state = None
        self.step = None

    def _append(self, entry: Entry) -> None:
        state = self._state()
        self.turn.state = replace(state, journal=(*state.journal, entry), misses=0)
        self._advance()

    def _cut(self, journal: Journal) -> None:
        self.turn.state = replace(self._state(), journal=journal, spoken=len(journal), asked=-1)
        self.turn.epoch += 1
        self._advance()

    def _renew(self) -> None:
        """Look an open offer up again; another question stays as it is."""
        if isinstance(self.step, Ask) and self.step.valid_seconds:
            self._cut(before_last_call(self._journal()))

    def _advance(self) -> None:
        """Replay to the next open question or call, writing the orders of the commits on the way."""
        while True:
            state = self._state()
            script = self.flows.get(state.flow)
            if script is None or script.revision != state.revision:
                self._start_over()
                return
            who = from_json(state.who, self.view.who.trade)
            try:
                stand = replay(script.begin(who, state.args), state.journal, state.spoken)
            except Diverged:
                self._start_over()
                return
            for say in stand.said:
                self._say(say)
            self.turn.state = replace(state, spoken=stand.position)
            match stand:
                case Finished():
                    self._leave()
                    return
                case Waiting(step=Commit() as commit):
                    self._order(self._place(stand.position), commit.key, commit.args)
                    self.turn.state = replace(
                        self._state(), journal=(*state.journal, Entry("commit", commit.key))
                    )  # fmt: skip
                case Waiting() if stand.position >= JOURNAL_ENTRIES_MAX:
                    self._start_over()
                    return
                case Waiting(Ask() | Call() as step):
                    self.step = step
                    return
                case Waiting():
                    raise AssertionError("a replay stops at an Ask, a Call or a Commit")

    def _start_over(self) -> None:
        self._leave()
        self._say(Say((T("I was just updated. Please start again; nothing was charged for this."),), words.MENU))

    # --- the turn's end

    def finish(self) -> Turn:
        """Put out what the turn leaves open: a call to make, or a question to answer."""
        state = self.turn.state
        match self.step:
            case Call() as call:
                place = self._place(len(self._journal()))
                if place != self.view.pending:
                    self.turn.errands.append(Errand(place, call.key, call.args))
                self._put_remarks()
            case Ask() as ask if state is not None:
                if self.ask_again or self.remarks or state.asked != len(state.journal):
                    self._question(ask, state)
            case _:
                self._put_remarks(words.MENU_BUTTONS)
                if self.tells_languages and self.turn.said:
                    last = self.turn.said.pop()
                    self.turn.said.append(replace(last, body=_joined(last.body, self._other_languages())))
        return self.turn

    def _question(self, ask: Ask[Any], state: State) -> None:
        position = len(state.journal)
        body = _joined(self.remarks, self._other_languages() if self.tells_languages else (), ask.body)
        while self.turn.said and not self.turn.said[-1].buttons:
            # What was just said and the question are one message: people read one, and pay for one.
            body = _joined(self.turn.said.pop().body, body)
        if state.asked != position:
            # Asking again keeps the time of the first asking: an offer does not get younger by being repeated.
            self.turn.asked_at = self.view.now
        self.turn.state = replace(state, asked=position)
        self._told_languages()
        place = self.turn.place
        buttons = (
            *((f"{place}.{choice.id}", choice.label) for choice in ask.choices),
            *map(words.button, ask.also),
        )
        self.turn.said.append(Said(body, buttons, ask.share_phone, place))

    def _told_languages(self) -> None:
        """There is no need to tell it again."""
        self.tells_languages = False
        state = self.turn.state
        if state is not None and FIRST in state.args:
            args = {name: value for name, value in state.args.items() if name != FIRST}
            self.turn.state = replace(state, args=args)

    def _other_languages(self) -> Body:
        return words.other_languages(self.view.who.trade.languages, self.language)

    # --- small things

    def _was_shown(self, item: Heard) -> bool:
        """Whether this input was stored after the open question had reached the person."""
        state, before = self._state(), self.view.state
        asked = state.asked == len(state.journal) and self.turn.epoch == self.view.epoch
        same = asked and before is not None and before.asked == state.asked
        return same and 0 < self.view.shown_at <= item.stored_at

    def _fits(self, ask: Ask[Any], answer: Answer) -> bool:
        try:
            ask.parse(answer)
        except Invalid:
            return False
        return True

    def _forget(self, item_id: int, why: str) -> None:
        """Put away a text that was never read: it may be a PIN, so nothing of it is kept."""
        self.turn.answered[item_id] = why
        self.turn.blanked.append(item_id)

    def _remark(self, item: Heard, disposition: str, *texts: Text) -> None:
        self.turn.answered[item.id] = disposition
        self._add_remarks(*texts)
        self.ask_again = True

    def _add_remarks(self, *texts: Text) -> None:
        """The same is said once a turn, however many inputs give cause for it."""
        self.remarks.extend(text for text in texts if text not in self.remarks)

    def _put_remarks(self, buttons: tuple[tuple[str, Text], ...] = ()) -> None:
        if self.remarks:
            self.turn.said.append(Said(tuple(self.remarks), buttons))
            self.remarks.clear()

    def _put(self, said: Said) -> None:
        """Say something, after what was remarked on the inputs before it."""
        self._put_remarks()
        self.turn.said.append(said)

    def _say(self, say: Say) -> None:
        self._put(Said(say.body, tuple(map(words.button, say.choices))))

    def _order(self, order_id: str, key: str, args: Mapping[str, Json]) -> None:
        self.turn.orders.append(Order(order_id, key, args))

    def _errand(self, item: Heard, name: str, args: Mapping[str, Json]) -> None:
        self.turn.errands.append(Errand(f"{self.view.conversation_id}:{name}:{item.id}", name, args))

    def _place(self, position: int) -> str:
        return f"{self.view.conversation_id}:{self.turn.epoch}:{position}"

    def _journal(self) -> Journal:
        return self._state().journal

    def _state(self) -> State:
        if self.turn.state is None:
            raise AssertionError("a flow is moved only while there is one")
        return self.turn.state


def _joined(*bodies: Sequence[Text]) -> Body:
    """One message of several, with an empty line between any two."""
    lines: list[Text] = []
    for body in filter(None, bodies):
        lines += [BLANK, *body] if lines else body
    return tuple(lines)

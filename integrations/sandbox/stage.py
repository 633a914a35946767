"""What there is to see in the sandbox: its people and their chats, handsets, meters and faults, as plain JSON.

Read by the demo page and by the terminal client; nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypedDict

from integrations.contract.money import Money
from integrations.contract.people import Phone
from integrations.contract.seams import Clock
from integrations.sandbox import daraja, telegram, xmlvend
from integrations.sandbox.daraja import DarajaSide, Handset, PinPrompt
from integrations.sandbox.daraja_truth import WRONG_PINS_MAX
from integrations.sandbox.far_side import FaultPlan
from integrations.sandbox.telegram import ChatMessage, TelegramSide
from integrations.sandbox.xmlvend import XmlVendSide

#: The parties as a page titles them, each with the faults it knows.
FAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "Telegram": telegram.FAULTS,
    "M-Pesa": daraja.FAULTS,
    "Electricity company": xmlvend.FAULTS,
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a Telegram account and an M-PESA handset on the same number."""

    user_id: int
    name: str
    phone: Phone
    language: str = "en"

    @property
    def msisdn(self) -> str:
        """The number as M-PESA writes it: 12 digits, no plus."""
        return self.phone.reveal().removeprefix("+")


PEOPLE: Final = (
    Person(711000001, "Amina", Phone("+254711000001")),
    Person(722000002, "Otieno", Phone("+254722000002")),
)


class ButtonView(TypedDict):
    """An inline button; `data` is what tapping it sends back."""

    label: str
    data: str


class MessageView(TypedDict):
    """A bubble. `html` is the bot's markup, `text` the same without; `at` is ISO 8601 in UTC."""

    id: int
    from_bot: bool
    html: str
    text: str
    buttons: list[list[ButtonView]]
    at: str
    edited: bool


class ChatView(TypedDict):
    """One person's chat. While a reply keyboard is open, `ask_contact` labels its button that shares the own number
    and `keys` are those that type their own label."""

    person: int
    typing: bool
    ask_contact: str | None
    keys: list[str]
    messages: list[MessageView]


class PromptView(TypedDict):
    """The PIN prompt on a handset."""

    id: str
    sentence: str
    seconds_left: float


class HandsetView(TypedDict):
    """A payer's phone. `person` is the Telegram id of its owner, where the owner is one of the sandbox's people."""

    msisdn: str
    person: int | None
    name: str
    balance: str
    pin: str
    locked: bool
    sms: list[str]
    prompt: PromptView | None


class PersonView(TypedDict):
    """Somebody to chat as."""

    id: int
    name: str
    phone: str


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
    chat: ChatView
    handsets: list[HandsetView]
    meters: list[MeterView]
    faults: list[FaultView]


@dataclass
class Stage:
    """The three far sides with their people on them. `touched` counts what only the page changed (faults, balances)."""

    telegram: TelegramSide
    daraja: DarajaSide
    xmlvend: XmlVendSide
    faults: FaultPlan
    clock: Clock
    people: tuple[Person, ...] = PEOPLE
    touched: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for person in self.people:
            self.telegram.add_user(person.user_id, person.name, person.phone.reveal(), person.language)
            self.daraja.handset(person.msisdn).name = person.name

    @property
    def revision(self) -> int:
        """Rises whenever anything a client draws may look different."""
        sides = self.telegram.revision + self.daraja.revision + self.xmlvend.revision
        return sides + self.touched + sum(self.faults.fired.values())

    def seen_by(self, person: Person) -> StateView:
        """The chat of `person`, and everything else on the stage."""
        return StateView(
            revision=self.revision,
            people=[PersonView(id=one.user_id, name=one.name, phone=one.phone.reveal()) for one in self.people],
            chat=self._chat(person),
            handsets=[self._handset(handset) for handset in self.daraja.handsets.values()],
            meters=[MeterView(number=meter.number, about=meter.about) for meter in self.xmlvend.meters.values()],
            faults=list(self._faults()),
        )

    def live_prompt(self, msisdn: str) -> PinPrompt | None:
        """The prompt that waits for a PIN on this phone."""
        shown = (prompt for prompt in self.daraja.prompts() if prompt.state == "shown")
        return next((prompt for prompt in shown if prompt.msisdn == msisdn), None)

    def _chat(self, person: Person) -> ChatView:
        messages = self.telegram.chat(person.user_id)
        keyboard = next((message for message in reversed(messages) if message.ask_contact or message.keys), None)
        return ChatView(
            person=person.user_id,
            typing=self.telegram.typing(person.user_id),
            ask_contact=keyboard.ask_contact if keyboard else None,
            keys=list(keyboard.keys) if keyboard else [],
            messages=[_message(message) for message in messages],
        )

    def _handset(self, handset: Handset) -> HandsetView:
        live = self.live_prompt(handset.msisdn)
        return HandsetView(
            msisdn=handset.msisdn,
            person=next((one.user_id for one in self.people if one.msisdn == handset.msisdn), None),
            name=handset.name.title(),
            balance=spelled(handset.balance),
            pin=handset.pin,
            locked=handset.wrong_pins >= WRONG_PINS_MAX,
            sms=list(handset.sms),
            prompt=None if live is None else self._prompt(live),
        )

    def _prompt(self, prompt: PinPrompt) -> PromptView:
        left = (prompt.expires_at - self.clock.now()).total_seconds()
        return PromptView(id=prompt.id, sentence=sentence(prompt), seconds_left=max(0.0, round(left, 1)))

    def _faults(self) -> Iterator[FaultView]:
        for party, faults in FAULTS.items():
            for name, words in faults.items():
                yield FaultView(party=party, name=name, sentence=words, left=self.faults.counts.get(name, 0))


def sentence(prompt: PinPrompt) -> str:
    """What the SIM card asks."""
    return f"Pay {spelled(prompt.amount)} to {prompt.merchant} account {prompt.account}? Enter M-PESA PIN"


def spelled(amount: Money) -> str:
    """`KES 1,250.00`."""
    units, _, cents = amount.decimal_text().partition(".")
    return f"{amount.currency} {int(units):,}" + (f".{cents}" if cents else "")


def _message(message: ChatMessage) -> MessageView:
    return MessageView(
        id=message.message_id,
        from_bot=message.from_bot,
        html=message.html,
        text=message.text,
        buttons=[[ButtonView(label=label, data=data) for label, data in row] for row in message.buttons],
        at=message.at.isoformat(),
        edited=message.edited,
    )

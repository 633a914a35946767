"""What there is to see in the sandbox: its people and their chats, handsets, meters and faults, as plain JSON.

Read by the demo page and by the terminal client. Seeing changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from integrations.contract.money import Money
from integrations.contract.people import Phone
from integrations.contract.seams import Clock
from integrations.sandbox import daraja, telegram, twilio, xmlvend
from integrations.sandbox.daraja import DarajaSide, Handset, PinPrompt
from integrations.sandbox.daraja_truth import WRONG_PINS_MAX
from integrations.sandbox.far_side import FaultPlan
from integrations.sandbox.telegram import ChatMessage, TelegramSide
from integrations.sandbox.twilio import TwilioSide, WhatsAppBubble
from integrations.sandbox.views import (
    BubbleView,
    ButtonView,
    ChatView,
    FaultView,
    HandsetView,
    ItemView,
    MessageView,
    MeterView,
    PersonView,
    PromptView,
    SmsView,
    StateView,
    WhatsAppView,
)
from integrations.sandbox.xmlvend import XmlVendSide

#: The parties as a page titles them, each with the faults it knows.
FAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "WhatsApp (Twilio)": twilio.FAULTS,
    "Telegram": telegram.FAULTS,
    "M-Pesa": daraja.FAULTS,
    "Electricity company": xmlvend.FAULTS,
}

#: What an app can be set to, as a page names it.
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "sw": "Kiswahili"}

MPESA: Final = "MPESA"


@dataclass(slots=True)
class Person:
    """Somebody with a Telegram account, a WhatsApp account and an M-PESA handset on the same number.

    `language` is that of their apps, which Telegram tells a bot and WhatsApp does not. Whoever has a `whatsapp_id`
    hides the number there: the service is told this id in its place.
    """

    user_id: int
    name: str
    phone: Phone
    language: str = "en"
    whatsapp_id: str = ""

    @property
    def msisdn(self) -> str:
        """The number as M-PESA writes it: 12 digits, no plus."""
        return self.number.removeprefix("+")

    @property
    def number(self) -> str:
        """The number as Twilio writes it: E.164."""
        return self.phone.reveal()


def people() -> tuple[Person, ...]:
    """Those who live in every sandbox."""
    return (
        Person(711000001, "Amina", Phone("+254711000001")),
        Person(722000002, "Otieno", Phone("+254722000002")),
        Person(790000003, "Zawadi", Phone("+254790000003"), "sw", whatsapp_id="KE.7900000030000003"),
    )


@dataclass
class Stage:
    """The far sides with their people on them. `touched` counts what only the page changed (faults, balances)."""

    telegram: TelegramSide
    twilio: TwilioSide
    daraja: DarajaSide
    xmlvend: XmlVendSide
    faults: FaultPlan
    clock: Clock
    people: tuple[Person, ...] = field(default_factory=people)
    touched: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        for person in self.people:
            hidden = person.whatsapp_id
            self.telegram.add_user(person.user_id, person.name, person.number, person.language)
            self.twilio.add_user(person.number, person.name, bsuid=hidden, hidden=bool(hidden))
            self.daraja.handset(person.msisdn).name = person.name

    @property
    def revision(self) -> int:
        """Rises whenever anything a client draws may look different."""
        sides = self.telegram.revision + self.twilio.revision + self.daraja.revision + self.xmlvend.revision
        return sides + self.touched + sum(self.faults.fired.values())

    def seen_by(self, person: Person) -> StateView:
        """The chats of `person`, and everything else on the stage."""
        return StateView(
            revision=self.revision,
            people=[_person(one) for one in self.people],
            telegram=self._telegram(person),
            whatsapp=self._whatsapp(person),
            handsets=[self._handset(handset) for handset in self.daraja.handsets.values()],
            meters=[MeterView(number=meter.number, about=meter.about) for meter in self.xmlvend.meters.values()],
            faults=list(self._faults()),
        )

    def live_prompt(self, msisdn: str) -> PinPrompt | None:
        """The prompt that waits for a PIN on this phone."""
        shown = (prompt for prompt in self.daraja.prompts() if prompt.state == "shown")
        return next((prompt for prompt in shown if prompt.msisdn == msisdn), None)

    def _telegram(self, person: Person) -> ChatView:
        messages = self.telegram.chat(person.user_id)
        keyboard = next((message for message in reversed(messages) if message.ask_contact or message.keys), None)
        return ChatView(
            person=person.user_id,
            typing=self.telegram.typing(person.user_id),
            ask_contact=keyboard.ask_contact if keyboard else None,
            keys=list(keyboard.keys) if keyboard else [],
            messages=[_message(message) for message in messages],
        )

    def _whatsapp(self, person: Person) -> WhatsAppView:
        bubbles = [_bubble(bubble) for bubble in self.twilio.chat(person.number) if not _on_its_way(bubble)]
        return WhatsAppView(person=person.user_id, hidden=bool(person.whatsapp_id), messages=bubbles)

    def _handset(self, handset: Handset) -> HandsetView:
        live = self.live_prompt(handset.msisdn)
        return HandsetView(
            msisdn=handset.msisdn,
            person=next((one.user_id for one in self.people if one.msisdn == handset.msisdn), None),
            name=handset.name.title(),
            balance=spelled(handset.balance),
            pin=handset.pin,
            locked=handset.wrong_pins >= WRONG_PINS_MAX,
            sms=list(self._sms(handset)),
            prompt=None if live is None else self._prompt(live),
        )

    def _sms(self, handset: Handset) -> Iterator[SmsView]:
        for text in handset.sms:
            yield SmsView(sender=MPESA, text=text)
        for text in self._twilio_sms(f"+{handset.msisdn}"):
            yield SmsView(sender=self.twilio.sms_from, text=text)

    def _twilio_sms(self, phone: str) -> list[str]:
        try:
            return self.twilio.sms(phone)
        except KeyError:  # a payer from outside, whom Twilio has not heard of
            return []

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


def _person(person: Person) -> PersonView:
    return PersonView(id=person.user_id, name=person.name, phone=person.number, language=person.language)


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


def _on_its_way(bubble: WhatsAppBubble) -> bool:
    return bubble.from_bot and not bubble.on_the_phone and bubble.ticks != "failed"


def _bubble(bubble: WhatsAppBubble) -> BubbleView:
    items = [ItemView(title=item.title, description=item.description, data=item.payload) for item in bubble.items]
    return BubbleView(
        id=bubble.sid,
        from_bot=bubble.from_bot,
        text=bubble.text,
        buttons=[ButtonView(label=title, data=payload) for title, payload in bubble.buttons],
        list_label=bubble.list_label,
        items=items,
        links=[ButtonView(label=title, data=target) for title, target in bubble.links],
        media=list(bubble.media),
        replies_to=bubble.replies_to,
        at=bubble.at.isoformat(),
        ticks=bubble.ticks,
        template=bubble.template,
    )

"""People with WhatsApp, on our sandbox's phone and on somebody else's, and the settings that lead to either."""

from __future__ import annotations

from dataclasses import dataclass

from tests.processes import other_twilio
from tests.processes.other_twilio import Letter, OtherTwilio
from tests.processes.programs import PHONES, Json, Person, until

#: What `bili sandbox` has when nothing else is said.
SANDBOX_ACCOUNT, SANDBOX_TOKEN = "AC" + "0" * 32, "sandbox-twilio-auth-token"

WEBHOOK = "/webhooks/twilio/whatsapp"


def of_the_sandbox(url: str) -> dict[str, str]:
    """The settings of a WhatsApp sender at our sandbox."""
    return {
        "BILI_TWILIO_ACCOUNT_SID": SANDBOX_ACCOUNT,
        "BILI_TWILIO_AUTH_TOKEN": SANDBOX_TOKEN,
        "BILI_TWILIO_WHATSAPP_FROM": "+15550000001",
        "BILI_TWILIO_API_URL": url,
        "BILI_TWILIO_CONTENT_API_URL": url,
    }


def of_the_other(twilio: OtherTwilio, *, content: bool = True) -> dict[str, str]:
    """The settings of a WhatsApp sender at somebody else's simulator."""
    settings = {
        "BILI_TWILIO_ACCOUNT_SID": other_twilio.ACCOUNT,
        "BILI_TWILIO_AUTH_TOKEN": other_twilio.TOKEN,
        "BILI_TWILIO_WHATSAPP_FROM": other_twilio.NUMBER.removeprefix("whatsapp:"),
        "BILI_TWILIO_API_URL": twilio.url,
    }
    return {**settings, "BILI_TWILIO_CONTENT_API_URL": twilio.url} if content else settings


def without_telegram(settings: dict[str, str]) -> dict[str, str]:
    """The same service without a Telegram bot."""
    return {name: value for name, value in settings.items() if not name.startswith("BILI_TELEGRAM")}


class WhatsAppPerson(Person):
    """Somebody who uses the WhatsApp of our sandbox over its controls."""

    async def say(self, text: str) -> None:
        self.said_at = len((await self.state())["whatsapp"]["messages"])
        await self._do("say", user=self.user, channel="whatsapp", text=text)

    async def tap(self, label: str) -> None:
        message, data = await self._found(lambda state: _choice(self._news(state), label), f"a button “{label}”")
        act = "tap" if any(one["data"] == data for one in message["buttons"]) else "pick"
        await self._do(act, user=self.user, channel="whatsapp", message=message["id"], data=data)

    async def enters(self) -> None:
        """Begin the chat. The number is known: WhatsApp tells it."""
        await self.say("hi")
        await self.sees("Welcome")

    async def messages(self) -> list[str]:
        chat = (await self.state())["whatsapp"]
        return [message["text"] for message in chat["messages"] if message["from_bot"]]

    def _news(self, state: Json) -> list[Json]:
        return [one for one in state["whatsapp"]["messages"][self.said_at :] if one["from_bot"]]


def _choice(messages: list[Json], label: str) -> Json:
    for message in reversed(messages):
        rows = [(one["label"], one) for one in message["buttons"]] + [(one["title"], one) for one in message["items"]]
        for title, row in rows:
            if title.startswith(label):
                return message, row["data"]
    return None


@dataclass
class OtherPerson:
    """Somebody who uses the WhatsApp of another Twilio; `handset` is their phone at the operator."""

    twilio: OtherTwilio
    handset: Person
    seen: int = 0

    @property
    def phone(self) -> str:
        """The own number in E.164."""
        return f"+{PHONES[self.handset.user]}"

    async def says(self, text: str) -> None:
        self.seen = len(self.twilio.to(self.phone))
        await self.twilio.hears(self.phone, text)

    async def taps(self, letter: Letter, title: str) -> None:
        self.seen = len(self.twilio.to(self.phone))
        await self.twilio.taps(letter, next(one for one in letter.buttons if one.startswith(title)))

    async def sees(self, words: str) -> Letter:
        """Wait for a message with these words."""
        await until(lambda: bool(self._news(words)), f"a message “{words}”")
        return self._news(words)[0]

    def _news(self, words: str) -> list[Letter]:
        return [letter for letter in self.twilio.to(self.phone)[self.seen :] if words in letter.body]

"""What the sandbox's Twilio posts to us: signed, with its patience and its one retry, and how our answer is taken.

Source: "Webhooks Connection Overrides" and "Webhooks Security" of Twilio's documentation; that only a failed connection
is tried again by default is not documented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urldefrag, urlencode

from lxml import etree
from lxml.etree import _Element

from integrations.contract.exchange import NotSent, Request, Response, Sent, Unknown
from integrations.contract.people import Secret
from integrations.sandbox.far_side import World
from integrations.sandbox.twilio_config import Signer, TwilioSideConfig
from integrations.sandbox.twilio_signature import Algorithm, signature

Pairs: TypeAlias = Sequence[tuple[str, str]]

TIMEOUT_SECONDS: Final = 15.0
RETRIES: Final = 1
RETRIES_MAX: Final = 5

#: A parameter no documentation has, as Twilio adds them without notice.
NOVELTY: Final = "SandboxNovelty"

STRANGERS_TOKEN: Final = Secret("a-token-of-somebody-else")

HTTP_FAILURE, CONNECTION_FAILURE, BAD_CONTENT_TYPE = 11200, 11205, 12300
BAD_XML, BAD_TWIML = 12100, 12200


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a connection is tried again, and how long the whole may take."""

    retries: int = RETRIES
    seconds: float = TIMEOUT_SECONDS

    @classmethod
    def of(cls, url: str) -> Patience:
        """What the fragment of an address asks for, within Twilio's limits."""
        asked = parse_qs(urldefrag(url).fragment)

        def number(name: str, default: int, most: int) -> int:
            text = asked.get(name, [""])[-1]
            return min(int(text), most) if text.isascii() and text.isdigit() else default

        most = int(TIMEOUT_SECONDS * 1000)
        milliseconds = min(number("rt", most, most), number("tt", most, most))
        return cls(number("rc", RETRIES, RETRIES_MAX), milliseconds / 1000)


@dataclass
class Webhooks:
    """Posts to us. The fields may be changed at any time; `alerts` is what Twilio's debugger says of our answers."""

    world: World
    config: TwilioSideConfig
    webhook_url: str
    fallback_url: str
    signer: Signer
    repeat_names: bool
    alerts: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, world: World, config: TwilioSideConfig) -> Webhooks:
        """As they are set up at first."""
        return cls(world, config, config.webhook_url, config.fallback_url, config.signer, config.repeat_names)

    def event(self) -> str:
        """The idempotency token of a new event: a UUID."""
        text = self.world.random.hexadecimal(16)
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    async def post(self, url: str, pairs: Pairs, event: str) -> Sent:
        """One event to one address. Only a connection that could not be made is tried again, with the same token."""
        patience = Patience.of(url)
        request = self._request(urldefrag(url).url, pairs, event)
        deadline = self.world.clock.monotonic() + patience.seconds
        sent = await self.world.send(request, deadline)
        for _ in range(patience.retries):
            if not isinstance(sent, NotSent):
                break
            sent = await self.world.send(request, deadline)
        return sent

    async def report(self, url: str, pairs: Pairs, event: str) -> None:
        """One status callback: there is no fallback, and what we answer is looked at by nobody."""
        failure = failed(await self.post(url, pairs, event))
        if failure:
            self.alerts.append(f"{failure} at {url}")

    async def inbound(self, pairs: Pairs, event: str) -> list[Reply]:
        """What a person did, to the webhook, else to the fallback, else lost; what our answer says in the chat."""
        if not self.webhook_url:
            return []
        sent = await self.post(self.webhook_url, pairs, event)
        failure = failed(sent)
        if failure and self.fallback_url:
            self.alerts.append(f"{failure} at {self.webhook_url}")
            why = [("ErrorCode", str(failure)), ("ErrorUrl", urldefrag(self.webhook_url).url)]
            sent = await self.post(self.fallback_url, [*pairs, *why], event)
            failure = failed(sent)
        if failure:
            self.alerts.append(f"{failure}: a message is lost")
        return self._read(sent) if isinstance(sent, Response) and not failure else []

    def _read(self, answer: Response) -> list[Reply]:
        try:
            return read_answer(answer)
        except BadAnswer as problem:
            self.alerts.append(f"{problem.code} {problem}")
            return []

    def _request(self, url: str, pairs: Pairs, event: str) -> Request:
        form = [*pairs, (NOVELTY, "new")]
        if self.repeat_names:
            form += [(NOVELTY, "again"), (NOVELTY, "new")]
        secret, algorithm = self._secret()
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "user-agent": "TwilioProxy/1.1",
            "i-twilio-idempotency-token": event,
            "x-twilio-signature": signature(url, form, secret, algorithm),
        }
        if algorithm == "HMAC_SHA256":
            headers["x-twilio-webhooks-signature-settings"] = f"key={self.config.shared_key_id},algorithm={algorithm}"
        return Request("POST", url, headers, urlencode(form).encode())

    def _secret(self) -> tuple[Secret, Algorithm]:
        match self.signer:
            case "token":
                return self.config.auth_token, "HMAC_SHA1"
            case "previous":
                return self.config.previous_auth_token or STRANGERS_TOKEN, "HMAC_SHA1"
            case "shared_key":
                return self.config.shared_key or STRANGERS_TOKEN, "HMAC_SHA256"
            case "wrong":
                return STRANGERS_TOKEN, "HMAC_SHA1"


def failed(sent: Sent) -> int:
    """The code Twilio's debugger has for an exchange that failed; 0 for one that did not."""
    match sent:
        case NotSent():
            return CONNECTION_FAILURE
        case Unknown():
            return HTTP_FAILURE
        case Response(status=status):
            return 0 if 200 <= status <= 299 else HTTP_FAILURE


# --- our answer


@dataclass(frozen=True, slots=True)
class Reply:
    """A message our answer sends; `to` is empty where it goes to who wrote."""

    body: str
    media: tuple[str, ...] = ()
    to: str = ""
    status_callback: str = ""


class BadAnswer(ValueError):
    """An answer Twilio cannot use, with the code its debugger shows."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def read_answer(answer: Response) -> list[Reply]:
    """The messages in our answer: TwiML by its content type, or a plain text, which is sent as it stands."""
    if not answer.body.strip():
        return []
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    match kind:
        case "text/xml" | "application/xml" | "text/html":
            return _twiml(answer.body)
        case "text/plain":
            return [Reply(answer.body.decode(errors="replace"))]
        case _:
            raise BadAnswer(BAD_CONTENT_TYPE, f"content type {kind or 'missing'}")


def _twiml(body: bytes) -> list[Reply]:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise BadAnswer(BAD_XML, "the answer is not XML") from None
    if root.tag != "Response":
        raise BadAnswer(BAD_TWIML, f"the root is {root.tag}")
    return [_reply(verb) for verb in root.iterchildren("*")]


def _reply(verb: _Element) -> Reply:
    if verb.tag != "Message":
        raise BadAnswer(BAD_TWIML, f"{verb.tag} is not for messages")
    bodies = [part.text or "" for part in verb.iterchildren("Body")]
    media = tuple((part.text or "").strip() for part in verb.iterchildren("Media"))
    text = "".join(bodies) if bodies or media else (verb.text or "")
    return Reply(text, media, verb.get("to", ""), verb.get("action", "") or verb.get("statusCallback", ""))

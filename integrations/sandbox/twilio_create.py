"""Reading what a create call asks for: every check Twilio makes before it answers 201.

Source: the Messages resource and the error pages of Twilio's documentation, by the code raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import orjson

from integrations.contract.exchange import Request
from integrations.sandbox.twilio_config import TwilioSideConfig
from integrations.sandbox.twilio_content import Content, Contents
from integrations.sandbox.twilio_content_forms import MEDIA, TEXT, places
from integrations.sandbox.twilio_messages import bad_request

Json: TypeAlias = Any

BODY_LENGTH_MAX: Final = 1600
MEDIA_MAX: Final = 10
VALIDITY_SECONDS_MAX: Final = 36_000
STATUS_CALLBACK_LENGTH_MAX: Final = 4000

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_BSUID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")
_CONTENT_SID = re.compile(r"HX[0-9a-fA-F]{32}")
_SERVICE_SID = re.compile(r"MG[0-9a-fA-F]{32}")

#: Names a create call may carry beside those read here. Twilio ignores what it does not know; a typing error of ours
#: would go unseen, so this sandbox refuses it.
_ALSO_KNOWN: Final = frozenset(
    {
        "AddressRetention", "ApplicationSid", "Attempt", "ContentRetention", "FallbackFrom", "ForceDelivery",
        "MaxPrice", "MessageIntent", "PersistentAction", "ProvideFeedback", "RiskCheck", "ScheduleType", "SendAsMms",
        "SendAt", "ShortenUrls", "SmartEncoded", "TrafficType",
    }
)  # fmt: skip
_READ: Final = frozenset(
    {
        "To", "From", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid", "ContentVariables", "StatusCallback",
        "ValidityPeriod",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A create call that Twilio takes. `sender` and `to` are with `whatsapp:` where they are WhatsApp's."""

    to: str
    sender: str
    body: str = ""
    media: tuple[str, ...] = ()
    content: Content | None = None
    variables: Mapping[str, str] | None = None
    service_sid: str = ""
    status_callback: str = ""
    validity_seconds: int = VALIDITY_SECONDS_MAX

    @property
    def on_whatsapp(self) -> bool:
        """Whether WhatsApp is to carry it."""
        return self.to.startswith("whatsapp:")


def read_wanted(request: Request, config: TwilioSideConfig, contents: Contents) -> Wanted:
    """What a create call asks for; ApiError where Twilio would not take it."""
    form = _Form.of(request)
    to, sender = _parties(form, config)
    content = _content(form.text("ContentSid"), contents)
    on_whatsapp = to.startswith("whatsapp:")
    wanted = Wanted(
        to,
        sender,
        form.text("Body"),
        tuple(form.all("MediaUrl")),
        content,
        _variables(form.text("ContentVariables"), content, on_whatsapp=on_whatsapp),
        form.text("MessagingServiceSid"),
        _status_callback(form.text("StatusCallback")),
        _validity(form.text("ValidityPeriod")),
    )
    check_message(wanted, config)
    return wanted


def check_message(wanted: Wanted, config: TwilioSideConfig) -> None:
    """ApiError where there is nothing to send, or too much of it."""
    if not (wanted.body or wanted.media or wanted.content):
        raise bad_request(config.nothing_to_send_code, "A text message body or media urls must be specified")
    if len(wanted.body) > BODY_LENGTH_MAX:
        raise bad_request(21617, f"The concatenated message body exceeds the {BODY_LENGTH_MAX} character limit")
    if len(wanted.media) > (1 if wanted.on_whatsapp else MEDIA_MAX):
        raise bad_request(21623, "Number of media files exceeds allowed limit")
    if not all(_is_absolute(url) for url in wanted.media):
        raise bad_request(21620, "Invalid media URL(s)")


@dataclass(frozen=True, slots=True)
class _Form:
    """A form. Of a name that stands there twice the last value counts, but for MediaUrl, which may."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: Request) -> _Form:
        """The form of a request; a body of another type has no parameters at all, as Twilio sees it."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return cls(())
        try:
            pairs = parse_qsl(request.body.decode(), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise bad_request(20001, "The body is not UTF-8") from None
        unknown = sorted({name for name, _ in pairs} - _READ - _ALSO_KNOWN)
        if unknown:
            raise bad_request(20001, f"Unknown parameter {unknown[0]}")
        return cls(tuple(pairs))

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for given, value in self.pairs if given == name and value]

    def text(self, name: str) -> str:
        """A value, empty when absent."""
        return (self.all(name) or [""])[-1]


def _parties(form: _Form, config: TwilioSideConfig) -> tuple[str, str]:
    to, sender, service = form.text("To"), form.text("From"), form.text("MessagingServiceSid")
    if not to:
        raise bad_request(21604, "A 'To' phone number is required.")
    if not _is_address(to):
        raise bad_request(21211, "Invalid 'To' Phone Number")
    on_whatsapp = to.startswith("whatsapp:")
    if service and (not _SERVICE_SID.fullmatch(service) or service != config.messaging_service_sid):
        raise bad_request(21701, "The Messaging Service does not exist.")
    if service and not sender:
        sender = f"whatsapp:{config.whatsapp_from}" if on_whatsapp else config.sms_from
    if not sender:
        raise bad_request(21603, "A 'From' phone number is required.")
    if sender.startswith("whatsapp:") != on_whatsapp:
        raise bad_request(21910, "Invalid From and To pair. From and To should be of the same channel")
    if sender == to:
        raise bad_request(63031, "Channels message cannot have same From and To")
    if on_whatsapp and sender != f"whatsapp:{config.whatsapp_from}":
        raise bad_request(63007, "Twilio could not find a Channel with the specified From address")
    if not on_whatsapp and (not config.sms_from or sender != config.sms_from):
        raise bad_request(21606, "The 'From' phone number provided is not a valid phone number of this account")
    return to, sender


def _is_address(to: str) -> bool:
    bare = to.removeprefix("whatsapp:")
    return bool(_E164.fullmatch(bare)) or (bare != to and bool(_BSUID.fullmatch(bare)))


def _is_absolute(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", url)


def _content(sid: str, contents: Contents) -> Content | None:
    if not sid:
        return None
    found = contents.get(sid) if _CONTENT_SID.fullmatch(sid) else None
    if found is None:
        raise bad_request(21655, "The ContentSid is invalid")
    return found


def _variables(text: str, content: Content | None, *, on_whatsapp: bool) -> Mapping[str, str] | None:
    """The values of a Content's places: strings, none empty, and one for each place that will be sent."""
    bad = bad_request(21656, "The ContentVariables Parameter is invalid")
    values: Json = {}
    if text:
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise bad from None
    if not isinstance(values, dict) or not all(isinstance(value, str) and value.strip() for value in values.values()):
        raise bad
    if content is None:
        if text:
            raise bad
        return None
    used = places(content.types[content.kind if on_whatsapp else sms_kind(content) or content.kind])
    if used - set(values):
        raise bad
    return values


def sms_kind(content: Content) -> str:
    """The type of a Content that an SMS can carry; empty when there is none."""
    return next((kind for kind in (TEXT, MEDIA) if kind in content.types), "")


def _status_callback(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if url and (not _is_absolute(url) or "_" in host or len(url) > STATUS_CALLBACK_LENGTH_MAX):
        raise bad_request(21609, "The 'StatusCallback' URL is not a valid URL.")
    return url


def _validity(text: str) -> int:
    if not text:
        return VALIDITY_SECONDS_MAX
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= VALIDITY_SECONDS_MAX:
        raise bad_request(20001, f"ValidityPeriod must be between 1 and {VALIDITY_SECONDS_MAX}")
    return int(text)

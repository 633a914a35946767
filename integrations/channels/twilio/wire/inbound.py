"""What people send us, from the webhook's form or from Twilio's list of messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from integrations.channels.twilio.wire.form import Form
from integrations.channels.twilio.wire.signature import FORBIDDEN
from integrations.contract.message import Content, Ignored, Received, Rejected, Tapped, Typed, Unreadable
from integrations.contract.people import Phone

PREFIX = "whatsapp:"

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
#: A business-scoped user id: a country, a dot, up to 128 letters and digits. Echoed exactly.
_PERSON = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}")

#: Kinds of message that say nothing to answer.
NOT_SAID = ("reaction", "system")

#: The beginning of a media type, and our word for the kind. The narrower one stands first.
KINDS = (
    ("image/webp", "sticker"),
    ("image/", "photo"),
    ("audio/", "voice"),
    ("video/", "video"),
    ("text/vcard", "contact"),
    ("text/x-vcard", "contact"),
    ("text/directory", "contact"),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One message in Twilio's list. `sender` and `to` as Twilio writes them; `at` is when it was sent, else made."""

    sid: str
    sender: str
    to: str
    body: str
    direction: str
    media: bool
    at: datetime


def read_inbound(form: Form, ours: str, at: datetime) -> Received | Ignored | Rejected:
    """One message of a person to `ours`, our sender as Twilio writes it. Parameters we do not know are no matter."""
    # A report about a message of ours that somebody pointed here has our own sender as its From.
    if form.first("MessageStatus") or form.first("SmsStatus") not in {"", "received"}:
        return Ignored("report")
    if form.first("To") != ours:
        return Rejected("another sender", FORBIDDEN)
    address = form.first("From").removeprefix(PREFIX)
    if not form.first("From").startswith(PREFIX) or not (_PHONE.fullmatch(address) or _PERSON.fullmatch(address)):
        return Ignored("no sender")
    if not form.first("MessageSid"):
        return Ignored("no id")
    content = _content(form)
    if isinstance(content, Ignored):
        return content
    told = form.first("ExternalUserId").removeprefix(PREFIX)
    return _received(form.first("MessageSid"), address, content, at, told)


def read_listed(listed: Listed) -> Received | Ignored:
    """A message of a person from the list. It has its words, but no longer the payload of a tap."""
    address = listed.sender.removeprefix(PREFIX)
    if listed.direction != "inbound" or not (_PHONE.fullmatch(address) or _PERSON.fullmatch(address)):
        return Ignored("no sender")
    if not listed.sid:
        return Ignored("no id")
    if listed.body.strip():
        return _received(listed.sid, address, Typed(listed.body), listed.at)
    return _received(listed.sid, address, Unreadable("media" if listed.media else "empty"), listed.at)


def _received(sid: str, address: str, content: Content, at: datetime, told: str = "") -> Received:
    hidden = _PERSON.fullmatch(address) is not None
    person = told if _PERSON.fullmatch(told) else address if hidden else ""
    # WhatsApp vouches for the number a message comes from; that it has mobile money nobody says.
    phone = None if hidden else Phone(address)
    return Received(external_id=sid, address=address, content=content, at=at, person=person, phone=phone)


def _content(form: Form) -> Content | Ignored:
    on_message = form.first("OriginalRepliedMessageSid")
    # Routed by the payload, never by the title, which is in the reader's language.
    for payload in ("ButtonPayload", "ListId"):
        if form.first(payload):
            return Tapped(form.first(payload), on_message)
    kind = form.first("MessageType").lower()
    if kind in NOT_SAID:
        return Ignored(kind)
    if form.first("InteractiveData") or form.first("FlowData"):
        return Unreadable("form")
    if form.first("Latitude") or kind == "location":
        return Unreadable("location")
    if form.first("Body").strip():
        return Typed(form.first("Body"))
    if form.first("NumMedia").strip() not in {"", "0"}:
        return Unreadable(_kind_of_media(form.first("MediaContentType0")))
    return Unreadable(kind if kind not in {"", "text"} else "empty")


def _kind_of_media(media_type: str) -> str:
    return next((word for start, word in KINDS if media_type.lower().startswith(start)), "document")

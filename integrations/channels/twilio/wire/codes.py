"""Twilio's error codes: one table for what a refused request means, and what a report of failure means."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from integrations.contract.channel import Obstacle
from integrations.contract.exchange import Unknown
from integrations.contract.message import BAD_TOKEN, Gone, Malformed, Throttled

#: When Twilio says "slow down" and not for how long: a little less than one person's pace.
THROTTLED_SECONDS = 5.0
#: After a limit of the whole day.
DAILY_SECONDS = 3600.0

#: Twilio's own codes have five digits. A smaller one is the HTTP status again: then no code was given.
CODES_FROM = 10_000


class No(Enum):
    """What it means when a request is refused with this code: nothing was sent, and why."""

    #: This person cannot be reached here.
    GONE = "gone"
    #: The message is wrong: a bug of ours, or a setting that is about this message only.
    MALFORMED = "malformed"
    #: Its form was not accepted; as numbered text it may be.
    FORM = "form"
    #: Our account or our sender: the message is kept until somebody mends it.
    OURS = "ours"
    SLOW_DOWN = "slow_down"
    #: A limit of the day.
    TOMORROW = "tomorrow"
    #: Not a clear no.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Refused:
    """Twilio's answer to a request it did not carry out. `code` is 0 where it gave none of its own."""

    status: int
    code: int = 0
    retry_after_seconds: float | None = None


_GONE, _FORM, _OURS, _BUG = No.GONE, No.FORM, No.OURS, No.MALFORMED

#: code: (what it says in short, as a refused request, as a report). Sources: MAPPING.md.
CODES: dict[int, tuple[str, No, Obstacle]] = {
    10001: ("account is not active", _OURS, Obstacle.OURS),
    20003: ("credentials are wrong", _OURS, Obstacle.OURS),
    20005: ("account is not active", _OURS, Obstacle.OURS),
    20404: ("account is unknown", _OURS, Obstacle.OURS),
    20429: ("too many requests", No.SLOW_DOWN, Obstacle.SLOW_DOWN),
    21211: ("recipient is not a number", _GONE, Obstacle.PERSON),
    21408: ("country is not enabled", _BUG, Obstacle.OURS),
    21602: ("nothing to send", _BUG, Obstacle.FORM),
    21606: ("sender cannot be used", _OURS, Obstacle.OURS),
    21608: ("trial account and unverified recipient", _GONE, Obstacle.PERSON),
    21609: ("status address is not accepted", _BUG, Obstacle.OURS),
    21610: ("recipient has unsubscribed", _GONE, Obstacle.PERSON),
    21612: ("recipient cannot be reached from this sender", _GONE, Obstacle.PERSON),
    21614: ("recipient is no mobile number", _GONE, Obstacle.PERSON),
    21617: ("body is too long", _BUG, Obstacle.FORM),
    21619: ("nothing to send", _BUG, Obstacle.FORM),
    21620: ("media address is not accepted", _BUG, Obstacle.FORM),
    21623: ("too many media", _BUG, Obstacle.FORM),
    21655: ("Content is unknown", _FORM, Obstacle.FORM),
    21656: ("Content variables are not accepted", _FORM, Obstacle.FORM),
    21910: ("sender and recipient are on different channels", _BUG, Obstacle.OURS),
    30003: ("handset cannot be reached", _GONE, Obstacle.PERSON),
    30004: ("blocked", _GONE, Obstacle.PERSON),
    30005: ("handset is unknown", _GONE, Obstacle.PERSON),
    30006: ("landline, or a carrier that cannot be reached", _GONE, Obstacle.PERSON),
    30007: ("filtered", _BUG, Obstacle.OURS),
    30008: ("unknown error on the way", No.UNKNOWN, Obstacle.PROVIDER),
    63001: ("channel's credentials are wrong", _OURS, Obstacle.OURS),
    63002: ("channel did not find the sender", _OURS, Obstacle.OURS),
    63003: ("recipient is not on WhatsApp", _GONE, Obstacle.PERSON),
    63005: ("channel did not accept the content", _FORM, Obstacle.FORM),
    63006: ("content could not be put into the channel's form", _FORM, Obstacle.FORM),
    63007: ("sender is unknown to the channel", _OURS, Obstacle.OURS),
    63008: ("channel is misconfigured", _OURS, Obstacle.OURS),
    63009: ("error inside the channel", No.UNKNOWN, Obstacle.PROVIDER),
    63010: ("error on the way to the channel", No.UNKNOWN, Obstacle.PROVIDER),
    63012: ("channel is in trouble", No.UNKNOWN, Obstacle.PROVIDER),
    63013: ("against the channel's policy", _BUG, Obstacle.OURS),
    63014: ("blocked by the recipient", _GONE, Obstacle.PERSON),
    63015: ("recipient has not joined the sandbox", _GONE, Obstacle.PERSON),
    63016: ("outside the 24-hour window", _BUG, Obstacle.WINDOW),
    63017: ("too many messages", No.SLOW_DOWN, Obstacle.SLOW_DOWN),
    63018: ("too many messages on the channel", No.SLOW_DOWN, Obstacle.SLOW_DOWN),
    63019: ("media could not be fetched", _BUG, Obstacle.FORM),
    63020: ("business account is in trouble", _OURS, Obstacle.OURS),
    63021: ("content is invalid", _FORM, Obstacle.FORM),
    63024: ("recipient is invalid", _GONE, Obstacle.PERSON),
    63026: ("flagged as spam", _BUG, Obstacle.OURS),
    63027: ("template is missing in this language", _BUG, Obstacle.OURS),
    63028: ("template has another number of parameters", _BUG, Obstacle.OURS),
    63030: ("unsupported parameter", _BUG, Obstacle.OURS),
    63031: ("sender and recipient are the same", _BUG, Obstacle.PERSON),
    63032: ("recipient is kept from us by WhatsApp for now", _GONE, Obstacle.PERSON),
    63033: ("recipient is blocked", _GONE, Obstacle.PERSON),
    63034: ("media is too big", _BUG, Obstacle.FORM),
    63037: ("media could not be uploaded", _BUG, Obstacle.FORM),
    63038: ("limit of the day is reached", No.TOMORROW, Obstacle.SLOW_DOWN),
    63041: ("template is paused", _BUG, Obstacle.OURS),
    63049: ("WhatsApp chose not to deliver", _GONE, Obstacle.PERSON),
    63062: ("terms are not accepted", _BUG, Obstacle.OURS),
}


def is_about_form(refused: Refused) -> bool:
    """Whether what was refused may go as plain text. A clear no: nothing was sent."""
    return 400 <= refused.status < 500 and refused.code in CODES and CODES[refused.code][1] is No.FORM


def sending_of(refused: Refused) -> Gone | Malformed | Throttled | Unknown:
    """What a refused send means. Twilio's own words are not repeated: they quote the recipient's number."""
    if refused.status == 429:
        return Throttled(refused.retry_after_seconds or THROTTLED_SECONDS)
    if refused.status == 401:
        return Malformed(BAD_TOKEN)
    if not 400 <= refused.status < 500 or refused.code < CODES_FROM:
        # A status of 500 with a code may have been a message all the same; without a code it was not Twilio who spoke.
        return Unknown(f"status {refused.status}, code {refused.code}", unlisted=refused.status < 500)
    words, no, _ = CODES.get(refused.code, ("unlisted", No.MALFORMED, Obstacle.OURS))
    match no:
        case No.GONE:
            return Gone(f"{refused.code} {words}")
        case No.MALFORMED | No.FORM:
            return Malformed(f"{refused.code} {words}")
        case No.OURS:
            return Malformed(BAD_TOKEN)
        case No.SLOW_DOWN:
            return Throttled(refused.retry_after_seconds or THROTTLED_SECONDS)
        case No.TOMORROW:
            return Throttled(DAILY_SECONDS)
        case No.UNKNOWN:
            return Unknown(f"{refused.code} {words}")


def obstacle_of(code: str) -> tuple[Obstacle, bool]:
    """What stood in the way by the code of a report, and whether the code is listed. One that is not wants a person."""
    row = CODES.get(int(code)) if code.isascii() and code.isdigit() and len(code) <= 6 else None
    return (Obstacle.OURS, False) if row is None else (row[2], True)

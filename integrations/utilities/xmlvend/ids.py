"""Message ids and sale references: the names by which a server knows what we asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

_REFERENCE = re.compile(r"([0-9]{14})-([0-9]{6})-(.+)", re.DOTALL)

#: Unique numbers have six digits. Sales use the lower half and questions the upper, so that the id of a passing
#: question can never be the id of a sale, which alone is committed and kept unique.
_SALES_BELOW = 500_000


@dataclass(frozen=True, slots=True)
class MessageId:
    """XMLVend's msgID: the server's local time to the second (yyyyMMddHHmmss) and a number unique within it."""

    date_time: str
    number: str

    def same(self, other: MessageId | None) -> bool:
        """Whether both name one message; a server may drop or add leading zeros of the number."""
        if other is None or not other.number or self.date_time != other.date_time:
            return False
        return self.number.lstrip("0") == other.number.lstrip("0")


@dataclass(frozen=True, slots=True)
class SaleReference:
    """A sale's reference: its message id and its terminal, as `20260131101500-000102-0000000000002`.

    The terminal is part of it because a server looks for a last response under client and terminal: an enquiry from
    another terminal would be told "no such transaction" about a real sale, even after the settings had changed.
    """

    message_id: MessageId
    terminal: str

    def __str__(self) -> str:
        return f"{self.message_id.date_time}-{self.message_id.number}-{self.terminal}"

    @classmethod
    def read(cls, text: str) -> SaleReference:
        """Read what `str` wrote; ValueError when it is no reference of ours."""
        if not (found := _REFERENCE.fullmatch(text)):
            raise ValueError("not an XMLVend sale reference")
        return cls(MessageId(found[1], found[2]), found[3])


def sale_reference(now: datetime, zone: ZoneInfo, digits: str, terminals: tuple[str, ...]) -> SaleReference:
    """A reference for a new sale from six random digits.

    The terminal follows from the number, so two sales with one message id also have one reference, and the unique
    key on references stops the second.
    """
    number = int(digits) % _SALES_BELOW
    return SaleReference(MessageId(_stamp(now, zone), f"{number:06}"), terminals[number % len(terminals)])


def question_id(now: datetime, zone: ZoneInfo, digits: str) -> MessageId:
    """An id for a message that cannot sell, from six random digits."""
    return MessageId(_stamp(now, zone), f"{int(digits) % _SALES_BELOW + _SALES_BELOW:06}")


def _stamp(now: datetime, zone: ZoneInfo) -> str:
    return now.astimezone(zone).strftime("%Y%m%d%H%M%S")

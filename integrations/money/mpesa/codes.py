"""Every code Daraja documents for the token, the push and the query, and what it tells us. MAPPING.md has the sources.

One code can mean four things, so errors are looked up by (endpoint, code, text). What is not here is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from integrations.contract.outcomes import Reason


class Sign(Enum):
    """What an answer tells, where it is not the reason of a refusal."""

    COLLECTED = "collected"
    EXPIRED = "expired"
    PENDING = "pending"
    NOT_FOUND = "not_found"
    #: Stopped at the gate: the request was not processed and may be sent again with a new token.
    TOKEN_REFUSED = "token_refused"  # noqa: S105  a name, not a password
    UNKNOWN = "unknown"


Meaning: TypeAlias = Reason | Sign


@dataclass(frozen=True, slots=True)
class Row:
    """One documented error. `text` is a lower-case piece of the message; empty matches any. The first fit counts.

    A body that carries no code of its own is looked up as `HTTP <status>` with its whole text.
    """

    code: str
    text: str
    meaning: Meaning


_TOKEN_REFUSED = (
    Row("400.003.01", "", Sign.TOKEN_REFUSED),
    Row("404.001.03", "", Sign.TOKEN_REFUSED),
    Row("401.002.01", "", Sign.TOKEN_REFUSED),
    Row("401.003.01", "", Sign.TOKEN_REFUSED),
)

#: Of a refused token request we only learn that our credentials are wrong; nothing was pushed either way.
TOKEN_ERRORS = (
    Row("400.008.01", "", Reason.OUR_FAULT),
    Row("400.008.02", "", Reason.OUR_FAULT),
    Row("HTTP 400", "", Reason.OUR_FAULT),
)

#: A push refused by one of these was never shown, and no callback follows.
PUSH_ERRORS = (
    Row("400.002.02", "invalid phonenumber", Reason.BAD_NUMBER),
    Row("400.002.02", "invalid partya", Reason.BAD_NUMBER),
    Row("400.002.02", "", Reason.OUR_FAULT),
    Row("400.002.05", "", Reason.OUR_FAULT),
    Row("400.003.02", "", Reason.OUR_FAULT),
    Row("404.001.01", "", Reason.OUR_FAULT),
    Row("404.002.01", "", Reason.OUR_FAULT),
    Row("404.003.01", "", Reason.OUR_FAULT),
    Row("404.001.04", "", Reason.OUR_FAULT),
    Row("405.001", "", Reason.OUR_FAULT),
    *_TOKEN_REFUSED,
    Row("500.001.1001", "merchant does not exist", Reason.OUR_FAULT),
    Row("500.001.1001", "wrong credentials", Reason.OUR_FAULT),
    Row("500.001.1001", "unable to lock subscriber", Reason.BUSY),
    Row("500.003.02", "", Reason.UNAVAILABLE),
    Row("500.003.03", "", Reason.UNAVAILABLE),
    Row("500.003.1001", "", Sign.UNKNOWN),
    Row("policies.ratelimit.SpikeArrestViolation", "", Reason.UNAVAILABLE),
    Row("policies.ratelimit.QuotaViolation", "", Reason.UNAVAILABLE),
    Row("HTTP 429", "", Reason.UNAVAILABLE),
    Row("HTTP 401", "no apiproduct match", Reason.OUR_FAULT),
    Row("HTTP 401", "invalid access token", Sign.TOKEN_REFUSED),
)

#: A refused enquiry says nothing about the money, so most of these only mean "ask again".
QUERY_ERRORS = (
    Row("400.002.02", "invalid checkoutrequestid", Sign.NOT_FOUND),
    Row("400.002.02", "", Sign.UNKNOWN),
    Row("400.002.05", "", Sign.UNKNOWN),
    Row("400.003.02", "", Sign.UNKNOWN),
    Row("404.001.01", "", Sign.UNKNOWN),
    Row("404.002.01", "", Sign.UNKNOWN),
    Row("404.003.01", "", Sign.UNKNOWN),
    Row("404.001.04", "", Sign.UNKNOWN),
    Row("405.001", "", Sign.UNKNOWN),
    *_TOKEN_REFUSED,
    Row("500.001.1001", "being processed", Sign.PENDING),
    Row("500.001.1001", "merchant does not exist", Sign.UNKNOWN),
    Row("500.001.1001", "wrong credentials", Sign.UNKNOWN),
    Row("500.003.02", "", Sign.UNKNOWN),
    Row("500.003.03", "", Sign.UNKNOWN),
    Row("500.003.1001", "", Sign.UNKNOWN),
    Row("policies.ratelimit.SpikeArrestViolation", "", Sign.UNKNOWN),
    Row("policies.ratelimit.QuotaViolation", "", Sign.UNKNOWN),
    Row("HTTP 429", "", Sign.UNKNOWN),
    Row("HTTP 401", "no apiproduct match", Sign.UNKNOWN),
    Row("HTTP 401", "invalid access token", Sign.TOKEN_REFUSED),
)

#: What became of a prompt: the ResultCode of a query, and of a callback.
RESULTS: Mapping[str, Meaning] = {
    "0": Sign.COLLECTED,
    "1": Reason.NO_BALANCE,
    "2": Reason.LIMIT,
    "3": Reason.LIMIT,
    "4": Reason.LIMIT,
    "8": Reason.LIMIT,
    "17": Reason.BUSY,
    "26": Reason.UNAVAILABLE,
    "1001": Reason.BUSY,
    "1019": Sign.EXPIRED,
    "1025": Reason.UNAVAILABLE,
    "1031": Sign.EXPIRED,
    "1032": Reason.CANCELLED,
    "1036": Sign.EXPIRED,
    "1037": Sign.EXPIRED,
    "2001": Reason.WRONG_PIN,
    "2006": Reason.OTHER,
    "2028": Reason.OUR_FAULT,
    "2040": Reason.BAD_NUMBER,
    "2051": Reason.BAD_NUMBER,
    "4999": Sign.PENDING,
    "8006": Reason.WRONG_PIN,
    "9999": Reason.UNAVAILABLE,
    "E3008": Reason.OTHER,
    "SFC_IC0003": Reason.OUR_FAULT,
}


def meaning_of(table: tuple[Row, ...], code: str, text: str) -> Meaning | None:
    """The documented meaning of an error at one endpoint; None when it is not documented there."""
    words = text.lower()
    return next((row.meaning for row in table if row.code == code and row.text in words), None)

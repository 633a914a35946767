"""What an operator of Bili decides or is given for M-Pesa. Sources of the defaults: MAPPING.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from integrations.contract.people import Secret

PRODUCTION_URL = "https://api.safaricom.co.ke"
SANDBOX_URL = "https://sandbox.safaricom.co.ke"

TRANSACTION_TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")

#: Whole shillings one prompt may ask for, as the portal's M-PESA Express page had it in August 2026 (S-49).
#: Press of 2023 still says 150,000; a contract may say less.
MINIMUM_SHILLINGS = 1
MAXIMUM_SHILLINGS = 250_000

#: Prefixes of Safaricom's numbers after +254, as libphonenumber 9.0 lists them (2026). A hint: numbers are ported.
SAFARICOM_PREFIXES = ("11", "14", "18", "70", "71", "72", "74", "757", "758", "759", "768", "769", "79")

#: Words the portal's C2B page bans from callback addresses; developers report the same filter on prompts (S-08).
BANNED_WORDS = ("m-pesa", "mpesa", "safaricom", "exe", "exec", "cmd", "sql", "query")

#: Seconds before each enquiry: 10, then to 90 close together while a person types a PIN, then ever slower.
POLLS_SECONDS = (10.0, 5.0, 5.0, *(10.0,) * 7, *(60.0,) * 8, 300.0, 900.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MpesaConfig:
    """The settings `BILI_MPESA_…`. Amounts are whole shillings, times are seconds.

    Only the first four have no default: they come with the go-live of a paybill or till on the Daraja portal.
    """

    #: Key and secret of the app on the portal; they buy the access token.
    consumer_key: Secret
    consumer_secret: Secret
    #: The paybill, or for a till the head office or store number that the passkey belongs to.
    shortcode: str
    #: Made for the short code at go-live; part of each request's password.
    passkey: Secret
    #: Which Daraja: production, Safaricom's sandbox, or anyone's simulator.
    api_url: str = PRODUCTION_URL
    #: Who is paid. Empty is the short code itself, right for a paybill; for a till it is the till number.
    party_b: str = ""
    #: CustomerPayBillOnline for a paybill, CustomerBuyGoodsOnline for a till.
    transaction_type: str = TRANSACTION_TYPES[0]
    #: The name the prompt shows, as registered with Safaricom: the chat announces it beforehand (S-44).
    merchant: str = "Bili"
    minimum: int = MINIMUM_SHILLINGS
    maximum: int = MAXIMUM_SHILLINGS
    #: The longest one push or enquiry may take, token included.
    timeout_seconds: float = 30.0
    #: The longest the fetching of a token may take out of that.
    token_timeout_seconds: float = 10.0
    #: A token is renewed so long before Daraja would refuse it.
    token_margin_seconds: float = 60.0
    #: "No such request" proves nothing until the prompt (up to 3 minutes) and its callback have had their time.
    settle_seconds: float = 300.0
    #: Waits before each enquiry; the last one repeats.
    polls_seconds: tuple[float, ...] = POLLS_SECONDS
    #: Result codes to treat as Unknown whatever the table says, for an operator who distrusts a reading (17, say).
    doubtful_codes: frozenset[str] = frozenset()
    #: Refuse our own callback address when one of these stands in it; empty to leave that to Daraja.
    banned_words: tuple[str, ...] = BANNED_WORDS
    prefixes: tuple[str, ...] = SAFARICOM_PREFIXES

    @property
    def payee(self) -> str:
        """The number that is paid."""
        return self.party_b or self.shortcode

    def problems(self) -> list[str]:
        """Everything wrong with these settings, a sentence each; start-up shows them all at once."""
        checks = (
            (bool(self.consumer_key.reveal()), "consumer_key is empty"),
            (bool(self.consumer_secret.reveal()), "consumer_secret is empty"),
            (bool(self.passkey.reveal()), "passkey is empty"),
            (_is_shortcode(self.shortcode), "shortcode is 5 to 7 digits"),
            (not self.party_b or _is_shortcode(self.party_b), "party_b is 5 to 7 digits, or empty"),
            (self.transaction_type in TRANSACTION_TYPES, f"transaction_type is one of {', '.join(TRANSACTION_TYPES)}"),
            (1 <= self.minimum <= self.maximum, "minimum is at least 1 shilling and at most maximum"),
            (0 < self.token_timeout_seconds <= self.timeout_seconds, "token_timeout_seconds fits in timeout_seconds"),
            (bool(self.polls_seconds) and min(self.polls_seconds, default=0) > 0, "polls_seconds are above zero"),
            (_is_address(self.api_url), "api_url is an http address, https where it is Safaricom's"),
        )
        return [sentence for good, sentence in checks if not good]

    def callback_problem(self, url: str) -> str:
        """Why Daraja would not take this callback address; empty when nothing is known against it (S-08)."""
        schemes = ("https",) if self.api_url.startswith("https:") else ("https", "http")
        scheme, host = _scheme_and_host(url)
        if scheme not in schemes or not host:
            return f"a callback address is absolute and begins {' or '.join(schemes)}"
        if not re.fullmatch(r"[!-~]+", url) or re.search(r"[<>\"{}|\\^`]", url):
            return "a callback address has no spaces or placeholders"
        found = [word for word in self.banned_words if word in url.lower()]
        return f"Daraja refuses callback addresses with {found[0]!r} in them" if found else ""


def _is_shortcode(text: str) -> bool:
    return re.fullmatch(r"[0-9]{5,7}", text) is not None


def _is_address(url: str) -> bool:
    scheme, host = _scheme_and_host(url)
    return bool(host) and scheme in (("https",) if host.endswith("safaricom.co.ke") else ("https", "http"))


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is no IPv6 address
        return "", ""
    return parts.scheme, parts.hostname or ""

"""What the Twilio adapter must be told. Sources of the rules: MAPPING.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from integrations.contract.people import Secret

_ACCOUNT = re.compile(r"AC[0-9a-fA-F]{32}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
#: A number, a short code, or a registered name of up to eleven characters.
_SMS_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}|[A-Za-z0-9 ]{1,11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioConfig:
    """One account and its senders. ValueError tells all that is wrong, each by its field's name and never its value.

    Addresses have no slash at their end. `public_url` is ours, as Twilio sees it: signatures are over it.
    `content_api_url` is empty where there is no Content API; choices are then numbered lines.
    """

    account_sid: str
    auth_token: Secret
    #: While a new token takes over, webhooks signed with the old one are still ours.
    previous_auth_token: Secret | None = None
    #: Id to secret of the shared keys that sign webhooks with HMAC-SHA256 in the token's place.
    shared_keys: Mapping[str, Secret] = field(default_factory=dict)
    #: Our WhatsApp sender in E.164.
    whatsapp_from: str
    #: Who text messages come from; empty where `messaging_service_sid` decides, or where there are none.
    sms_from: str = ""
    #: Chooses the sender of text messages; WhatsApp always goes from `whatsapp_from`.
    messaging_service_sid: str = ""
    api_url: str = "https://api.twilio.com"
    content_api_url: str = ""
    public_url: str
    #: The longest one send may take, with everything it has to look up before.
    timeout_seconds: float = 15.0
    #: What the sender may send to everybody; 80 is a sender's rate by default.
    per_second: int = 80

    def __post_init__(self) -> None:
        checks = (
            (bool(_ACCOUNT.fullmatch(self.account_sid)), "account_sid is AC and 32 hexadecimal digits"),
            (_is_secret(self.auth_token), "auth_token is empty or has characters that no token has"),
            (
                self.previous_auth_token is None or _is_secret(self.previous_auth_token),
                "previous_auth_token is empty or has characters that no token has",
            ),
            (
                all(key and _is_secret(secret) for key, secret in self.shared_keys.items()),
                "shared_keys has an empty id, or a secret that is empty or no secret",
            ),
            (bool(_E164.fullmatch(self.whatsapp_from)), "whatsapp_from is E.164: a plus and 7 to 15 digits"),
            (
                not self.sms_from or bool(_SMS_SENDER.fullmatch(self.sms_from)),
                "sms_from is a number in E.164, a short code or a name of up to 11 letters and digits",
            ),
            (
                not self.messaging_service_sid or bool(_SERVICE.fullmatch(self.messaging_service_sid)),
                "messaging_service_sid is MG and 32 hexadecimal digits",
            ),
            (_is_address(self.api_url), "api_url is an http address without a slash at its end"),
            (
                not self.content_api_url or _is_address(self.content_api_url),
                "content_api_url is an http address without a slash at its end, or empty",
            ),
            (_is_address(self.public_url), "public_url is an http address without a slash at its end"),
            ("_" not in _host(self.public_url), "public_url has an underscore in its host, which Twilio refuses"),
            (self.timeout_seconds > 0, "timeout_seconds is above zero"),
            (self.per_second >= 0, "per_second is zero for no bound, or above"),
        )
        if problems := [problem for holds, problem in checks if not holds]:
            raise ValueError("; ".join(problems))


def basic(name: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _is_secret(secret: Secret) -> bool:
    return re.fullmatch(r"[!-~]+", secret.reveal()) is not None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a bracket that is no IPv6 address, a port that is no number
        return False
    plain = re.fullmatch(r"[!-~]+", url) is not None and not url.endswith("/")
    bare = not (parts.query or parts.fragment or parts.username or "?" in url or "#" in url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0 and plain and bare


def _host(url: str) -> str:
    return urlsplit(url).hostname or "" if _is_address(url) else ""

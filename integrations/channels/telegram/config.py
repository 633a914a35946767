"""What the Telegram adapter must be told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from integrations.contract.people import Secret

_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")

#: What Telegram allows in a secret token, with our own lower bound (S-03).
_WEBHOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{32,256}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramConfig:
    """A bot and where it is reached. ValueError names what is wrong, never its value.

    `token` is BotFather's; `api_url` has no slash at its end. While `previous_webhook_secret` is set both secrets are
    accepted, so that a new one can be registered without losing what is under way (S-03).
    """

    token: Secret
    webhook_secret: Secret
    previous_webhook_secret: Secret | None = None
    api_url: str = "https://api.telegram.org"

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise ValueError("the Telegram token is digits, a colon, then letters, digits, _ and -")
        for secret in (self.webhook_secret, self.previous_webhook_secret):
            if secret is not None and not _WEBHOOK_SECRET.fullmatch(secret.reveal()):
                raise ValueError("a Telegram webhook secret is 32 to 256 letters, digits, _ and -")
        if self.api_url.endswith("/"):
            raise ValueError("the address of Telegram's API has no slash at its end")

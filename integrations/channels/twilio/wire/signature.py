"""Whether a request comes from Twilio, by Twilio's own validator over the address that Twilio called."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from twilio.request_validator import (  # type: ignore[import-untyped]  # Twilio's library ships no types
    RequestValidator,
    get_signature_algorithm,
)

from integrations.channels.twilio.config import TwilioConfig
from integrations.channels.twilio.wire.form import Form, read_form, read_query
from integrations.contract.exchange import Request
from integrations.contract.message import Rejected

PROOF_HEADER = "x-twilio-signature"
#: Present where a shared key signs in the auth token's place: `key=<id>,algorithm=HMAC_SHA256`.
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"

#: The status of every refusal. Twilio shows it to the account's owner as error 11200.
FORBIDDEN = 403


class Proof:
    """Verifies webhooks of one account.

    The scheme is the one the request names, and only that: HMAC-SHA1 with the auth token (or the previous one), or
    HMAC-SHA256 with the shared key of the id given. A wrong signature of one is never tried with another.
    """

    def __init__(self, config: TwilioConfig) -> None:
        self._public_url = config.public_url
        self._account_sid = config.account_sid
        tokens = (config.auth_token, config.previous_auth_token)
        self._tokens = [RequestValidator(token.reveal()) for token in tokens if token is not None]
        self._shared = {key: RequestValidator(secret.reveal()) for key, secret in config.shared_keys.items()}

    def read(self, request: Request) -> Form | Rejected:
        """The form of a request that is proved to be Twilio's and about our account."""
        form = self._proved(request)
        if isinstance(form, Form) and form.first("AccountSid") != self._account_sid:
            return Rejected("another account", FORBIDDEN)
        return form

    def _proved(self, request: Request) -> Form | Rejected:
        settings = request.headers.get(SETTINGS_HEADER, "")
        algorithm = str(get_signature_algorithm(settings)).upper()
        validators = self._validators(algorithm, settings)
        if isinstance(validators, Rejected):
            return validators
        # Twilio's addresses are percent-encoded; anything else would only make the validator fail on its way.
        if not request.url.isascii() or not request.url.startswith("/"):
            return Rejected("wrong signature", FORBIDDEN)
        is_json = request.headers.get("content-type", "").lower().startswith("application/json")
        if is_json and not read_query(request.url).first("bodySHA256"):
            return Rejected("JSON without its hash", FORBIDDEN)
        form = read_form(request.body)
        # The validator takes JSON as text, hashes it, and then signs over the address alone.
        signed: Form | str = request.body.decode("utf-8", "replace") if is_json else form
        url = self._public_url + request.url
        signature = request.headers.get(PROOF_HEADER, "")
        # Every token is tried, so that the time taken does not tell which one was nearer.
        matches = [bool(one.validate(url, signed, signature, algorithm)) for one in validators]
        if not any(matches):
            return Rejected("wrong signature", FORBIDDEN)
        return _json_form(request.body) if is_json else form

    def _validators(self, algorithm: str, settings: str) -> Sequence[RequestValidator] | Rejected:
        match algorithm:
            case "HMAC_SHA1":
                return self._tokens
            case "HMAC_SHA256":
                shared = self._shared.get(_key_of(settings))
                return Rejected("unknown key", FORBIDDEN) if shared is None else [shared]
            case _:
                return Rejected("unknown algorithm", FORBIDDEN)


def _key_of(settings: str) -> str:
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "key":
            return value.strip()
    return ""


def _json_form(body: bytes) -> Form:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Form()
    fields = read.items() if isinstance(read, dict) else ()
    return Form((name, value) for name, value in fields if isinstance(value, str))

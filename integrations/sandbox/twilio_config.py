"""How the sandbox's Twilio is set up: its account, its numbers, its limits, and its choice where nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from integrations.contract.people import Secret

#: What signs a webhook: the Auth Token, the one before it, a shared key with HMAC-SHA256, or a stranger's token.
Signer: TypeAlias = Literal["token", "previous", "shared_key", "wrong"]

#: What can go wrong here, as the page words it.
FAULTS: Final[Mapping[str, str]] = {
    "twilio_slow_down": "Twilio takes no message: too many requests (429)",
    "twilio_down": "Twilio answers with an error page (500)",
    "twilio_answer_lost": "A message goes out, and Twilio's answer to us is lost",
    "twilio_double_delivery": "Twilio delivers what a person does twice",
    "twilio_lost_webhook": "Twilio never delivers what a person does; only asking finds it",
    "twilio_report_first": "The report that a message was sent overtakes the answer to us",
    "twilio_reports_shuffled": "The reports of a message come in the wrong order",
    "twilio_reports_doubled": "A report of a message comes twice",
    "twilio_delivered_unreported": "A message arrives, and nobody reports it",
    "twilio_undelivered_window": "WhatsApp says that the 24 hours are over (63016)",
    "twilio_undelivered_person": "WhatsApp says that it cannot reach this person (63024)",
    "twilio_undelivered_slow": "WhatsApp says that this was too fast (63018)",
    "twilio_undelivered_form": "WhatsApp does not accept buttons or a list (63021)",
    "twilio_undelivered_provider": "WhatsApp has trouble of its own (63009)",
    "twilio_no_content": "Twilio's Content API is down (503)",
}

DAY_SECONDS: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSideConfig:
    """Times are seconds. What sources disagree on or do not say is a field here, with the likelier or stricter default.

    `whatsapp_from` and `sms_from` are E.164. `webhook_url` and `fallback_url` are absolute, as Twilio's console has
    them; a fragment such as `#rc=2&rt=5000` says how often a connection is tried and how long an answer is waited for.
    """

    account_sid: str
    auth_token: Secret
    whatsapp_from: str
    sms_from: str = ""
    webhook_url: str = ""
    fallback_url: str = ""
    #: From the submission of a template to its approval or rejection.
    approval_seconds: float = 0.0
    #: Also opens the REST API while tokens are changed, as Twilio's secondary token does.
    previous_auth_token: Secret | None = None
    #: The id and the secret of the key that signs with HMAC-SHA256 once `signer` says so.
    shared_key_id: str = "webhooks_sharedkey_sandbox"
    shared_key: Secret | None = None
    signer: Signer = "token"
    #: Write one parameter of each webhook three times, two of them equal.
    repeat_names: bool = False
    messaging_service_sid: str = ""
    #: Where this side is reached, without a slash at its end: it begins the addresses of media and of pages.
    base_url: str = "https://api.twilio.com"

    #: From the create call to `sent`, and from there to `delivered`.
    sent_seconds: float = 0.0
    delivered_seconds: float = 0.0
    window_seconds: float = DAY_SECONDS
    #: What one sender sends in a second; what is more waits its turn, four hours at the longest.
    per_second: int = 80
    #: To one person: so many at once, and one more each `pair_seconds`. The burst is nowhere documented.
    pair_burst: int = 20
    pair_seconds: float = 6.0
    #: How long Twilio remembers which message a reply or a tap belongs to.
    reply_memory_seconds: float = 7 * DAY_SECONDS

    #: The error of a message without body, media and content.
    nothing_to_send_code: Literal[21619, 21602] = 21619
    #: A message that WhatsApp does not accept: told by report (the likelier), or refused by the create call.
    form_refused: Literal["report", "create"] = "report"
    #: The status of a message that WhatsApp did not take.
    lost_status: Literal["undelivered", "failed"] = "undelivered"
    #: Whether the values of a Content that is not approved may hold line breaks.
    session_line_breaks: bool = True
    #: Whether the message list shows the filled-in body of a message made from a Content.
    content_body_listed: bool = True
    #: Whether webhooks carry ExternalUserId, as they have done since spring 2026.
    external_user_ids: bool = True
    #: Whether a tap carries ButtonType; a real capture did not have it.
    button_type: bool = True
    #: Let STOP and START work as they do in a Messaging Service with Advanced Opt-Out.
    opt_out_words: bool = False

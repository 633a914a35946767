"""How the sandbox's Daraja is set up: its credentials, its patience, and its choice where the sources disagree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LATE_CALLBACK_SECONDS = 90.0
LATE_SUCCESS_SECONDS = 45.0

#: What can be made to go wrong, by the name to arm in the fault plan.
FAULTS: Mapping[str, str] = {
    "lose_callback": "The outcome is never called back; only asking finds it out.",
    "late_callback": "The callback comes a minute and a half late.",
    "double_callback": "The callback is delivered twice.",
    "bare_callback": "A success is called back without receipt number and amount.",
    "wrong_amount_callback": "The callback states one shilling less than was paid.",
    "contradicting_callback": "After the true callback comes a second one that says the opposite.",
    "forged_callback": "A stranger calls back success for a prompt that nobody has paid.",
    "callback_before_answer": "The payer pays at once, and the callback overtakes the answer to the push.",
    "push_answer_lost": "The prompt is shown, but the answer to the push never arrives.",
    "push_garbled": "The prompt is shown, but the push is answered with a web page.",
    "push_blocked": "A firewall answers the push with a web page; no prompt is shown.",
    "push_busy": "Daraja is too busy and refuses the push; no prompt is shown.",
    "token_down": "No access token can be had.",
    "token_expired": "The access token turns out to have expired.",
    "query_down": "The enquiry is answered with a server error.",
    "query_pending_long": 'The enquiry says "still processing" although the outcome is known.',
    "success_after_expiry": "The prompt is reported as timed out, and the payment goes through after all.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DarajaSideConfig:
    """Times are seconds. The defaults are what most sources agree on; the rest is for testing the disagreements."""

    consumer_key: str = "sandbox-consumer-key"
    consumer_secret: str = "sandbox-consumer-secret"  # noqa: S105  opens nothing but this sandbox
    shortcode: str = "174379"
    passkey: str = "sandbox-passkey"
    #: A till number that may be paid beside the short code, with CustomerBuyGoodsOnline.
    till: str = ""
    merchant: str = "BILI"
    #: How long a prompt waits for its PIN.
    prompt_seconds: float = 60.0
    #: From the payer's deed (or the prompt's end) to the callback.
    thinking_seconds: float = 1.0
    token_seconds: int = 3599
    #: "Still processing": as ResultCode 4999, or in the older way as HTTP 500.
    pending_style: Literal["4999", "500"] = "4999"
    #: How often a callback is tried until it is answered 2xx. Sources say once, and up to three times.
    callback_tries: int = 1
    callback_retry_seconds: float = 30.0
    #: ResultCode in the callback: an integer, or text.
    callback_code: Literal["int", "str"] = "int"
    #: The portal says 12; its own sandbox has taken 15.
    account_reference_length_max: int = 12
    transaction_desc_length_max: int = 13
    #: Above zero: the same payer and amount again within so many seconds ends as ResultCode 17.
    repeat_guard_seconds: float = 0.0
    #: Take callback addresses over https only, as production does; off, so that everything can run on one machine.
    https_only: bool = False
    #: Refuse timestamps more than an hour from Nairobi's time; sources differ on whether the real one does.
    nairobi_timestamps: bool = False

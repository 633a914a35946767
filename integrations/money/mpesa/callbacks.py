"""What a Daraja callback claims. It is unsigned, so it is a hint: the enquiry decides (S-07). Shape: MAPPING.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from integrations.contract.exchange import REQUEST_BYTES_MAX
from integrations.contract.money import Money
from integrations.contract.outcomes import CallbackRejected, CallbackSeen
from integrations.money.mpesa.codes import RESULTS, Sign
from integrations.money.mpesa.strict import Unreadable, as_code, as_identifier, as_object, once_each, strict_json

_MSISDN = re.compile(r"254[17][0-9]{8}")
#: Ten characters so far; one that ends in seven noughts is the placeholder of a transaction that failed.
_RECEIPT = re.compile(r"(?!.{3}0{7}$)[A-Z0-9]{8,14}")


@dataclass(frozen=True, slots=True)
class _Metadata:
    items: Mapping[str, object] = field(default_factory=dict)

    @property
    def amount(self) -> Money | None:
        value = self.items.get("Amount")
        if not isinstance(value, int | Decimal) or value <= 0:
            return None
        try:
            return Money.from_decimal_text(str(value), "KES")
        except ValueError:
            return None

    @property
    def receipt(self) -> str | None:
        value = self.items.get("MpesaReceiptNumber")
        return value if isinstance(value, str) and _RECEIPT.fullmatch(value) else None

    @property
    def payer_digits(self) -> str | None:
        digits = str(self.items.get("PhoneNumber", ""))
        return digits if _MSISDN.fullmatch(digits) else None


def read_callback(body: bytes) -> CallbackSeen | CallbackRejected:
    """What a callback claims. Success is claimed only with receipt and amount in their documented forms (F-033).

    A success without them, an unlisted code and a failure all read as "no claim of success": the enquiry decides.
    """
    if len(body) > REQUEST_BYTES_MAX:
        return CallbackRejected("too large")
    try:
        told = as_object(as_object(as_object(strict_json(body)).get("Body")).get("stkCallback"))
        theirs, code = as_identifier(told.get("CheckoutRequestID")), as_code(told.get("ResultCode"))
        metadata = _metadata(told.get("CallbackMetadata"))
    except Unreadable as error:
        return CallbackRejected(str(error))
    if RESULTS.get(code) is not Sign.COLLECTED or metadata.receipt is None or metadata.amount is None:
        return CallbackSeen(theirs, claims_success=False)
    return CallbackSeen(theirs, True, metadata.receipt, metadata.amount, metadata.payer_digits)


def _metadata(value: object) -> _Metadata:
    """Name and value pairs in any order; Balance may come without a value. A name that comes twice proves nothing."""
    if value is None:
        return _Metadata()
    items = as_object(value).get("Item")
    if not isinstance(items, list):
        raise Unreadable("CallbackMetadata without its list")
    pairs = [(as_code(as_object(item).get("Name")), as_object(item).get("Value")) for item in items]
    return _Metadata(once_each(pairs))

"""How Twilio signs what it posts, by the published algorithm and not by its library, which the tests compare it with.

Source: "Webhooks Security" of Twilio's documentation; the library's RequestValidator for what it leaves out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal, TypeAlias

from integrations.contract.people import Secret

Algorithm: TypeAlias = Literal["HMAC_SHA1", "HMAC_SHA256"]

_HASHES = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}


def signature(url: str, pairs: Iterable[tuple[str, str]], secret: Secret, algorithm: Algorithm = "HMAC_SHA1") -> str:
    """The X-Twilio-Signature of a form with these names and values, posted to exactly this address.

    Names go in the order of their code points, each with its values in theirs, equal ones once and empty ones too.
    """
    signed = url + "".join(name + value for name, value in sorted(set(pairs)))
    digest = hmac.new(secret.reveal().encode(), signed.encode(), _HASHES[algorithm]).digest()
    return base64.b64encode(digest).decode()

"""What is stored about people is stored sealed, and looked up by a keyed hash."""

from __future__ import annotations

import hmac
import os
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from integrations.contract.people import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
NAME_BYTES = 4

#: A short key can be guessed from one sealed text.
SECRET_LENGTH_MIN = 16


class BrokenSeal(ValueError):
    """Sealed with a key we do not have, moved from where it belongs, or damaged."""


class _Key:
    """One secret key and what is derived from it. `name` tells texts of different keys apart and says nothing else."""

    def __init__(self, secret: Secret) -> None:
        if len(secret.reveal()) < SECRET_LENGTH_MIN:
            raise ValueError(f"the secret key has at least {SECRET_LENGTH_MIN} characters")
        material = secret.reveal().encode()
        self.cipher = AESGCM(_derived(material, b"bili seal", KEY_BYTES))
        self.hashing = _derived(material, b"bili hash", KEY_BYTES)
        self.name = _derived(material, b"bili name", NAME_BYTES).hex()


class Seal:
    """AES-256-GCM for texts at rest and HMAC-SHA256 for looking them up (S-19), both derived from one secret key.

    To rotate, give the new key first and the old ones, newest first, as `old_keys`: the new one seals, all of them
    open. Hashes are made with the oldest of them, because they stand in unique keys and must not change.
    `random_bytes` makes nonces; a simulated run gives its own. One key may seal 2^32 texts.
    """

    def __init__(
        self, secret_key: Secret, old_keys: Sequence[Secret] = (), random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        keys = [_Key(secret) for secret in (secret_key, *old_keys)]
        self._current = keys[0]
        self._by_name = {key.name: key for key in keys}
        self._hashing = keys[-1].hashing
        self._random_bytes = random_bytes

    def seal(self, text: str, where: str) -> str:
        """The text, readable only with the key and only for this `where` (for example "input.body")."""
        nonce = self._random_bytes(NONCE_BYTES)
        sealed = self._current.cipher.encrypt(nonce, text.encode(), where.encode())
        return f"1.{self._current.name}.{b2a_base64(nonce + sealed, newline=False).decode()}"

    def open(self, sealed: str, where: str) -> str:
        """The text. Raises BrokenSeal for another `where`, an unknown key, or a changed content."""
        version, _, rest = sealed.partition(".")
        name, _, body = rest.partition(".")
        key = self._by_name.get(name)
        if version != "1" or key is None:
            raise BrokenSeal(f"{where} was sealed with a key that is not given")
        try:
            raw = a2b_base64(body, strict_mode=True)
            return key.cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], where.encode()).decode()
        except (InvalidTag, ValueError):
            raise BrokenSeal(f"{where} does not open: it was moved or damaged") from None

    def hashed(self, text: str, what: str) -> str:
        """The same hex digits for the same text and `what` (for example "phone"), and no way back."""
        return hmac.digest(self._hashing, f"{what}\0{text}".encode(), "sha256").hex()


def _derived(material: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=purpose).derive(material)

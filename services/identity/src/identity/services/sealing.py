"""Private keys at rest: AES-256-GCM under a key that only the settings know, bound to the id of what it seals."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from arnia.errors import SettingsError

NONCE_BYTES: Final = 12


class Seal:
    """Encrypts and decrypts with what `secret` says; the secret is random, so nothing has to make guessing slow."""

    def __init__(self, secret: str) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"arnia identity signing keys").derive(secret.encode())
        self._cipher = AESGCM(derived)

    def close(self, kid: str, private: bytes) -> bytes:
        """Return `private`, sealed for the key `kid`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, private, kid.encode())

    def open(self, kid: str, sealed: bytes) -> bytes:
        """Return what was sealed for the key `kid`.

        Raises:
            SettingsError: it was sealed under another secret, or for another key.
        """
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], kid.encode())
        except InvalidTag:
            message = (
                "IDENTITY_KEY_ENCRYPTION_SECRET does not open the signing keys in the database: "
                "give the secret under which they were made"
            )
            raise SettingsError([message]) from None

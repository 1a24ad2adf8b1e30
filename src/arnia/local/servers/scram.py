"""The verifier that PostgreSQL keeps in place of a password (RFC 5803, SCRAM-SHA-256)."""

import hashlib
import hmac
import secrets
from base64 import b64encode
from typing import Final

_ITERATIONS: Final = 4096
_SALT_BYTES: Final = 16


def verifier(password: str, salt: bytes | None = None) -> str:
    """Return what `ALTER ROLE ... PASSWORD` accepts instead of the password, which then never travels.

    Args:
        password: ASCII, as every password that we draw is.
        salt: Sixteen bytes; drawn at random when absent.
    """
    salt = salt or secrets.token_bytes(_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _text(octets: bytes) -> str:
    return b64encode(octets).decode()

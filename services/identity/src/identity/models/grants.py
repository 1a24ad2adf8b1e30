"""What a user's login gives: a code to be redeemed, the login itself, and the refresh tokens that continue it.

Codes and refresh tokens are random and only their SHA-256 is kept: whoever reads the database has neither.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from identity.models.values import Value

CODE_SECONDS: Final = 60
_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Login(Value):
    """A user who logged in through an OAuth client: the family of every refresh token that descends from it.

    Attributes:
        id: The `sid` of its access tokens.
        scopes: What was granted.
        audiences: For whom.
        authenticated_at: When the user gave the password.
        revoked_at: When it ended before its time.
    """

    id: UUID
    user_id: UUID
    client_id: str
    scopes: frozenset[str]
    audiences: frozenset[str]
    authenticated_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Tell whether it may be continued."""
        return self.revoked_at is None and now < self.expires_at


class RefreshToken(Value):
    """One of a login's refresh tokens; it is used once."""

    digest: bytes
    login_id: UUID
    used_at: datetime | None = None


class AuthorizationCode(Value):
    """What a user agreed to, until the client fetches the tokens (RFC 6749, 4.1; RFC 7636).

    Attributes:
        login_id: The login that redeeming it completes; known before, so that a second use can end it.
        challenge: What the verifier must hash to.
    """

    digest: bytes
    login_id: UUID
    user_id: UUID
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    scopes: frozenset[str]
    audiences: frozenset[str]
    authenticated_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    def fits(self, redirect_uri: str | None, verifier: str | None) -> bool:
        """Tell whether whoever redeems it is whoever asked for it."""
        if redirect_uri != self.redirect_uri or verifier is None or not _VERIFIER.fullmatch(verifier):
            return False
        return hmac.compare_digest(challenge_of(verifier), self.challenge)


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636, 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def is_challenge(text: str) -> bool:
    """Tell whether `text` can be an S256 challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def new_secret() -> str:
    """Return a random text of 256 bits that nobody guesses."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """Return what is kept of a code or of a refresh token."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()

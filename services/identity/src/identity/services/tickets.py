"""Tickets: what a form carries from the moment it is shown until it is sent back.

A ticket holds the authorization request, so that nothing of it can be changed in between, and belongs to one browser,
which has a random cookie: nobody else's page can send the form (CSRF), or have somebody log in for another request.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from identity.models.authorization import Members
from identity.models.values import Value

TICKET_SECONDS: Final = 600
_SIGNATURE_BYTES: Final = 32
_PURPOSE: Final = b"arnia identity: tickets of /authorize"


class Ticket(Value):
    """What a form carries.

    Attributes:
        members: The authorization request as it was sent.
        browser: SHA-256 of the cookie that the form was shown with.
    """

    members: Members
    browser: str
    expires_at: datetime

    def fits(self, cookie: str, now: datetime) -> bool:
        """Tell whether the form comes in time, and from the browser that it was shown in."""
        return now < self.expires_at and hmac.compare_digest(self.browser, _digest(cookie))


class Tickets:
    """Makes and reads tickets; all replicas share the secret."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._key = hmac.digest(secret.encode(), _PURPOSE, sha256)
        self._now = now

    def issue(self, members: Members, cookie: str) -> str:
        """Return a ticket for the browser that has `cookie`."""
        expires_at = self._now() + timedelta(seconds=TICKET_SECONDS)
        ticket = Ticket(members=members, browser=_digest(cookie), expires_at=expires_at)
        payload = ticket.model_dump_json().encode()
        return urlsafe_b64encode(self._sign(payload) + payload).decode()

    def read(self, text: str) -> Ticket | None:
        """Return the ticket, or None where nobody here made it. Whether it still fits is another question."""
        try:
            sealed = urlsafe_b64decode(text.encode("ascii"))
        except (Error, ValueError):
            return None
        signature, payload = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload)):
            return None
        return Ticket.model_validate(json.loads(payload))

    def fits(self, ticket: Ticket, cookie: str) -> bool:
        """Tell whether the form comes in time, and from the browser that it was shown in."""
        return ticket.fits(cookie, self._now())

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, sha256)


def _digest(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()

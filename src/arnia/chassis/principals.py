"""Who calls: the one answer to that question in the whole service, made from a token that was verified."""

from dataclasses import dataclass
from typing import Final

__all__ = ["ANONYMOUS", "Principal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A caller whom the issuer vouches for.

    Attributes:
        subject: On whose behalf the call is made: a user, or an OAuth client of its own accord.
        client: The OAuth client that calls.
        scopes: What the OAuth client may do for the subject.
        roles: What the subject may do.
        issuer: Who vouches for all this; a subject is unique only together with it.
        actor: Who acts for the subject, where the token was exchanged (RFC 8693, `act.sub`).
        token_id: The token's `jti`.
        session: The login that the token descends from (`sid`); empty where there is none.
        expires_at: When the token ends, in seconds since 1970.
    """

    subject: str
    client: str
    scopes: frozenset[str]
    roles: frozenset[str]
    issuer: str = ""
    actor: str | None = None
    token_id: str = ""
    session: str = ""
    expires_at: float = 0.0

    @property
    def is_service(self) -> bool:
        """Whether an OAuth client calls of its own accord, for no user."""
        return self.subject == self.client


ANONYMOUS: Final = Principal(subject="anonymous", client="", scopes=frozenset(), roles=frozenset())
"""Whoever calls a route that is declared public."""

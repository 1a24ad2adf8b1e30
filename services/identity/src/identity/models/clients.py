"""The aggregate: an OAuth client, a program that asks for tokens."""

import hmac
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, JsonValue, model_validator

from identity.models.values import (
    MAX_REDIRECTS,
    MAX_ROLES,
    MAX_SCOPES,
    OIDC_SCOPES,
    Audience,
    ClientName,
    RedirectUri,
    Role,
    Scope,
    Value,
    is_identity,
)


class Grant(StrEnum):
    """The ways to a token, as `grant_type` names them."""

    CLIENT_CREDENTIALS = "client_credentials"
    PASSWORD = "password"  # noqa: S105 - the name of a grant
    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant


OF_USERS = frozenset({Grant.PASSWORD, Grant.AUTHORIZATION_CODE})
"""The grants that begin with a user."""
CONFIDENTIAL = frozenset({Grant.CLIENT_CREDENTIALS, Grant.TOKEN_EXCHANGE})
"""The grants of a client that can keep a secret."""
_ON_THIS_MACHINE = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?(/|$)")


class Registration(Value):
    """What whoever manages OAuth clients decides about one.

    Attributes:
        audiences: For whom it may get tokens and, of each, with which scopes.
        public: Whether it can keep no secret: an app on somebody's device.
        first_party: Whether it is ours: its users give no consent, and may give it their password.
        reserved_scopes: Which of them only users with one of these roles are granted: nobody else could use them.
        jwks: Public keys with which it may prove who it is (RFC 7523) instead of a secret.
    """

    client_id: ClientName
    grants: Annotated[frozenset[Grant], Field(min_length=1)]
    audiences: Annotated[
        Mapping[Audience, Annotated[frozenset[Scope], Field(max_length=MAX_SCOPES)]], Field(max_length=50)
    ] = Field(default_factory=dict)
    reserved_scopes: Annotated[
        Mapping[Scope, Annotated[frozenset[Role], Field(min_length=1, max_length=MAX_ROLES)]],
        Field(max_length=MAX_SCOPES),
    ] = Field(default_factory=dict)
    redirect_uris: Annotated[tuple[RedirectUri, ...], Field(max_length=MAX_REDIRECTS)] = ()
    public: bool = False
    first_party: bool = False
    jwks: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if is_identity(self.client_id):
            message = "a client_id is no UUID: in the subject of a token that would be a user"
            raise ValueError(message)
        if self.public and (self.grants & CONFIDENTIAL or self.jwks):
            message = "a public client keeps no secret, and so has no grant that rests on one"
            raise ValueError(message)
        if Grant.PASSWORD in self.grants and not self.first_party:
            message = "only a first-party client is given passwords"
            raise ValueError(message)
        if not all(each.startswith("https:") or _ON_THIS_MACHINE.match(each) for each in self.redirect_uris):
            message = "a redirect_uri is one of https, or of http on the user's own machine (RFC 9700, 2.6)"
            raise ValueError(message)
        if Grant.AUTHORIZATION_CODE in self.grants and not self.redirect_uris:
            message = "a client of the authorization code grant has a redirect_uri"
            raise ValueError(message)
        return self

    def scopes(self, audiences: Collection[str]) -> frozenset[str]:
        """Return every scope that it may be granted for `audiences`."""
        granted = frozenset[str]().union(*(self.audiences.get(audience, frozenset()) for audience in audiences))
        return granted | OIDC_SCOPES if self.grants & OF_USERS else granted

    def usable(self, scopes: frozenset[str], roles: Collection[str]) -> frozenset[str]:
        """Return those of `scopes` that a user with `roles` is granted."""
        reserved = self.reserved_scopes
        return frozenset(each for each in scopes if each not in reserved or not reserved[each].isdisjoint(roles))


class OAuthClient(Value):
    """A registered OAuth client.

    Attributes:
        secret_hash: SHA-256 of its secret, which is random: there is nothing to guess. None where it has none.
        declared: Whether the settings name it, and so decide about its end.
        version: Grows by one with every change.
    """

    id: UUID
    registration: Registration
    secret_hash: bytes | None = None
    declared: bool = False
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(cls, identity: UUID, registration: Registration, now: datetime) -> Self:
        """Return a client as it begins: without a secret."""
        return cls(id=identity, registration=registration, created_at=now, updated_at=now)

    @property
    def client_id(self) -> str:
        """What it calls itself."""
        return self.registration.client_id

    def describe(self, registration: Registration, now: datetime) -> Self:
        """Return the client with another registration."""
        return self if registration == self.registration else self._next(now, registration=registration)

    def protect(self, secret: str, now: datetime) -> Self:
        """Return the client with another secret."""
        return self._next(now, secret_hash=sha256(secret.encode()).digest())

    def declare(self, now: datetime) -> Self:
        """Return the client as one that the settings name."""
        return self if self.declared else self._next(now, declared=True)

    def knows(self, secret: str) -> bool:
        """Tell whether `secret` is the client's, in a time that does not depend on it."""
        return hmac.compare_digest(sha256(secret.encode()).digest(), self.secret_hash or b"")

    def _next(self, now: datetime, **changes: object) -> Self:
        return self.model_copy(update={**changes, "version": self.version + 1, "updated_at": now})

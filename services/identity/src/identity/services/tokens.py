"""Access tokens (RFC 9068) and ID tokens (OpenID Connect Core, 2): what they say, and what they are believed to say."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import JsonValue

from arnia.chassis.principals import Principal
from arnia.chassis.tokens import Claims, Expected, Refusal, believe, dissect, issued_at
from identity.models.users import User
from identity.repositories.store import Store
from identity.services.keyring import Clock, Keys, utc_now

ACCESS: Final = "at+jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What a token shall say.

    Attributes:
        login_id: The login that it descends from; None where there is none.
        actor: Who acts for the subject (RFC 8693, 4.1), and for whom that one does.
        not_beyond: When it ends at the latest.
    """

    subject: str
    client_id: str
    scopes: frozenset[str]
    audiences: frozenset[str]
    roles: frozenset[str] = frozenset()
    login_id: UUID | str | None = None
    actor: dict[str, JsonValue] | None = None
    not_beyond: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token as it goes out; `seconds` is how long it lives."""

    text: str
    seconds: int
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One of our tokens that came back, believed."""

    principal: Principal
    claims: Claims
    issued_at: int

    @property
    def audiences(self) -> frozenset[str]:
        """For whom it is."""
        given = self.claims["aud"]
        return frozenset(str(each) for each in (given if isinstance(given, list) else [given]))

    async def revoked(self, store: Store) -> bool:
        """Tell whether it was taken back."""
        members = [f"jti:{self.principal.token_id}"]
        if self.principal.session:
            members.append(f"sid:{self.principal.session}")
        return await store.ledger.revoked(members, self.principal.subject, self.principal.client, self.issued_at)


class Tokens:
    """Makes and reads the tokens of `issuer`; an access token lives `seconds`."""

    def __init__(self, keys: Keys, issuer: str, seconds: int, now: Clock = utc_now) -> None:
        self._keys = keys
        self._now = now
        self.issuer = issuer
        self.seconds = seconds

    async def issue(self, mandate: Mandate) -> AccessToken:
        """Return a new access token.

        Raises:
            KeysStale: nothing can be signed at the moment.
        """
        now = int(self._now().timestamp())
        ends = now + self.seconds
        if mandate.not_beyond is not None:
            ends = min(ends, int(mandate.not_beyond))
        audiences = sorted(mandate.audiences)
        claims: Claims = {
            "iss": self.issuer,
            "sub": mandate.subject,
            "aud": audiences[0] if len(audiences) == 1 else [*audiences],
            "client_id": mandate.client_id,
            "scope": " ".join(sorted(mandate.scopes)),
            "roles": [*sorted(mandate.roles)],
            "iat": now,
            "nbf": now,
            "exp": ends,
            "jti": secrets.token_urlsafe(16),
        }
        if mandate.login_id is not None:
            claims["sid"] = str(mandate.login_id)
        if mandate.actor is not None:
            claims["act"] = mandate.actor
        text = await self._keys.sign(ACCESS, claims)
        return AccessToken(text=text, seconds=ends - now, scopes=mandate.scopes)

    async def identify(
        self, user: User, client_id: str, scopes: frozenset[str], *, nonce: str | None, authenticated_at: datetime
    ) -> str:
        """Return an ID token: to the OAuth client, who the user is and when that was proven."""
        now = int(self._now().timestamp())
        claims: Claims = {
            "iss": self.issuer,
            "aud": client_id,
            "iat": now,
            "exp": now + self.seconds,
            "auth_time": int(authenticated_at.timestamp()),
            **describe(user, scopes),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return await self._keys.sign("JWT", claims)

    async def read(self, token: str) -> Known:
        """Return what one of our access tokens says, for whomever it is; whether it was taken back is not looked at.

        Raises:
            Refusal: it is not ours, or has ended.
        """
        signed = dissect(token.encode("utf-8", "surrogatepass"))
        (await self._keys.find(signed.key_id)).verify(signed)
        given = signed.claims.get("aud")
        audience = given[0] if isinstance(given, list) and given else given
        if not isinstance(audience, str):
            raise Refusal("audience")
        expected = Expected(issuer=self.issuer, audience=audience, leeway=0)
        principal = believe(signed.claims, expected, self._now().timestamp())
        return Known(principal=principal, claims=signed.claims, issued_at=issued_at(signed.claims))


def describe(user: User, scopes: frozenset[str]) -> Claims:
    """Return what `scopes` let an OAuth client know of a user (OpenID Connect Core, 5.4)."""
    claims: Claims = {"sub": str(user.id)}
    if "profile" in scopes:
        claims["preferred_username"] = user.profile.username
        claims["updated_at"] = int(user.updated_at.timestamp())
    if "email" in scopes and user.profile.email is not None:
        claims["email"] = user.profile.email
        claims["email_verified"] = False
    return claims

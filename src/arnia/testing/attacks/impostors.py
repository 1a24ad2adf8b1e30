"""Tokens that are good for something else: another kind, another service, another issuer, another time.

`arnia.testing.forgeries` has those that somebody tampered with.
"""

import time
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from arnia.testing.forgeries import Forgery
from arnia.testing.issuer import TestIssuer

__all__ = ["impostors"]

OTHER_KINDS: Final[dict[str, str]] = {
    "an ID token": "JWT",
    "an ID token that says so": "id+jwt",
    "a logout token": "logout+jwt",
    "a DPoP proof": "dpop+jwt",
    "an answer of introspection": "token-introspection+jwt",
    "a security event": "secevent+jwt",
    "a request object": "oauth-authz-req+jwt",
    "a client's assertion": "client-authentication+jwt",
    "an entity statement": "entity-statement+jwt",
    "a verifiable credential": "vc+sd-jwt",
}


def impostors(
    issuer: TestIssuer, stranger: TestIssuer, audience: str, *, scopes: tuple[str, ...], roles: tuple[str, ...]
) -> Iterator[Forgery]:
    """Yield tokens that are whole, and not for `audience`; `stranger` is an issuer that the service does not know."""
    now = int(time.time())
    claims: dict[str, JsonValue] = {
        "iss": issuer.url,
        "sub": "alice",
        "client_id": "tests",
        "aud": audience,
        "scope": " ".join(scopes),
        "roles": list(roles),
        "iat": now,
        "exp": now + 600,
        "jti": "impostor",
    }

    def token(of: TestIssuer = issuer, **changes: JsonValue) -> bytes:
        return of.sign(claims | {"iss": of.url} | changes).encode()

    for name, kind in OTHER_KINDS.items():
        yield Forgery(name, issuer.sign(claims, typ=kind).encode())
    yield Forgery("an ID token for the client", issuer.sign(claims | {"aud": "tests", "nonce": "n"}).encode())
    yield Forgery("a refresh token that is a JWT", issuer.sign(claims, typ="rt+jwt").encode())
    yield Forgery("a token of another service", token(aud="another-service"))
    yield Forgery("a token of its own issuer for the issuer", token(aud=issuer.url))
    yield Forgery("a token of an unknown issuer", token(stranger))
    yield Forgery("a token of an unknown issuer in the name of the known one", token(stranger, iss=issuer.url))
    yield Forgery(
        "a token of an unknown issuer under the key id of the known one",
        stranger.sign(claims, kid=str(issuer.key.kid)).encode(),
    )
    yield Forgery("a token that has ended", token(iat=now - 600, exp=now - 60))
    yield Forgery("a token of tomorrow", token(nbf=now + 86_400))
    yield Forgery("a token that is bound to a key", token(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}))

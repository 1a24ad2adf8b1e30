"""The guard: what an access token must look like before a library sees it, and what it must say to be believed.

The form is RFC 7515's compact serialisation, the type and the claims are RFC 9068's, and the refusals follow RFC 8725.
Where these leave a choice, the guard takes the narrow one: two readers of a token must not understand it differently.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from arnia.chassis.bodies import parse_json
from arnia.chassis.claims import (
    MAX_NAME,
    Claims,
    Places,
    Refusal,
    read_client,
    read_moment,
    read_name,
    read_roles,
    read_scopes,
)
from arnia.chassis.principals import Principal
from arnia.errors import MalformedRequest

__all__ = ["Claims", "Expected", "Refusal", "SignedToken", "TokenType", "believe", "dissect"]

TokenType: TypeAlias = Literal["at+jwt", "JWT", "absent"]

MAX_BYTES: Final = 8_192
ALGORITHMS: Final = ("ES256", "ES384", "Ed25519", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
"""Every algorithm that can be asked for: all of them with a key that only the issuer holds."""
TYPES: Final[frozenset[str | None]] = frozenset({"at+jwt", "application/at+jwt"})
_TYPES: Final[Mapping[TokenType, frozenset[str | None]]] = {
    "at+jwt": TYPES,
    "JWT": frozenset({"JWT"}),
    "absent": frozenset({None}),
}
"""What issuers write that do not follow RFC 9068, they write into their ID tokens as well."""
OF_OTHERS: Final = frozenset({"nonce", "at_hash", "c_hash", "s_hash", "events"})
"""Claims that tell a client about its login (OpenID Connect Core, 2 and 3.3.2.11) or an event (RFC 8417)."""
HEADER: Final = frozenset({"alg", "kid", "typ"})
"""Others are refused: `jwk`, `jku`, `x5u`, `x5c` bring a key along; `b64`, `crit`, `cty`, `zip` change the rules."""
COSMETIC: Final = frozenset({"x5t", "x5t#S256"})
"""Parameters that some issuers add and that nothing here reads."""

_FORM: Final = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_.:=+/@-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedToken:
    """A token in good form, with nothing of it believed yet."""

    algorithm: str
    key_id: str
    claims: Claims
    signed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a service expects of a token.

    Attributes:
        issuer: Who issued it.
        audience: For whom.
        leeway: How far clocks may be apart, in seconds.
        kind: What its tokens say that they are, where the issuer does not follow RFC 9068: `JWT`, or nothing.
        places: Where it says what about the caller.
    """

    issuer: str
    audience: str
    leeway: float = 5.0
    kind: TokenType = "at+jwt"
    places: Places = field(default_factory=Places)

    @property
    def types(self) -> Collection[str | None]:
        """What the token's `typ` may be; None stands for no `typ`."""
        return _TYPES[self.kind]


def dissect(token: bytes, types: Collection[str | None] = TYPES) -> SignedToken:
    """Return the parts of `token`, whose signature the caller has yet to verify.

    Args:
        token: As it was sent.
        types: What its `typ` may be; None stands for no `typ`. An issuer reads other tokens than access tokens.

    Raises:
        Refusal: it is not a token in the one form that is accepted.
    """
    found = _FORM.fullmatch(token) if len(token) <= MAX_BYTES else None
    if found is None:
        raise Refusal("malformed")
    header, payload, signature = (_decoded(part) for part in found.groups())
    parameters, claims = _members(header), _members(payload)
    kind = parameters.get("typ")
    if not (kind is None or isinstance(kind, str)) or kind not in types:
        raise Refusal("type")
    if not parameters.keys() <= HEADER | COSMETIC:
        raise Refusal("header")
    algorithm, key_id = parameters.get("alg"), parameters.get("kid", "")
    if not isinstance(algorithm, str) or not isinstance(key_id, str):
        raise Refusal("header")
    if "kid" in parameters and (len(key_id) > MAX_NAME or not _KEY_ID.fullmatch(key_id)):
        raise Refusal("header")
    return SignedToken(
        algorithm=algorithm,
        key_id=key_id,
        claims=claims,
        signed=token[: found.end(2)],
        signature=signature,
    )


def believe(claims: Claims, expected: Expected, now: float) -> Principal:
    """Return who calls, by `claims` whose signature was verified; `now` is in seconds since 1970.

    Raises:
        Refusal: the token is not for here, not for now, or does not say who calls.
    """
    if claims.get("iss") != expected.issuer:
        raise Refusal("issuer")
    if expected.audience not in _audience(claims):
        raise Refusal("audience")
    expires = read_moment(claims, "exp")
    if expires + expected.leeway <= now:
        raise Refusal("expired")
    if read_moment(claims, "iat") > now + expected.leeway:
        raise Refusal("early")
    if "nbf" in claims and read_moment(claims, "nbf") > now + expected.leeway:
        raise Refusal("early")
    if "cnf" in claims:
        # Bound to a key (RFC 7800) that nobody proves to hold here: as a bearer token it is a stolen one.
        raise Refusal("bound")
    foreign, places = expected.kind != "at+jwt", expected.places
    client = read_client(claims, places.client, either=foreign)
    if foreign and (_is_other(claims) or client == expected.audience):
        # An ID token is for the client that it names, and the same keys sign it: it opens nothing.
        raise Refusal("type")
    return Principal(
        subject=read_name(claims, "sub"),
        client=client,
        scopes=read_scopes(claims, places.scopes, either=foreign),
        roles=read_roles(claims, places.roles),
        issuer=expected.issuer,
        actor=_actor(claims),
        token_id="" if foreign and "jti" not in claims else read_name(claims, "jti"),
        session=read_name(claims, "sid") if "sid" in claims else "",
        expires_at=float(expires),
    )


def issued_at(claims: Mapping[str, JsonValue]) -> int:
    """Return the second since 1970 in which believed `claims` were made."""
    return read_moment(claims, "iat")


def _is_other(claims: Claims) -> bool:
    """Tell whether a token shows that it is no access token; Keycloak says in the claim `typ` which it is."""
    return not OF_OTHERS.isdisjoint(claims) or claims.get("typ", "Bearer") != "Bearer"


def _decoded(part: bytes) -> bytes:
    try:
        raw = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError:
        raise Refusal("malformed") from None
    # Bits that are not zero behind the last byte would make two spellings of one token.
    if urlsafe_b64encode(raw).rstrip(b"=") != part:
        raise Refusal("malformed")
    return raw


def _members(raw: bytes) -> Claims:
    try:
        document = parse_json(raw)
    except MalformedRequest:
        raise Refusal("malformed") from None
    if not isinstance(document, dict):
        raise Refusal("malformed")
    return document


def _audience(claims: Claims) -> list[JsonValue]:
    given = claims.get("aud")
    listed: list[JsonValue] = given if isinstance(given, list) else [given]
    if not all(isinstance(each, str) and each for each in listed):
        raise Refusal("audience")
    return listed


def _actor(claims: Claims) -> str | None:
    given = claims.get("act")
    if given is None and "act" not in claims:
        return None
    if not isinstance(given, dict):
        raise Refusal("claims")
    return read_name(given, "sub")

"""How an OAuth client proves who it is: by its secret (RFC 6749, 2.3.1), or with its own key (RFC 7523)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from arnia.chassis.keys import read_keys
from arnia.chassis.tokens import ALGORITHMS, Claims, Refusal, dissect
from identity.models.clients import OAuthClient
from identity.models.errors import InvalidClient, OAuthError
from identity.repositories.store import Transactions
from identity.services.keyring import Clock, utc_now

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 5
MAX_TOKEN_ID: Final = 255
_TYPES: Final = frozenset({None, "JWT", "client-authentication+jwt"})

NOT_PROVEN: Final = "The OAuth client is not known, or what it proved itself with is wrong."


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a request brings to prove which OAuth client sent it.

    Attributes:
        basic: Name and secret from the Authorization field.
        client_id: From the body, like what follows.
    """

    basic: tuple[str, str] | None = None
    client_id: str | None = None
    client_secret: str | None = None
    client_assertion_type: str | None = None
    client_assertion: str | None = None


class ClientProofs:
    """Finds the OAuth client of a request; `audiences` is what an assertion may be made for: us, in any spelling."""

    def __init__(self, transactions: Transactions, audiences: Collection[str], now: Clock = utc_now) -> None:
        self._transactions = transactions
        self._audiences = frozenset(audiences)
        self._now = now

    async def identify(self, given: Credentials) -> OAuthClient:
        """Return the client that sent a request; a public one needs its name only.

        Raises:
            OAuthError: it proves itself in more than one way (RFC 6749, 2.3).
            InvalidClient: it is not known, or what it brings is wrong.
        """
        ways = (given.basic, given.client_secret, given.client_assertion)
        if sum(way is not None for way in ways) > 1:
            raise OAuthError("An OAuth client proves itself in one way only.")
        if given.client_assertion is not None:
            return await self._by_assertion(given, given.client_assertion)
        client_id, secret = given.basic or (given.client_id, given.client_secret)
        if given.basic is not None and given.client_id not in (None, client_id):
            raise OAuthError("The body names another OAuth client than the Authorization field.")
        if client_id is None:
            raise InvalidClient("The request does not say which OAuth client sends it.")
        client = await self._named(client_id)
        if client is None:
            raise InvalidClient(NOT_PROVEN)
        # A public client with a secret would only seem to be proven.
        proven = secret is None if client.registration.public else secret is not None and client.knows(secret)
        if not proven:
            raise InvalidClient(NOT_PROVEN)
        return client

    async def _by_assertion(self, given: Credentials, assertion: str) -> OAuthClient:
        if given.client_assertion_type != ASSERTION_TYPE:
            raise OAuthError(f"The only client_assertion_type is {ASSERTION_TYPE}.")
        try:
            client, token_id, expires_at = await self._believed(given, assertion)
        except Refusal:
            raise InvalidClient(NOT_PROVEN) from None
        async with self._transactions() as store:
            taken = await store.ledger.take_assertion(client.client_id, token_id, expires_at)
        if not taken:
            raise InvalidClient("The assertion was used before.")
        return client

    async def _believed(self, given: Credentials, assertion: str) -> tuple[OAuthClient, str, datetime]:
        signed = dissect(assertion.encode("utf-8", "surrogatepass"), _TYPES)
        client = await self._named(_text(signed.claims, "sub"))
        if client is None or given.client_id not in (None, client.client_id):
            raise Refusal("client")
        keys = read_keys([*client.registration.jwks], ALGORITHMS)
        if signed.key_id not in keys:
            raise Refusal("key")
        keys[signed.key_id].verify(signed)
        return client, *self._examine(signed.claims, client)

    def _examine(self, claims: Claims, client: OAuthClient) -> tuple[str, datetime]:
        """Return the id and the end of an assertion whose signature is verified (RFC 7523, 3)."""
        now = self._now().timestamp()
        expires = claims.get("exp")
        audience = claims.get("aud")
        if claims.get("iss") != client.client_id:
            raise Refusal("issuer")
        # One audience, and ours: an assertion for several servers could be replayed by one of them at another.
        named = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
        if not isinstance(named, str) or named not in self._audiences:
            raise Refusal("audience")
        if isinstance(expires, bool) or not isinstance(expires, int):
            raise Refusal("claims")
        if not now - LEEWAY_SECONDS < expires <= now + LONGEST_ASSERTION_SECONDS + LEEWAY_SECONDS:
            raise Refusal("expired")
        for name in ("nbf", "iat"):
            moment = claims.get(name, 0)
            if isinstance(moment, bool) or not isinstance(moment, int | float) or moment > now + LEEWAY_SECONDS:
                raise Refusal("early")
        token_id = _text(claims, "jti")
        return token_id, datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC)

    async def _named(self, client_id: str) -> OAuthClient | None:
        async with self._transactions() as store:
            return await store.clients.named(client_id)


def _text(claims: Claims, name: str) -> str:
    given = claims.get(name)
    if not isinstance(given, str) or not given or len(given) > MAX_TOKEN_ID or "\0" in given:
        raise Refusal("claims")
    return given

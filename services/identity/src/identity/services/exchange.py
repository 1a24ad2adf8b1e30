"""Token exchange (RFC 8693): a service that a user called calls another, with a token for just that."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import JsonValue

from arnia.chassis.tokens import Refusal
from identity.models.clients import Grant, OAuthClient
from identity.models.errors import InvalidGrant, InvalidScope, OAuthError
from identity.models.values import is_identity
from identity.repositories.store import Transactions
from identity.services.grants import Ask, Granted, require_grant
from identity.services.targets import Targets
from identity.services.tokens import Known, Mandate, Tokens

ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a kind of token
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
LONGEST_CHAIN: Final = 5
"""How many services may act for each other in one call."""
USELESS: Final = "The subject_token is not one of ours, has ended, or is not for this OAuth client."


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a request presents, as the standard names it."""

    subject_token: str | None
    subject_token_type: str | None
    requested_token_type: str | None = None
    actor_token: str | None = None


class ExchangeService:
    """Exchanges tokens: another audience, fewer scopes, and who acts for whom; never a longer life."""

    def __init__(self, transactions: Transactions, tokens: Tokens, targets: Targets) -> None:
        self._transactions = transactions
        self._tokens = tokens
        self._targets = targets

    async def exchange(self, client: OAuthClient, given: Exchange, ask: Ask) -> Granted:
        """Return a token with which `client` acts for the subject of the one that it was called with.

        Raises:
            InvalidGrant: that token is not ours, not for `client`, has ended, or was taken back.
            OAuthError: the request asks for a kind of token that does not exist here.
            InvalidScope: the user did not let so much be done.
            InvalidTarget: `client` gets no tokens for that audience.
        """
        require_grant(client, Grant.TOKEN_EXCHANGE)
        _check_kinds(given)
        known, roles = await self._believed(client, given.subject_token or "")
        principal = known.principal
        audiences, scopes = self._targets.choose(
            client, audiences=ask.audiences, scope=ask.scope, within=principal.scopes
        )
        if not scopes:
            raise InvalidScope
        mandate = Mandate(
            subject=principal.subject,
            client_id=client.client_id,
            scopes=scopes,
            audiences=audiences,
            roles=roles,
            login_id=principal.session or None,
            actor=_acting(client, known),
            not_beyond=principal.expires_at,
        )
        return Granted(access=await self._tokens.issue(mandate), issued_token_type=ACCESS_TOKEN)

    async def _believed(self, client: OAuthClient, subject_token: str) -> tuple[Known, frozenset[str]]:
        """Return what a token says, and the roles of its subject now."""
        try:
            known = await self._tokens.read(subject_token)
        except Refusal:
            raise InvalidGrant(USELESS) from None
        # Meant for the caller: else a service could exchange whatever token it ever saw.
        if client.client_id not in known.audiences:
            raise InvalidGrant(USELESS)
        of_user = is_identity(known.principal.subject)
        async with self._transactions() as store:
            # First: whoever takes something from the user holds them until that is known, and it counts here.
            user = await store.users.lock(UUID(known.principal.subject)) if of_user else None
            if await known.revoked(store):
                raise InvalidGrant(USELESS)
        if not of_user:
            return known, frozenset()  # a service: it has no roles
        if user is None or not user.profile.active:
            raise InvalidGrant(USELESS)
        return known, frozenset(user.profile.roles)


def _check_kinds(given: Exchange) -> None:
    if given.subject_token is None or given.subject_token_type is None:
        raise OAuthError("subject_token and subject_token_type are needed.")
    if given.subject_token_type not in (ACCESS_TOKEN, JWT):
        raise OAuthError("The only subject_token_type is that of an access token.")
    if given.requested_token_type not in (None, ACCESS_TOKEN, JWT):
        raise OAuthError("The only requested_token_type is that of an access token.")
    if given.actor_token is not None:
        raise OAuthError("Who acts is the OAuth client that asks: send no actor_token.")


def _acting(client: OAuthClient, known: Known) -> dict[str, JsonValue]:
    before = known.claims.get("act")
    depth, actor = 1, before
    while isinstance(actor, dict):
        depth, actor = depth + 1, actor.get("act")
    if depth > LONGEST_CHAIN:
        raise InvalidGrant("Too many services act for each other already.")
    acting: dict[str, JsonValue] = {"sub": client.client_id}
    return acting if before is None else {**acting, "act": before}

"""Taking tokens back (RFC 7009), and telling what one says to whom it is for (RFC 7662)."""

from collections.abc import Awaitable, Callable

from arnia.chassis.tokens import Claims, Refusal
from identity.models.clients import OAuthClient
from identity.models.grants import digest_of
from identity.models.revocations import AFTERWARDS, Revocation
from identity.repositories.store import Transactions
from identity.services.keyring import Clock, utc_now
from identity.services.tokens import Known, Tokens

INACTIVE: Claims = {"active": False}


class RevocationService:
    """Takes back, and introspects. `tell` is called after each commit, to have it known everywhere at once."""

    def __init__(
        self, transactions: Transactions, tokens: Tokens, tell: Callable[[], Awaitable[None]], now: Clock = utc_now
    ) -> None:
        self._transactions = transactions
        self._tokens = tokens
        self._tell = tell
        self._now = now

    async def revoke(self, client: OAuthClient, token: str) -> None:
        """Take back a refresh token with its whole login, or one access token; of another client neither."""
        now, taken_back = self._now(), False
        async with self._transactions() as store:
            found = await store.grants.token(digest_of(token))
            login = None if found is None else await store.grants.lock_login(found.login_id)
            if login is not None and login.client_id == client.client_id:
                await store.grants.end_login(login.id, now)
                await store.ledger.revoke(Revocation.of_login(login.id, now + AFTERWARDS))
                taken_back = True
            known = await self._read(token)
            if known is not None and known.principal.client == client.client_id:
                await store.ledger.revoke(Revocation.of_token(known.principal.token_id, now + AFTERWARDS))
                taken_back = True
        if taken_back:  # a stranger's text costs nobody a look at everything that was ever revoked
            await self._tell()

    async def introspect(self, client: OAuthClient, token: str) -> Claims:
        """Return what a token says to a client that it is for; to any other, that it is not active."""
        known = await self._read(token)
        if known is None or client.registration.public or client.client_id not in known.audiences:
            return INACTIVE
        async with self._transactions() as store:
            if await known.revoked(store):
                return INACTIVE
        told = {name: value for name, value in known.claims.items() if name != "roles"}
        return {"active": True, "token_type": "Bearer", **told, "roles": known.claims["roles"]}

    async def _read(self, token: str) -> Known | None:
        try:
            return await self._tokens.read(token)
        except Refusal:
            return None

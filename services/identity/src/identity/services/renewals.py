"""Refresh tokens (RFC 6749, 6; RFC 9700, 4.14): each is used once, and a second use ends the login."""

from typing import Final, NamedTuple

from identity.models.clients import Grant, OAuthClient
from identity.models.errors import InvalidGrant, InvalidTarget, OAuthError
from identity.models.grants import Login, RefreshToken, digest_of, new_secret
from identity.models.revocations import AFTERWARDS, Revocation
from identity.models.users import User
from identity.repositories.store import Store, Transactions
from identity.services.grants import Ask, Granted, Tell, mandate_of, require_grant
from identity.services.keyring import Clock, utc_now
from identity.services.targets import Targets
from identity.services.tokens import Tokens

USELESS: Final = "The refresh token is not valid, or not for this OAuth client."


class _Continued(NamedTuple):
    user: User
    login: Login
    scopes: frozenset[str]
    audiences: frozenset[str]


class RenewalService:
    """Continues logins.

    There is no grace for an answer that got lost: within it a thief would be served, and could not be told from the
    owner. Whoever lost an answer logs in again.
    """

    def __init__(
        self, transactions: Transactions, tokens: Tokens, targets: Targets, tell: Tell, now: Clock = utc_now
    ) -> None:
        self._transactions = transactions
        self._tokens = tokens
        self._targets = targets
        self._tell = tell
        self._now = now

    async def renew(self, client: OAuthClient, refresh_token: str | None, ask: Ask) -> Granted:
        """Give new tokens for a refresh token, with what was granted or less.

        Raises:
            InvalidGrant: it is not known, used, another client's, or its login has ended.
            InvalidScope: more is asked for than was granted.
        """
        require_grant(client, Grant.REFRESH_TOKEN)
        if refresh_token is None:
            raise OAuthError("refresh_token is missing.")
        renewed, found, stolen = new_secret(), None, False
        async with self._transactions() as store:
            token, login = await self._locked(store, digest_of(refresh_token))
            if token is not None and login is not None and login.client_id == client.client_id:
                stolen = token.used_at is not None
                if stolen:
                    await self._end(store, login)
                else:
                    found = await self._continue(store, client, token, login, ask)
            if found is not None:
                await store.grants.add_token(RefreshToken(digest=digest_of(renewed), login_id=found.login.id))
        if stolen:
            await self._tell()
        if found is None:  # after the transaction: that the login has ended is kept
            raise InvalidGrant(USELESS)
        user, login, scopes, audiences = found
        # In a transaction of its own, as users are locked before their logins: whoever takes a role away holds the user
        # until that is known, and no token shall have it afterwards.
        async with self._transactions() as store:
            present = await store.users.lock(user.id)
        if present is None or not present.profile.active:
            raise InvalidGrant(USELESS)
        user = present
        access = await self._tokens.issue(mandate_of(user, client, login, scopes, audiences))
        id_token = None
        if "openid" in scopes:
            id_token = await self._tokens.identify(
                user, client.client_id, scopes, nonce=None, authenticated_at=login.authenticated_at
            )
        return Granted(access=access, refresh_token=renewed, id_token=id_token)

    async def _continue(
        self, store: Store, client: OAuthClient, token: RefreshToken, login: Login, ask: Ask
    ) -> "_Continued | None":
        now = self._now()
        user = await store.users.get(login.user_id)
        if user is None or not user.profile.active or not login.alive(now):
            return None
        audiences, scopes = self._targets.choose(
            client,
            audiences=ask.audiences or login.audiences,
            scope=ask.scope or " ".join(login.scopes),
            within=login.scopes,
        )
        if not audiences <= login.audiences:
            raise InvalidTarget
        await store.grants.use_token(token.digest, now)
        return _Continued(user, login, scopes, audiences)

    async def _locked(self, store: Store, digest: bytes) -> tuple[RefreshToken | None, Login | None]:
        """Return a token and its login; read again once the login is ours, as another may have used it meanwhile."""
        token = await store.grants.token(digest)
        if token is None:
            return None, None
        login = await store.grants.lock_login(token.login_id)
        return await store.grants.token(digest), login

    async def _end(self, store: Store, login: Login) -> None:
        now = self._now()
        await store.grants.end_login(login.id, now)
        await store.ledger.revoke(Revocation.of_login(login.id, now + AFTERWARDS))

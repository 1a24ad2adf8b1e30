"""The grants of `/token` that begin something: a client of its own accord, a user's password, a user's code."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias
from uuid import UUID

from arnia.chassis.uuids import uuid7
from identity.models.clients import Grant, OAuthClient
from identity.models.errors import InvalidClient, InvalidGrant, InvalidScope, OAuthError, UnauthorizedClient
from identity.models.grants import AuthorizationCode, Login, RefreshToken, digest_of, new_secret
from identity.models.revocations import AFTERWARDS, Revocation
from identity.models.users import User
from identity.repositories.store import Store, Transactions
from identity.services.authenticator import PasswordAuthenticator, lock_unchanged
from identity.services.keyring import Clock, utc_now
from identity.services.targets import Targets
from identity.services.tokens import AccessToken, Mandate, Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The answer of `/token`."""

    access: AccessToken
    refresh_token: str | None = None
    id_token: str | None = None
    issued_token_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """For whom, and to do what, a request wants its token."""

    audiences: tuple[str, ...] = ()
    scope: str | None = None


def require_grant(client: OAuthClient, grant: Grant) -> None:
    """Insist that a client is registered for a grant.

    Raises:
        UnauthorizedClient: it is not.
    """
    if grant not in client.registration.grants:
        raise UnauthorizedClient


async def lock_client(store: Store, client: OAuthClient) -> None:
    """Keep `client` from being removed or renamed until the transaction ends, which begins a login through it.

    Raises:
        InvalidClient: it was, since it proved who it is.
    """
    present = await store.clients.lock(client.id)
    if present is None or present.client_id != client.client_id:
        raise InvalidClient


Tell: TypeAlias = Callable[[], Awaitable[None]]


class _Begun(NamedTuple):
    user: User
    login: Login
    refresh_token: str | None
    nonce: str | None = None


class GrantService:
    """Client credentials, passwords and codes.

    Args:
        transactions: Where all of it is kept.
        authenticator: Checks passwords.
        tokens: Makes tokens.
        targets: Decides about audiences and scopes.
        login: How long what a user begins may be continued.
        tell: Has it known everywhere what was taken back; called after the commit.
        now: The clock.
    """

    def __init__(
        self,
        transactions: Transactions,
        authenticator: PasswordAuthenticator,
        tokens: Tokens,
        targets: Targets,
        login: timedelta,
        tell: Tell,
        now: Clock = utc_now,
    ) -> None:
        self._transactions = transactions
        self._authenticator = authenticator
        self._tokens = tokens
        self._targets = targets
        self._login = login
        self._tell = tell
        self._now = now

    async def for_client(self, client: OAuthClient, ask: Ask) -> Granted:
        """Give a client a token of its own (RFC 6749, 4.4)."""
        require_grant(client, Grant.CLIENT_CREDENTIALS)
        audiences, scopes = self._targets.choose(client, audiences=ask.audiences, scope=ask.scope)
        name = client.client_id
        # A client that has grants of users as well is no user by its own token.
        mandate = Mandate(subject=name, client_id=name, scopes=scopes - {"openid"}, audiences=audiences)
        return Granted(access=await self._tokens.issue(mandate))

    async def for_password(
        self, client: OAuthClient, username: str | None, password: str | None, source: str, ask: Ask
    ) -> Granted:
        """Log a user in through a client of our own (RFC 6749, 4.3).

        Raises:
            OAuthError: a member is missing, or the authenticator refuses.
        """
        require_grant(client, Grant.PASSWORD)
        if username is None or password is None:
            raise OAuthError("username and password are needed.")
        audiences, scopes = self._targets.choose(client, audiences=ask.audiences, scope=ask.scope)
        user = await self._authenticator.authenticate(username, password, source)
        scopes = client.registration.usable(scopes, user.profile.roles)
        if not scopes:
            raise InvalidScope
        login = self._begin(uuid7(), client, user.id, scopes, audiences, self._now())
        async with self._transactions() as store:
            await lock_client(store, client)
            user = await lock_unchanged(store, user)
            begun = _Begun(user, login, await self._keep(store, login, client))
        return await self._answer(client, begun)

    async def for_code(
        self, client: OAuthClient, code: str | None, redirect_uri: str | None, verifier: str | None
    ) -> Granted:
        """Redeem an authorization code (RFC 6749, 4.1.3; RFC 7636, 4.6). Twice ends what the first time gave.

        Raises:
            InvalidGrant: it is not known, used, over, another client's, or whoever redeems it did not ask for it.
        """
        require_grant(client, Grant.AUTHORIZATION_CODE)
        if code is None:
            raise OAuthError("code is missing.")
        async with self._transactions() as store:
            known, user = await self._locked(store, client, digest_of(code))
            stolen, redeemed = known is not None and known.used_at is not None, None
            if known is not None and stolen:
                await self._end(store, known)
            elif known is not None:
                redeemed = await self._redeem(store, client, user, known, (redirect_uri, verifier))
        if stolen:
            await self._tell()
        if redeemed is None:  # after the transaction: that the code is used up, or its login ended, is kept
            raise InvalidGrant("The code is not valid, or not for this OAuth client.")
        return await self._answer(client, redeemed)

    async def _locked(
        self, store: Store, client: OAuthClient, digest: bytes
    ) -> tuple[AuthorizationCode | None, User | None]:
        """Return a code and its user, locked in the order in which whoever ends logins locks them."""
        await lock_client(store, client)
        found = await store.grants.code(digest)
        user = None if found is None else await store.users.lock(found.user_id)
        return await store.grants.lock_code(digest), user

    async def _redeem(
        self,
        store: Store,
        client: OAuthClient,
        user: User | None,
        code: AuthorizationCode,
        proof: tuple[str | None, str | None],
    ) -> "_Begun | None":
        now = self._now()
        if code.client_id != client.client_id:  # nobody can use up a code that is not theirs
            return None
        # One try, right or wrong: a verifier is not to be guessed.
        await store.grants.use_code(code.digest, now)
        if user is None or not user.profile.active or now >= code.expires_at or not code.fits(*proof):
            return None
        audiences, scopes = self._targets.choose(client, audiences=code.audiences, scope=" ".join(code.scopes))
        login = self._begin(code.login_id, client, user.id, scopes, audiences, code.authenticated_at)
        return _Begun(user, login, await self._keep(store, login, client), code.nonce)

    async def _end(self, store: Store, code: AuthorizationCode) -> None:
        now = self._now()
        await store.grants.end_login(code.login_id, now)
        await store.ledger.revoke(Revocation.of_login(code.login_id, now + AFTERWARDS))

    def _begin(
        self,
        login_id: UUID,
        client: OAuthClient,
        user_id: UUID,
        scopes: frozenset[str],
        audiences: frozenset[str],
        authenticated_at: datetime,
    ) -> Login:
        return Login(
            id=login_id,
            user_id=user_id,
            client_id=client.client_id,
            scopes=scopes,
            audiences=audiences,
            authenticated_at=authenticated_at,
            expires_at=self._now() + self._login,
        )

    async def _keep(self, store: Store, login: Login, client: OAuthClient) -> str | None:
        await store.grants.add_login(login)
        if Grant.REFRESH_TOKEN not in client.registration.grants:
            return None
        refresh_token = new_secret()
        await store.grants.add_token(RefreshToken(digest=digest_of(refresh_token), login_id=login.id))
        return refresh_token

    async def _answer(self, client: OAuthClient, begun: "_Begun") -> Granted:
        user, login, refresh_token, nonce = begun
        access = await self._tokens.issue(mandate_of(user, client, login, login.scopes, login.audiences))
        id_token = None
        if "openid" in login.scopes:
            id_token = await self._tokens.identify(
                user, client.client_id, login.scopes, nonce=nonce, authenticated_at=login.authenticated_at
            )
        return Granted(access=access, refresh_token=refresh_token, id_token=id_token)


def mandate_of(
    user: User, client: OAuthClient, login: Login, scopes: frozenset[str], audiences: frozenset[str]
) -> Mandate:
    """Return what a token of a login says: the roles of the user now, and of the scopes those that go with them."""
    return Mandate(
        subject=str(user.id),
        client_id=login.client_id,
        scopes=client.registration.usable(scopes, user.profile.roles),
        audiences=audiences,
        roles=frozenset(user.profile.roles),
        login_id=login.id,
    )

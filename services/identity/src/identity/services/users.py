"""What may happen to users: every use case, in words of the domain."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from arnia.chassis.uuids import uuid7
from identity.models.errors import InvalidGrant, NameTaken, UserNotFound, WrongPassword
from identity.models.keys import LONGEST_TOKEN_SECONDS, MARGIN_SECONDS
from identity.models.revocations import Revocation
from identity.models.users import Profile, User
from identity.repositories.store import Store
from identity.repositories.users import Filters, Place, Sort
from identity.services.authorization import Authenticator
from identity.services.keyring import Clock, utc_now

Guard: TypeAlias = Callable[[User | None], None]
"""Raises when the caller does not accept the present state of a user; None means that there is none."""
AFTERWARDS: Final = timedelta(seconds=LONGEST_TOKEN_SECONDS + MARGIN_SECONDS)
"""For how long a revocation concerns anything."""


class Hasher(Protocol):
    """Whoever makes hashes of passwords."""

    async def hash(self, password: str, /) -> str:
        """Return the hash of a new password."""


@dataclass(frozen=True, slots=True)
class Change:
    """A user before and after something happened to them. `before` is None when there was none."""

    before: User | None
    after: User


class UserService:
    """The use cases. The store belongs to one transaction, which is not ours to end."""

    def __init__(
        self,
        store: Store,
        hasher: Hasher,
        now: Clock = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._now = now
        self._sleep = sleep

    async def create(self, profile: Profile) -> User:
        """Register somebody, who has no password yet.

        Raises:
            NameTaken: another user has the name.
        """
        user = User.register(uuid7(), profile, self._now())
        if not await self._store.users.add(user):
            raise NameTaken
        return user

    async def put(self, user_id: UUID, profile: Profile, guard: Guard) -> Change:
        """Register the user with this identity or, where there is one already, replace what is known of them.

        Raises:
            NameTaken: another user has the name.
        """
        user = User.register(user_id, profile, self._now())
        if await self._store.users.add(user):
            guard(None)
            return Change(None, user)
        if await self._store.users.lock(user_id) is None:
            raise NameTaken
        return await self.edit(user_id, lambda _: profile, guard)

    async def get(self, user_id: UUID) -> User:
        """Return a user.

        Raises:
            UserNotFound: There is none.
        """
        user = await self._store.users.get(user_id)
        if user is None:
            raise UserNotFound
        return user

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[User]:
        """Return at most `limit` users that pass `filters`, from the one that follows `after` on."""
        return await self._store.users.find(filters, sort, after, limit)

    async def edit(self, user_id: UUID, edit: Callable[[Profile], Profile], guard: Guard) -> Change:
        """Replace what is known of a user; one who may do less from now on keeps no token that says more.

        Raises:
            UserNotFound: There is none.
            NameTaken: another user has the name.
        """
        before = await self._locked(user_id, guard)
        after = before.describe(edit(before.profile), self._now())
        if after is before:
            return Change(before, after)
        named = await self._store.users.named(after.profile.username)
        if named is not None and named.id != user_id:
            raise NameTaken
        await self._store.users.save(after)
        if before.profile.active and not after.profile.active:
            await self._end_sessions(user_id)
        elif before.profile.roles - after.profile.roles:
            await self._revoke_tokens(user_id)
        return Change(before, after)

    async def protect(self, user_id: UUID, password: str, guard: Guard) -> User:
        """Set a user's password; every session ends with the old one.

        Raises:
            UserNotFound: There is none.
            LoginsBusy: Too many passwords wait to be hashed.
        """
        hashed = await self._hasher.hash(password)  # first: nobody holds a row while this takes its time
        before = await self._locked(user_id, guard)
        user = before.protect(hashed, self._now())
        await self._store.users.save(user)
        if before.password_hash is not None:
            await self._end_sessions(user_id)
        return user

    async def end_sessions(self, user_id: UUID, guard: Guard) -> None:
        """Log a user out everywhere.

        Raises:
            UserNotFound: There is none.
        """
        await self._locked(user_id, guard)
        await self._end_sessions(user_id)

    async def remove(self, user_id: UUID, guard: Guard) -> None:
        """Forget a user.

        Raises:
            UserNotFound: There is none.
        """
        await self._locked(user_id, guard)
        now = self._now()
        await self._store.ledger.revoke(Revocation.of_subject(str(user_id), now, now + AFTERWARDS))
        await self._store.users.remove(user_id)

    async def _end_sessions(self, user_id: UUID) -> None:
        await self._store.grants.end_logins(user_id, self._now())
        await self._revoke_tokens(user_id)

    async def _revoke_tokens(self, user_id: UUID) -> None:
        now = self._now()
        await self._store.ledger.revoke(Revocation.of_subject(str(user_id), now, now + AFTERWARDS))
        # Tokens count in seconds, and what is issued in this one is revoked as well: whoever logs in after the answer
        # comes in the next.
        await self._sleep(1 - now.microsecond / 1_000_000)

    async def _locked(self, user_id: UUID, guard: Guard) -> User:
        user = await self._store.users.lock(user_id)
        guard(user)
        if user is None:
            raise UserNotFound
        return user


async def confirm(authenticator: Authenticator, user: User, password: str, source: str) -> None:
    """Insist that whoever calls knows the user's password, counted and delayed as a login is.

    Raises:
        WrongPassword: They do not.
        SlowDown: Too many attempts failed.
        LoginsBusy: Too many passwords wait to be checked.
    """
    try:
        await authenticator.authenticate(user.profile.username, password, source)
    except InvalidGrant:
        raise WrongPassword from None

"""Logging in with a name and a password: counted before anybody looks, in three short transactions."""

import math
from dataclasses import replace
from hashlib import sha256
from typing import Final

from identity.models.errors import InvalidGrant, SlowDown
from identity.models.revocations import OF_ACCOUNT, OF_SOURCE, Attempts
from identity.models.users import User
from identity.repositories.store import Store, Transactions
from identity.services.keyring import Clock, utc_now
from identity.services.passwords import Passwords, Verdict

WRONG: Final = "User name and password do not belong together, or the account is closed."


class PasswordAuthenticator:
    """Checks passwords, slower and slower for an account or a source that fails, and never locks one for good."""

    def __init__(self, transactions: Transactions, passwords: Passwords, now: Clock = utc_now) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._now = now

    async def authenticate(self, username: str, password: str, source: str) -> User:
        """Return the user whose password this is; `source` is the address that the attempt comes from.

        Raises:
            InvalidGrant: it is not, or there is no such user: nobody can tell which, nor by the time it took.
            SlowDown: too many attempts failed; nobody looked at the password.
            LoginsBusy: too many passwords wait to be checked; the attempt was not counted.
        """
        self._passwords.require_room()
        account, place = f"account:{_digest(username)}", f"source:{_digest(source)}"
        async with self._transactions() as store:
            await self._count(store, account, place)
            user = await store.users.named(username)
        usable = user is not None and user.profile.active
        verdict = await self._passwords.check(password, user.password_hash if user is not None and usable else None)
        if user is None or not verdict.right:
            raise InvalidGrant(WRONG)
        async with self._transactions() as store:
            return await self._succeed(store, account, place, user, verdict)

    async def _count(self, store: Store, account: str, place: str) -> None:
        now = self._now()
        for key, rule in ((account, OF_ACCOUNT), (place, OF_SOURCE)):
            attempts = await store.ledger.lock_attempts(key, now)
            if now < attempts.wait_until:
                raise SlowDown(retry_after=math.ceil((attempts.wait_until - now).total_seconds()))
            await store.ledger.save_attempts(key, attempts.next(rule, now))

    async def _succeed(self, store: Store, account: str, place: str, user: User, verdict: Verdict) -> User:
        await store.ledger.forget_attempts(account)
        await store.ledger.save_attempts(place, _without_one(await store.ledger.lock_attempts(place, self._now())))
        if verdict.rehashed is None:
            return user
        # Nobody else's business: the same password, so the same version of the user.
        present = await lock_unchanged(store, user)
        rehashed = present.model_copy(update={"password_hash": verdict.rehashed})
        await store.users.save(rehashed)
        return rehashed


async def lock_unchanged(store: Store, user: User) -> User:
    """Return `user`, who logged in, as they are now, and keep others from changing them until the transaction ends.

    A password takes its time, and what is decided meanwhile counts: a login that is kept after its password was
    changed would outlive the change.

    Raises:
        InvalidGrant: the password was changed since, or the account closed.
    """
    present = await store.users.lock(user.id)
    if present is None or not present.profile.active or present.password_hash != user.password_hash:
        raise InvalidGrant(WRONG)
    return present


def _without_one(attempts: Attempts) -> Attempts:
    return replace(attempts, failures=max(0, attempts.failures - 1), wait_until=attempts.last_at)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

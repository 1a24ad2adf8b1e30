"""Keys, grants and the ledger in dictionaries, and the store that holds them all."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from identity.models.grants import AuthorizationCode, Login, RefreshToken
from identity.models.keys import SigningKey
from identity.models.revocations import Attempts, Revocation
from identity.repositories.memory import MemoryClients, MemoryUsers
from identity.repositories.store import Store, Transactions


class MemoryKeys:
    """Keeps the promise of `KeyRepository` within one process."""

    def __init__(self) -> None:
        self._keys: dict[str, SigningKey] = {}

    async def lock(self) -> None:
        """Wait for nobody: there is one process."""

    async def all(self) -> list[SigningKey]:
        """Return every key."""
        return list(self._keys.values())

    async def save(self, key: SigningKey) -> None:
        """Keep a key."""
        self._keys[key.kid] = key

    async def forget(self, before: datetime) -> int:
        """Forget what was removed before a moment."""
        gone = [key.kid for key in self._keys.values() if key.removed_at is not None and key.removed_at < before]
        for kid in gone:
            del self._keys[kid]
        return len(gone)


class MemoryGrants:
    """Keeps the promise of `GrantRepository` within one process, without transactions."""

    def __init__(self) -> None:
        self._logins: dict[UUID, Login] = {}
        self._tokens: dict[bytes, RefreshToken] = {}
        self._codes: dict[bytes, AuthorizationCode] = {}

    async def add_login(self, login: Login) -> None:
        """Keep a new login."""
        self._logins[login.id] = login

    async def lock_login(self, login_id: UUID) -> Login | None:
        """Return a login, or None."""
        return self._logins.get(login_id)

    async def end_login(self, login_id: UUID, now: datetime) -> None:
        """Mark a login as revoked, unless it is."""
        login = self._logins.get(login_id)
        if login is not None and login.revoked_at is None:
            self._logins[login_id] = login.model_copy(update={"revoked_at": now})

    async def end_logins(self, user_id: UUID, now: datetime) -> None:
        """Mark every login of a user as revoked, and every code that would begin one as used."""
        await self._end(lambda grant: grant.user_id == user_id, now)

    async def end_logins_through(self, client_id: str, now: datetime) -> None:
        """Mark every login through an OAuth client as revoked, and every code that would begin one as used."""
        await self._end(lambda grant: grant.client_id == client_id, now)

    async def _end(self, concerns: Callable[[Login | AuthorizationCode], bool], now: datetime) -> None:
        for login in [one for one in self._logins.values() if concerns(one)]:
            await self.end_login(login.id, now)
        for code in [one for one in self._codes.values() if concerns(one) and one.used_at is None]:
            await self.use_code(code.digest, now)

    async def add_token(self, token: RefreshToken) -> None:
        """Keep a new refresh token."""
        self._tokens[token.digest] = token

    async def token(self, digest: bytes) -> RefreshToken | None:
        """Return a refresh token, used or not, or None."""
        return self._tokens.get(digest)

    async def use_token(self, digest: bytes, now: datetime) -> None:
        """Mark a refresh token as used."""
        self._tokens[digest] = self._tokens[digest].model_copy(update={"used_at": now})

    async def add_code(self, code: AuthorizationCode) -> None:
        """Keep a new authorization code."""
        self._codes[code.digest] = code

    async def code(self, digest: bytes) -> AuthorizationCode | None:
        """Return a code, used or not, or None."""
        return self._codes.get(digest)

    lock_code = code

    async def use_code(self, digest: bytes, now: datetime) -> None:
        """Mark a code as used."""
        self._codes[digest] = self._codes[digest].model_copy(update={"used_at": now})

    async def forget(self, before: datetime) -> int:
        """Forget logins and codes that ended before a moment."""
        logins = [login.id for login in self._logins.values() if login.expires_at < before]
        codes = [code.digest for code in self._codes.values() if code.expires_at < before]
        for login_id in logins:
            del self._logins[login_id]
        for digest in codes:
            del self._codes[digest]
        self._tokens = {name: token for name, token in self._tokens.items() if token.login_id in self._logins}
        return len(logins) + len(codes)


class MemoryLedger:
    """Keeps the promise of `Ledger` within one process, without transactions."""

    def __init__(self) -> None:
        self._revocations: dict[str, Revocation] = {}
        self._attempts: dict[str, Attempts] = {}
        self._assertions: dict[tuple[str, str], datetime] = {}

    async def revoke(self, revocation: Revocation) -> None:
        """Take note of a revocation."""
        known = self._revocations.get(revocation.member)
        if known is None or known.until < revocation.until:
            self._revocations[revocation.member] = revocation

    async def revocations(self, now: datetime) -> list[Revocation]:
        """Return every revocation that still concerns something."""
        return [one for one in self._revocations.values() if one.until > now]

    async def revoked(self, members: list[str], subject: str, client: str, issued_at: int) -> bool:
        """Tell whether one of `members` is revoked, or what `subject` or `client` was issued in second `issued_at`."""
        parties = (f"sub:{subject}", f"client:{client}")
        split = [name.rpartition(":") for name in self._revocations]
        seconds = [int(second) for party, _, second in split if party in parties]
        return any(name in self._revocations for name in members) or any(issued_at < second for second in seconds)

    async def lock_attempts(self, key: str, now: datetime) -> Attempts:
        """Return the record under `key`, of no failures where there is none."""
        return self._attempts.get(key, Attempts(failures=0, last_at=now, wait_until=now))

    async def save_attempts(self, key: str, attempts: Attempts) -> None:
        """Keep the next state of a record."""
        self._attempts[key] = attempts

    async def forget_attempts(self, key: str) -> None:
        """Forget a record."""
        self._attempts.pop(key, None)

    async def take_assertion(self, client_id: str, token_id: str, expires_at: datetime) -> bool:
        """Take note of the id of an assertion, or return False when it was used before."""
        if (client_id, token_id) in self._assertions:
            return False
        self._assertions[client_id, token_id] = expires_at
        return True

    async def forget(self, before: datetime) -> int:
        """Forget what ended before a moment."""
        size = len(self._revocations) + len(self._attempts) + len(self._assertions)
        self._revocations = {name: one for name, one in self._revocations.items() if one.until >= before}
        self._attempts = {name: one for name, one in self._attempts.items() if one.last_at >= before}
        self._assertions = {name: until for name, until in self._assertions.items() if until >= before}
        return size - len(self._revocations) - len(self._attempts) - len(self._assertions)


def remembering() -> Transactions:
    """Return transactions that all meet the same dictionaries, and undo nothing."""
    store = Store(MemoryUsers(), MemoryClients(), MemoryKeys(), MemoryGrants(), MemoryLedger())

    @asynccontextmanager
    async def transaction() -> AsyncIterator[Store]:
        yield store

    return transaction

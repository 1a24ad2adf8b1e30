"""What the protocol needs to keep, and the transactions in which it does.

A login spans several short transactions: nobody may hold a connection while a password is checked, and a failure that
was counted stays counted although the answer is an error.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from identity.models.grants import AuthorizationCode, Login, RefreshToken
from identity.models.keys import SigningKey
from identity.models.revocations import Attempts, Revocation
from identity.repositories.clients import OAuthClientRepository
from identity.repositories.users import UserRepository


class KeyRepository(Protocol):
    """The signing keys. It never commits."""

    async def lock(self) -> None:
        """Let nobody else change keys until the transaction ends."""

    async def all(self) -> list[SigningKey]:
        """Return every key that is kept."""

    async def save(self, key: SigningKey, /) -> None:
        """Keep a key, new or changed."""

    async def forget(self, before: datetime, /) -> int:
        """Forget what was removed before a moment, and return how many that were."""


class GrantRepository(Protocol):
    """Logins, their refresh tokens, and authorization codes. It never commits."""

    async def add_login(self, login: Login, /) -> None:
        """Keep a new login."""

    async def lock_login(self, login_id: UUID, /) -> Login | None:
        """Return a login, or None; until the transaction ends nobody else continues or ends it."""

    async def end_login(self, login_id: UUID, now: datetime, /) -> None:
        """Mark a login as revoked, unless it is."""

    async def end_logins(self, user_id: UUID, now: datetime, /) -> None:
        """Mark every login of a user as revoked, and every code that would begin one as used."""

    async def end_logins_through(self, client_id: str, now: datetime, /) -> None:
        """Mark every login through an OAuth client as revoked, and every code that would begin one as used."""

    async def add_token(self, token: RefreshToken, /) -> None:
        """Keep a new refresh token."""

    async def token(self, digest: bytes, /) -> RefreshToken | None:
        """Return a refresh token, used or not, or None."""

    async def use_token(self, digest: bytes, now: datetime, /) -> None:
        """Mark a refresh token as used."""

    async def add_code(self, code: AuthorizationCode, /) -> None:
        """Keep a new authorization code."""

    async def code(self, digest: bytes, /) -> AuthorizationCode | None:
        """Return a code, used or not, or None."""

    async def lock_code(self, digest: bytes, /) -> AuthorizationCode | None:
        """Return a code, used or not, or None; until the transaction ends nobody else sees it."""

    async def use_code(self, digest: bytes, now: datetime, /) -> None:
        """Mark a code as used."""

    async def forget(self, before: datetime, /) -> int:
        """Forget logins and codes that ended before a moment, and return how many that were."""


class Ledger(Protocol):
    """What was taken back, failed or used once. It never commits."""

    async def revoke(self, revocation: Revocation, /) -> None:
        """Take note of a revocation; noted before, its later end counts."""

    async def revocations(self, now: datetime, /) -> list[Revocation]:
        """Return every revocation that still concerns something."""

    async def revoked(self, members: list[str], subject: str, client: str, issued_at: int, /) -> bool:
        """Tell whether one of `members` is revoked, or what `subject` or `client` was issued in second `issued_at`."""

    async def lock_attempts(self, key: str, now: datetime, /) -> Attempts:
        """Return the record under `key`, of no failures where there is none; nobody else has it at the same time."""

    async def save_attempts(self, key: str, attempts: Attempts, /) -> None:
        """Keep the next state of a locked record."""

    async def forget_attempts(self, key: str, /) -> None:
        """Forget a record: the login succeeded."""

    async def take_assertion(self, client_id: str, token_id: str, expires_at: datetime, /) -> bool:
        """Take note of the id of an assertion, or return False when it was used before."""

    async def forget(self, before: datetime, /) -> int:
        """Forget what ended before a moment, and return how many that were."""


@dataclass(frozen=True, slots=True)
class Store:
    """Everything, within one transaction."""

    users: UserRepository
    clients: OAuthClientRepository
    keys: KeyRepository
    grants: GrantRepository
    ledger: Ledger


Transactions: TypeAlias = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens a transaction; what was done in it is kept when the block ends well, and undone when it raises."""

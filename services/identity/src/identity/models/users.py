"""The aggregate: a user, who logs in with a password and has roles."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from identity.models.values import MAX_ROLES, Email, Role, Username, Value


class Profile(Value):
    """What whoever manages users decides about one.

    Attributes:
        active: Whether the user may log in, and may use what an earlier login gave.
    """

    username: Username
    email: Email | None = None
    roles: Annotated[frozenset[Role], Field(max_length=MAX_ROLES)] = frozenset()
    active: bool = True


class User(Value):
    """Somebody who can log in once there is a password.

    Attributes:
        password_hash: argon2id, with its parameters; None where no password was ever set.
        version: Grows by one with every change.
    """

    id: UUID
    profile: Profile
    password_hash: str | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def register(cls, user_id: UUID, profile: Profile, now: datetime) -> Self:
        """Return a user as they begin: without a password."""
        return cls(id=user_id, profile=profile, created_at=now, updated_at=now)

    def describe(self, profile: Profile, now: datetime) -> Self:
        """Return the user with another profile."""
        return self if profile == self.profile else self._next(now, profile=profile)

    def protect(self, password_hash: str, now: datetime) -> Self:
        """Return the user with another password."""
        return self._next(now, password_hash=password_hash)

    def _next(self, now: datetime, **changes: object) -> Self:
        return self.model_copy(update={**changes, "version": self.version + 1, "updated_at": now})

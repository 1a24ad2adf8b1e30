"""What the business logic expects of whatever keeps users."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from identity.models.users import User


class Sort(StrEnum):
    """The orders in which users are listed; a leading minus means the last first."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"
    USERNAME = "username"
    USERNAME_DESCENDING = "-username"

    @property
    def key(self) -> str:
        """The field to sort by."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the last come first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which users to list; `None` means any."""

    username: str | None = None
    role: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user stands in a listing: the sort key and, between equal ones, the identity."""

    key: datetime | str
    id: UUID

    @classmethod
    def of(cls, user: User, sort: Sort) -> Self:
        """Return where `user` stands in the order of `sort`."""
        return cls(user.created_at if sort.key == "created_at" else user.profile.username, user.id)


class UserRepository(Protocol):
    """All users there are. It never commits."""

    async def add(self, user: User, /) -> bool:
        """Keep a new user, or return False when the identity or the name is taken."""

    async def get(self, user_id: UUID, /) -> User | None:
        """Return a user, or None."""

    async def named(self, username: str, /) -> User | None:
        """Return the user with this name, or None."""

    async def lock(self, user_id: UUID, /) -> User | None:
        """Return a user, or None, and keep others from changing it until the transaction ends."""

    async def save(self, user: User, /) -> None:
        """Keep the next state of a locked user."""

    async def remove(self, user_id: UUID, /) -> None:
        """Forget a locked user, with every login."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[User]:
        """Return at most `limit` users that pass `filters`, in order, from the one that follows `after` on."""

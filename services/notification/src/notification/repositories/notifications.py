"""What the business logic expects of whatever keeps notifications."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from notification.models.notifications import Notification


class Sort(StrEnum):
    """The orders in which they are listed; a leading minus means the last first."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"

    @property
    def descending(self) -> bool:
        """Whether the last come first."""
        return self is Sort.CREATED_AT_DESCENDING


@dataclass(frozen=True, slots=True)
class Filters:
    """Which of them to list; `None` means any.

    Attributes:
        topic: What happened.
        aggregate_id: To what it happened.
    """

    topic: str | None = None
    aggregate_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stands in a listing: its moment and, between equal ones, its identity."""

    key: datetime
    id: UUID

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Return where it stands."""
        return cls(notification.created_at, notification.id)


class NotificationRepository(Protocol):
    """All of them. It never commits: what it does is kept or dropped by whoever opened the transaction."""

    async def add(self, notifications: Sequence[Notification], /) -> None:
        """Keep those that are not kept yet."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[Notification]:
        """Return at most `limit` of those that pass `filters`, in order, from the one that follows `after` on."""

"""What the business logic expects of whatever keeps assignments."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self, TypeAlias
from uuid import UUID

from scheduler.models.assignments import Assignment, Status


class Sort(StrEnum):
    """The orders in which assignments are listed; a leading minus means the last first."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"

    @property
    def descending(self) -> bool:
        """Whether the last come first."""
        return self is Sort.CREATED_AT_DESCENDING


@dataclass(frozen=True, slots=True)
class Filters:
    """Which assignments to list.

    Attributes:
        status: How far they are; None means any that is not released.
    """

    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an assignment stands in a listing: its moment and, between equal ones, its identity."""

    key: datetime
    id: UUID

    @classmethod
    def of(cls, assignment: Assignment) -> Self:
        """Return where `assignment` stands."""
        return cls(assignment.created_at, assignment.id)


class AssignmentRepository(Protocol):
    """All assignments there are. It never commits: what it does is kept when its unit of work ends well."""

    async def add(self, assignment: Assignment, /) -> bool:
        """Keep a new assignment, or return False when the delivery has one."""

    async def get(self, delivery_id: UUID, /) -> Assignment | None:
        """Return a delivery's assignment, or None."""

    async def lock(self, delivery_id: UUID, /) -> Assignment | None:
        """Return a delivery's assignment, or None; nobody else changes it until the transaction ends."""

    async def save(self, assignment: Assignment, /) -> None:
        """Keep the next state of a locked assignment."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[Assignment]:
        """Return at most `limit` assignments that pass `filters`, in order, from the one that follows `after` on."""


UnitOfWork: TypeAlias = Callable[[], AbstractAsyncContextManager[AssignmentRepository]]
"""Opens the repository for one short transaction, which is over before anybody else is asked anything."""

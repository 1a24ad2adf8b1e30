"""What the business logic expects of whatever keeps assignments."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self, TypeAlias
from uuid import UUID

from arnia.chassis.events import EventSink
from arnia.chassis.traces import Trace
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


@dataclass(frozen=True, slots=True)
class Claim:
    """An assignment that somebody goes on with.

    Attributes:
        attempts: How often somebody has since it last changed.
        trace: A new place in the trace in which it last changed; None where nobody told one.
    """

    assignment: Assignment
    attempts: int
    trace: Trace | None = None


class AssignmentRepository(Protocol):
    """All assignments there are. It never commits: what it does is kept when its unit of work ends well.

    With each state it keeps in which trace that came to be, so that whoever goes on from there does so in the same one.
    """

    async def add(self, assignment: Assignment, /, *, due: float = 0.0) -> bool:
        """Keep a new assignment, due in so many seconds, or return False when the delivery has one."""

    async def get(self, delivery_id: UUID, /) -> Assignment | None:
        """Return a delivery's assignment, or None."""

    async def lock(self, delivery_id: UUID, /) -> Assignment | None:
        """Return a delivery's assignment, or None; nobody else changes it until the transaction ends."""

    async def save(self, assignment: Assignment, /, *, due: float = 0.0) -> None:
        """Keep the next state of a locked assignment, due in so many seconds."""

    async def claim(self, most: int, lease: float, /) -> list[Claim]:
        """Return at most so many assignments that are due and not at their end; for `lease` seconds nobody else does.

        Whoever claims may die: what is claimed is due again then. So no claim is exclusive for ever, and what comes of
        one is kept only where the assignment is what was claimed.
        """

    async def postpone(self, assignment: Assignment, seconds: float, /) -> None:
        """Let it be due in so many seconds, unless it has changed."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[Assignment]:
        """Return at most `limit` assignments that pass `filters`, in order, from the one that follows `after` on."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is kept, and what is told, in one transaction."""

    assignments: AssignmentRepository
    events: EventSink


UnitOfWork: TypeAlias = Callable[[], AbstractAsyncContextManager[Work]]
"""Opens one short transaction, which is over before anybody else is asked anything."""

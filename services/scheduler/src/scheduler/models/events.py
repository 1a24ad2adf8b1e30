"""What the rest of the world hears of assignments. The aggregate is the delivery's assignment; so is its identity."""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from arnia.chassis.events import Event
from scheduler.models.assignments import Assignment, Status


class AssignmentReserved(Event):
    """A drone is promised to a delivery."""

    topic: ClassVar[str] = "assignment.reserved"
    aggregate_type: ClassVar[str] = "assignment"

    drone_id: UUID
    weight_grams: int
    reserved_at: datetime


class AssignmentReleased(Event):
    """The drone that was promised is not any more; it is, or is about to be, given back."""

    topic: ClassVar[str] = "assignment.released"
    aggregate_type: ClassVar[str] = "assignment"

    drone_id: UUID
    released_at: datetime


class AssignmentRefused(Event):
    """No drone is found for a delivery; why is the last part of a problem's type."""

    topic: ClassVar[str] = "assignment.refused"
    aggregate_type: ClassVar[str] = "assignment"

    refusal: str
    refused_at: datetime


EVENTS = (AssignmentReserved, AssignmentReleased, AssignmentRefused)


def facts(before: Assignment | None, after: Assignment) -> Iterator[Event]:
    """Yield what has happened between two states of an assignment."""
    had = before.drone_id if before is not None and before.status is Status.RESERVED else None
    has = after.drone_id if after.status is Status.RESERVED else None
    moment, identity = after.updated_at, after.id
    if had is not None and had != has:
        yield AssignmentReleased(aggregate_id=identity, drone_id=had, released_at=moment)
    if has is not None and has != had:
        yield AssignmentReserved(
            aggregate_id=identity, drone_id=has, weight_grams=after.weight_grams, reserved_at=moment
        )
    refused = before is not None and before.status is Status.REFUSED
    if after.refusal is not None and not refused:
        yield AssignmentRefused(aggregate_id=identity, refusal=after.refusal, refused_at=moment)

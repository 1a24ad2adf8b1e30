"""The parts of a delivery that look the same in every version of the API."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field, field_validator

from arnia.chassis.schemas import Body, View
from delivery.models import parts, values
from delivery.models.values import Deadline, PersonName, PickupTime, Reason, after_pickup


class Schedule(Body):
    """When a delivery starts at the earliest and ends at the latest."""

    pickup_time: PickupTime
    deadline: Deadline

    _deadline_after_pickup = field_validator("deadline")(after_pickup)

    @classmethod
    def of(cls, schedule: values.Schedule) -> Self:
        """Show a schedule of the domain."""
        return cls(pickup_time=schedule.pickup_time, deadline=schedule.deadline)

    def schedule(self) -> values.Schedule:
        """Return what this means in the domain."""
        return values.Schedule(pickup_time=self.pickup_time, deadline=self.deadline)


class AssignmentBody(Body):
    """Who flies."""

    drone_id: UUID = Field(description="The drone that takes the delivery.")


class AssignmentView(View):
    """Who flies, since when."""

    drone_id: UUID
    assigned_at: datetime

    @classmethod
    def of(cls, assignment: parts.Assignment) -> Self:
        """Show an assignment of the domain."""
        return cls(drone_id=assignment.drone_id, assigned_at=assignment.assigned_at)


class DepartureView(View):
    """When the drone left with the items."""

    departed_at: datetime

    @classmethod
    def of(cls, departure: parts.Departure) -> Self:
        """Show a departure of the domain."""
        return cls(departed_at=departure.departed_at)


class ConfirmationBody(Body):
    """Who received the items."""

    received_by: PersonName


class ConfirmationView(View):
    """Who received the items, and when."""

    received_by: str
    confirmed_at: datetime

    @classmethod
    def of(cls, confirmation: parts.Confirmation) -> Self:
        """Show a confirmation of the domain."""
        return cls(received_by=confirmation.received_by, confirmed_at=confirmation.confirmed_at)


class CancellationBody(Body):
    """Why nobody waits for the items any more."""

    reason: Reason


class CancellationView(View):
    """Why, and since when."""

    reason: str
    cancelled_at: datetime

    @classmethod
    def of(cls, cancellation: parts.Cancellation) -> Self:
        """Show a cancellation of the domain."""
        return cls(reason=cancellation.reason, cancelled_at=cancellation.cancelled_at)

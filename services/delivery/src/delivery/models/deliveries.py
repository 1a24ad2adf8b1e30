"""The aggregate: a delivery, how far it has come, and what may happen to it next.

```
pending <─unassign── scheduled ──depart──> in_transit ──confirm──> completed
   ├──────assign───────> ┤
   └──────cancel─────────┴──────────────> cancelled
```

Whoever schedules says so (`assign`), takes it back (`unassign`), or says that it is not possible (`refuse`), which
leaves the delivery pending and shows why. What the scheduler says of a delivery that is past all this changes nothing.

Every step returns a new delivery, or raises the refusal that belongs to it. A step that has been taken already, with
the same content, changes nothing: it may be repeated safely.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from arnia.errors import Conflict
from delivery.models.errors import (
    NotAssignable,
    NotCancellable,
    NotChangeable,
    NotConfirmable,
    NotReadyToDepart,
    NotRemovable,
)
from delivery.models.parts import Assignment, Cancellation, Confirmation, Departure, Refusal
from delivery.models.values import Location, Moment, Order, Schedule, Value


class Status(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    IN_TRANSIT = "in_transit"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What can be done to a delivery, named as clients see it."""

    CHANGE = "change"
    REMOVE = "remove"
    ASSIGN = "assign"
    DEPART = "depart"
    CONFIRM = "confirm"
    CANCEL = "cancel"


LEGAL: Final[Mapping[Status, frozenset[Action]]] = {
    Status.PENDING: frozenset({Action.CHANGE, Action.REMOVE, Action.ASSIGN, Action.CANCEL}),
    Status.SCHEDULED: frozenset({Action.CHANGE, Action.REMOVE, Action.ASSIGN, Action.DEPART, Action.CANCEL}),
    Status.IN_TRANSIT: frozenset({Action.CONFIRM}),
    Status.COMPLETED: frozenset({Action.REMOVE}),
    Status.CANCELLED: frozenset({Action.REMOVE}),
}

REFUSALS: Final[Mapping[Action, type[Conflict]]] = {
    Action.CHANGE: NotChangeable,
    Action.REMOVE: NotRemovable,
    Action.ASSIGN: NotAssignable,
    Action.DEPART: NotReadyToDepart,
    Action.CONFIRM: NotConfirmable,
    Action.CANCEL: NotCancellable,
}


class Delivery(Value):
    """An order on its way through the world.

    Its status is what has happened to it, never a field that could say something else.
    """

    id: UUID
    order: Order
    assignment: Assignment | None = None
    refusal: Refusal | None = None
    departure: Departure | None = None
    confirmation: Confirmation | None = None
    cancellation: Cancellation | None = None
    version: int = 1
    created_at: Moment
    updated_at: Moment

    @classmethod
    def place(cls, delivery_id: UUID, order: Order, now: datetime) -> Self:
        """Return a new, pending delivery of `order`."""
        return cls(id=delivery_id, order=order, created_at=now, updated_at=now)

    @property
    def status(self) -> Status:
        """The last thing that happened."""
        if self.cancellation:
            return Status.CANCELLED
        if self.confirmation:
            return Status.COMPLETED
        if self.departure:
            return Status.IN_TRANSIT
        return Status.SCHEDULED if self.assignment else Status.PENDING

    def allows(self, action: Action) -> bool:
        """Tell whether `action` is legal now."""
        return action in LEGAL[self.status]

    def require(self, action: Action) -> None:
        """Raise the refusal of `action` unless it is legal now."""
        if not self.allows(action):
            raise REFUSALS[action](f"A delivery that is {self.status.replace('_', ' ')} does not allow this.")

    def change(self, order: Order, now: datetime) -> Self:
        """Replace what was ordered."""
        if order == self.order:
            return self
        self.require(Action.CHANGE)
        return self._next(now, order=order)

    def redirect(self, dropoff: Location, now: datetime) -> Self:
        """Replace the place of arrival."""
        return self.change(self.order.replacing(dropoff=dropoff), now)

    def reschedule(self, schedule: Schedule, now: datetime) -> Self:
        """Replace the schedule."""
        return self.change(self.order.replacing(schedule=schedule), now)

    def assign(self, drone_id: UUID, now: datetime) -> Self:
        """Give the delivery to a drone; before departure, another drone may take it over."""
        if self.assignment and self.assignment.drone_id == drone_id and not self.cancellation:
            return self
        self.require(Action.ASSIGN)
        return self._next(now, assignment=Assignment(drone_id=drone_id, assigned_at=now), refusal=None)

    def unassign(self, drone_id: UUID, now: datetime) -> Self:
        """Take it from a drone that has not left with it; of any other this says nothing new."""
        if self.status is not Status.SCHEDULED or not self.assignment or self.assignment.drone_id != drone_id:
            return self
        return self._next(now, assignment=None)

    def refuse(self, reason: str, now: datetime) -> Self:
        """Keep that no drone was found, and why, for as long as none is."""
        if self.status is not Status.PENDING or (self.refusal and self.refusal.reason == reason):
            return self
        return self._next(now, refusal=Refusal(reason=reason, refused_at=now))

    def depart(self, now: datetime) -> Self:
        """Send the drone off."""
        if self.departure:
            return self
        self.require(Action.DEPART)
        return self._next(now, departure=Departure(departed_at=now))

    def confirm(self, received_by: str, now: datetime) -> Self:
        """Record who received the items, which completes the delivery."""
        if self.confirmation and self.confirmation.received_by == received_by:
            return self
        self.require(Action.CONFIRM)
        return self._next(now, confirmation=Confirmation(received_by=received_by, confirmed_at=now))

    def cancel(self, reason: str, now: datetime) -> Self:
        """Give the delivery up."""
        if self.cancellation and self.cancellation.reason == reason:
            return self
        self.require(Action.CANCEL)
        return self._next(now, cancellation=Cancellation(reason=reason, cancelled_at=now))

    def _next(self, now: datetime, **parts: Value | None) -> Self:
        return self.model_copy(update={**parts, "version": self.version + 1, "updated_at": now})

"""The aggregate: a drone, what it carries, what of that is promised, and what may happen to it next.

```
available ──launch──> flying ──make-available──> available
available ──charge──> charging ──make-available──> available
available, charging ──retire──> retired
```

Every step returns a new drone, or raises the refusal that belongs to it. A step that has been taken already changes
nothing: it may be repeated safely. That a drone holds reservations is no status: an available one may hold several.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from arnia.errors import Conflict
from drone.models.errors import (
    CapacityReserved,
    NotChangeable,
    NotChargeable,
    NotLaunchable,
    NotReady,
    NotRemovable,
    NotRetirable,
)
from drone.models.values import MINIMUM_BATTERY, Position, Specification, Value, kilograms


class Status(StrEnum):
    """What a drone is doing."""

    AVAILABLE = "available"
    FLYING = "flying"
    CHARGING = "charging"
    RETIRED = "retired"


class Action(StrEnum):
    """What can be done to a drone, named as clients see it."""

    CHANGE = "change"
    REMOVE = "remove"
    LAUNCH = "launch"
    MAKE_AVAILABLE = "make-available"
    CHARGE = "charge"
    RETIRE = "retire"


LEGAL: Final[Mapping[Status, frozenset[Action]]] = {
    Status.AVAILABLE: frozenset({Action.CHANGE, Action.REMOVE, Action.LAUNCH, Action.CHARGE, Action.RETIRE}),
    Status.FLYING: frozenset({Action.CHANGE, Action.MAKE_AVAILABLE}),
    Status.CHARGING: frozenset({Action.CHANGE, Action.REMOVE, Action.MAKE_AVAILABLE, Action.RETIRE}),
    Status.RETIRED: frozenset({Action.REMOVE}),
}

NEEDS_NO_RESERVATION: Final = frozenset({Action.REMOVE, Action.RETIRE})

LEADS_TO: Final[Mapping[Action, Status]] = {
    Action.LAUNCH: Status.FLYING,
    Action.MAKE_AVAILABLE: Status.AVAILABLE,
    Action.CHARGE: Status.CHARGING,
    Action.RETIRE: Status.RETIRED,
}

TAKEN_BY: Final[Mapping[Status, Action]] = {status: action for action, status in LEADS_TO.items()}

REFUSALS: Final[Mapping[Action, type[Conflict]]] = {
    Action.CHANGE: NotChangeable,
    Action.REMOVE: NotRemovable,
    Action.LAUNCH: NotLaunchable,
    Action.MAKE_AVAILABLE: NotReady,
    Action.CHARGE: NotChargeable,
    Action.RETIRE: NotRetirable,
}


class Drone(Value):
    """A member of the fleet.

    Attributes:
        free_grams: What is left of the capacity once every reservation is taken off.
        version: Grows by one with every change.
    """

    id: UUID
    specification: Specification
    free_grams: Annotated[int, Field(strict=True, ge=0)]
    status: Status = Status.AVAILABLE
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @model_validator(mode="after")
    def _is_not_oversold(self) -> Self:
        if self.free_grams > self.specification.capacity_grams:
            message = "free capacity is at most the whole capacity"
            raise ValueError(message)
        return self

    @classmethod
    def register(cls, drone_id: UUID, specification: Specification, now: datetime) -> Self:
        """Return a drone as it joins the fleet: available, and nothing of it reserved."""
        free = specification.capacity_grams
        return cls(id=drone_id, specification=specification, free_grams=free, created_at=now, updated_at=now)

    @property
    def reserved_grams(self) -> int:
        """The sum of its reservations."""
        return self.specification.capacity_grams - self.free_grams

    def allows(self, action: Action) -> bool:
        """Tell whether `action` is legal now."""
        return action in LEGAL[self.status] and not (self.reserved_grams and action in NEEDS_NO_RESERVATION)

    def require(self, action: Action) -> None:
        """Raise the refusal of `action` unless it is legal now."""
        if action not in LEGAL[self.status]:
            raise REFUSALS[action](f"A drone that is {self.status} does not allow this.")
        if not self.allows(action):
            raise REFUSALS[action](
                f"Reservations rely on this drone: {kilograms(self.reserved_grams)} kg are promised."
            )

    def carries(self, grams: int) -> bool:
        """Tell whether `grams` more may be reserved now."""
        ready = self.status is Status.AVAILABLE and self.specification.battery >= MINIMUM_BATTERY
        return ready and grams <= self.free_grams

    def specify(self, specification: Specification, now: datetime) -> Self:
        """Replace what the drone is; its reservations stay."""
        if specification == self.specification:
            return self
        self.require(Action.CHANGE)
        free = specification.capacity_grams - self.reserved_grams
        if free < 0:
            raise CapacityReserved(f"{kilograms(self.reserved_grams)} kg of this drone's capacity are promised.")
        return self._next(now, specification=specification, free_grams=free)

    def move(self, position: Position, now: datetime) -> Self:
        """Replace where it is."""
        return self.specify(self.specification.at(position), now)

    def turn(self, status: Status, now: datetime) -> Self:
        """Take the action that leads to `status`."""
        if status is self.status:
            return self
        self.require(TAKEN_BY[status])
        return self._next(now, status=status)

    def load(self, grams: int, now: datetime) -> Self:
        """Promise `grams` more of it; a negative number gives that much back.

        Raises:
            ValueError: When more than is free would be promised, or more than was promised given back.
        """
        free = self.free_grams - grams
        if not 0 <= free <= self.specification.capacity_grams:
            message = "free capacity lies between nothing and the whole capacity"
            raise ValueError(message)
        return self._next(now, free_grams=free)

    def _next(self, now: datetime, **parts: object) -> Self:
        return self.model_copy(update={**parts, "version": self.version + 1, "updated_at": now})

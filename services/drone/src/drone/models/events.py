"""What happens to a drone, told in the transaction in which it happens. Each event carries all that hearers need."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from arnia.chassis.events import Event
from drone.models.drones import Drone, Status
from drone.models.reservations import Reservation
from drone.models.values import Position


class DroneEvent(Event):
    """A drone, as it is once the thing has happened."""

    topic: ClassVar[str] = "drone.event"
    aggregate_type: ClassVar[str] = "drone"

    name: str
    model: str
    capacity_grams: int
    free_grams: int
    battery: int
    position: Position
    status: Status
    occurred_at: datetime

    @classmethod
    def of(cls, drone: Drone, occurred_at: datetime | None = None) -> Self:
        """Return the event that tells about `drone`; without a moment, about its last change."""
        return cls(
            aggregate_id=drone.id,
            free_grams=drone.free_grams,
            status=drone.status,
            occurred_at=occurred_at or drone.updated_at,
            **dict(drone.specification),
        )


class DroneRegistered(DroneEvent):
    """A drone has joined the fleet."""

    topic: ClassVar[str] = "drone.registered"


class DroneChanged(DroneEvent):
    """What it is, where it is or what it does has changed."""

    topic: ClassVar[str] = "drone.changed"


class DroneRemoved(DroneEvent):
    """A drone has left the fleet; this is how it was last."""

    topic: ClassVar[str] = "drone.removed"


class CapacityEvent(Event):
    """A part of a drone's capacity has been promised, or given back."""

    topic: ClassVar[str] = "drone.capacity"
    aggregate_type: ClassVar[str] = "drone"

    reservation_id: UUID
    delivery_id: UUID
    weight_grams: int

    @classmethod
    def of(cls, reservation: Reservation) -> Self:
        """Return the event that tells about `reservation`."""
        return cls(
            aggregate_id=reservation.drone_id,
            reservation_id=reservation.id,
            delivery_id=reservation.delivery_id,
            weight_grams=reservation.weight_grams,
        )


class DroneReserved(CapacityEvent):
    """A drone has been promised to a delivery."""

    topic: ClassVar[str] = "drone.reserved"


class DroneReleased(CapacityEvent):
    """A delivery gave its part of a drone back."""

    topic: ClassVar[str] = "drone.released"


EVENTS = (DroneRegistered, DroneChanged, DroneRemoved, DroneReserved, DroneReleased)

"""Drones as their owner shows them, in as many fields as somebody here looks at."""

from uuid import UUID

from bff.models.deliveries import Position, Seen


class Drone(Seen):
    """A drone, and which of the deliveries that were asked for it carries."""

    id: UUID
    name: str
    model: str
    battery: int
    status: str
    position: Position
    carries: tuple[UUID, ...] = ()


class DronePage(Seen):
    """The drones of some deliveries."""

    items: tuple[Drone, ...]

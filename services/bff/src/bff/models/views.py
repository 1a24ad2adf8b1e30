"""What is shown of a delivery, before a kind of client gives it a shape."""

from dataclasses import dataclass

from bff.models.deliveries import Delivery
from bff.models.drones import Drone


@dataclass(frozen=True, slots=True)
class Followed:
    """A delivery and the drone that carries it, if one does."""

    delivery: Delivery
    drone: Drone | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Some deliveries with their drones.

    Attributes:
        cursor: Where the next page begins; None on the last one.
        missing: The services whose part is not there, since they did not answer.
    """

    items: tuple[Followed, ...]
    cursor: str | None = None
    missing: tuple[str, ...] = ()

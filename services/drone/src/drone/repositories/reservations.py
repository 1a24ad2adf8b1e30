"""What the business logic expects of whatever keeps reservations."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from drone.models.reservations import Reservation, Wish


class ReservationRepository(Protocol):
    """All reservations there are, each taken from the free capacity of one drone. It never commits."""

    async def get(self, reservation_id: UUID, /) -> Reservation | None:
        """Return a reservation, or None."""

    async def of_delivery(self, delivery_id: UUID, /) -> Reservation | None:
        """Return the reservation of a delivery, or None."""

    async def grant(self, wish: Wish, now: datetime, /) -> Reservation | None:
        """Choose a drone that fits, take the mass from its free capacity and keep the reservation, all in one step.

        Returns None, having changed nothing, when no drone fits, when the identity or the delivery has a reservation
        already, or when the identity was released. However many ask at once, no drone is ever promised beyond its
        capacity, and none is refused while a drone that fits stands free.
        """

    async def release(self, reservation_id: UUID, now: datetime, /) -> Reservation | None:
        """Forget a reservation, give its mass back to the drone and return it; or None when there is none.

        Either way nothing is granted under this identity any more. Of a grant and a release at once, one comes first
        as a whole, and the release has the last word.
        """

    async def was_released(self, reservation_id: UUID, /) -> bool:
        """Tell whether this identity was released, and that is not forgotten."""

    async def forget(self, before: datetime, most: int, /) -> int:
        """Forget at most so many identities that were released before a moment; return how many."""

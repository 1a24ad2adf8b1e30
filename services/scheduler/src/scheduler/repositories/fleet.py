"""What the business logic expects of whoever has drones."""

from typing import Protocol
from uuid import UUID


class Fleet(Protocol):
    """All drones there are, somewhere else. Asked the same thing twice, it does it once."""

    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int, /) -> UUID:
        """Promise a part of some drone to a delivery under `reservation_id`, and return the drone.

        Raises:
            NoDroneFits: There is none that can carry it.
            ReservedElsewhere: The delivery has a drone under another identity.
            ReservationReleased: This identity was given back; under it nothing is promised any more.
            Unavailable, DeadlineExceeded, UpstreamFailed: Nobody knows whether it was promised.
        """

    async def release(self, reservation_id: UUID, /) -> None:
        """Give the promise back, if there is one; nothing is promised under this identity any more.

        Raises:
            Unavailable, DeadlineExceeded, UpstreamFailed: Nobody knows whether it was given back.
        """

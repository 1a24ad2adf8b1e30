"""The drone service as the scheduler sees it: two operations, and the few fields of them that matter here."""

from typing import Final
from uuid import UUID

from pydantic import BaseModel

from arnia.chassis.client import Client, delete, put
from arnia.errors import Conflict, UpstreamRefused
from scheduler.models.errors import NoDroneFits, ReservationReleased, ReservedElsewhere
from scheduler.models.values import kilograms

REFUSALS: Final[dict[str, type[Conflict]]] = {
    "drone-capacity-exhausted": NoDroneFits,
    "drone-delivery-already-reserved": ReservedElsewhere,
    "drone-reservation-released": ReservationReleased,
}


class ReservationWish(BaseModel):
    """What is asked for."""

    delivery_id: UUID
    weight_kg: float


class ReservationPromise(BaseModel):
    """What is answered."""

    drone_id: UUID


class DroneClient(Client, service="drone", version=1):
    """The drone service."""

    @put("/drone-reservations/{reservation_id}", scopes=("reservations:write",))
    async def reserve(self, reservation_id: UUID, body: ReservationWish) -> ReservationPromise:
        """Reserve a part of whichever drone fits best; the same wish again is the same promise."""

    @delete("/drone-reservations/{reservation_id}", scopes=("reservations:write",))
    async def release(self, reservation_id: UUID) -> None:
        """Give it back."""


class RemoteFleet:
    """Keeps the promise of `Fleet` by calling the drone service."""

    def __init__(self, drones: DroneClient) -> None:
        self._drones = drones

    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        """Reserve a part of some drone, and return the drone."""
        wish = ReservationWish(delivery_id=delivery_id, weight_kg=kilograms(weight_grams))
        try:
            promise = await self._drones.reserve(reservation_id, wish)
        except UpstreamRefused as refused:
            refusal = REFUSALS.get(refused.slug)
            if refusal is None:
                raise
            raise refusal from None
        return promise.drone_id

    async def release(self, reservation_id: UUID) -> None:
        """Give it back; that it is not there is what was wanted."""
        try:
            await self._drones.release(reservation_id)
        except UpstreamRefused as refused:
            if refused.status != 404:
                raise

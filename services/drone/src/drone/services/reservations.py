"""Reserving capacity: a backend use case, made to be asked again whenever an answer got lost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias
from uuid import UUID

from arnia.chassis.events import EventSink
from arnia.errors import Conflict
from drone.models.errors import (
    CapacityExhausted,
    DeliveryAlreadyReserved,
    ReservationDiffers,
    ReservationNotFound,
    ReservationReleased,
)
from drone.models.events import DroneReleased, DroneReserved
from drone.models.reservations import Reservation, Wish
from drone.repositories.reservations import ReservationRepository
from drone.services.drones import Clock, utc_now

Guard: TypeAlias = Callable[[Reservation | None], None]
"""Raises when the caller does not accept what is reserved now; None means that nothing is."""

REMEMBERED: Final = timedelta(days=7)
FORGOTTEN_AT_ONCE: Final = 10
"""How many released identities a release forgets at most: more than the one that it adds."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A reservation, and whether it was made just now."""

    reservation: Reservation
    new: bool


class ReservationService:
    """The use cases. Repository and events belong to one transaction, which is not ours to end."""

    def __init__(
        self,
        repository: ReservationRepository,
        events: EventSink,
        now: Clock = utc_now,
        remembered: timedelta = REMEMBERED,
    ) -> None:
        self._repository = repository
        self._events = events
        self._now = now
        self._remembered = remembered

    async def reserve(self, wish: Wish, guard: Guard) -> Grant:
        """Promise a part of some drone that fits; the same wish again gets the same promise.

        Raises:
            CapacityExhausted: No available, charged drone has so much left.
            DeliveryAlreadyReserved: The delivery has another reservation.
            ReservationDiffers: The reservation exists, for something else.
            ReservationReleased: It was given back, perhaps before it was asked for.
        """
        known = await self._repository.get(wish.id)
        guard(known)
        if known is None:
            granted = await self._repository.grant(wish, self._now())
            if granted is not None:
                self._events.emit(DroneReserved.of(granted))
                return Grant(granted, new=True)
            known = await self._repository.get(wish.id)  # the same wish may have been granted meanwhile
        if known is None:
            raise await self._refusal(wish)
        if not known.grants(wish):
            raise ReservationDiffers
        return Grant(known, new=False)

    async def get(self, reservation_id: UUID) -> Reservation:
        """Return a reservation.

        Raises:
            ReservationNotFound: There is none.
        """
        reservation = await self._repository.get(reservation_id)
        if reservation is None:
            raise ReservationNotFound
        return reservation

    async def release(self, reservation_id: UUID, guard: Guard) -> None:
        """Give the promised part of the drone back, if there is one; nothing is promised under this identity again.

        Raises:
            ReservationNotFound: There is none.
        """
        guard(await self._repository.get(reservation_id))
        now = self._now()
        released = await self._repository.release(reservation_id, now)
        await self._repository.forget(now - self._remembered, FORGOTTEN_AT_ONCE)
        if released is None:
            guard(None)  # gone since it was looked at, or never there
            raise ReservationNotFound
        self._events.emit(DroneReleased.of(released))

    async def _refusal(self, wish: Wish) -> Conflict:
        if await self._repository.was_released(wish.id):
            return ReservationReleased()
        taken = await self._repository.of_delivery(wish.delivery_id)
        return CapacityExhausted() if taken is None else DeliveryAlreadyReserved()

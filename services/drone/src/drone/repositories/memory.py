"""Drones and reservations in dictionaries: for tests of the business logic, which need neither server nor network."""

import operator
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from drone.models.drones import Drone
from drone.models.reservations import Reservation, Wish
from drone.repositories.drones import Filters, Place, Sort


class MemoryDrones:
    """Keeps the promise of `DroneRepository` within one process, without transactions."""

    def __init__(self) -> None:
        self._drones: dict[UUID, Drone] = {}
        self.reservations: dict[UUID, Reservation] = {}

    async def add(self, drone: Drone) -> bool:
        """Keep a new drone, or return False when its identity is taken."""
        return self._drones.setdefault(drone.id, drone) is drone

    async def get(self, drone_id: UUID) -> Drone | None:
        """Return a drone, or None."""
        return self._drones.get(drone_id)

    lock = get

    async def save(self, drone: Drone) -> None:
        """Keep the next state of a drone."""
        self._drones[drone.id] = drone

    async def remove(self, drone_id: UUID) -> None:
        """Forget a drone."""
        del self._drones[drone_id]

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Drone]:
        """Return the matching drones in order."""
        found = sorted(
            (drone for drone in self._drones.values() if self._passes(drone, filters)),
            key=lambda drone: _place(drone, sort),
            reverse=sort.descending,
        )
        if after is not None:
            start = (after.key, after.id)
            follows = operator.lt if sort.descending else operator.gt
            at = next((at for at, one in enumerate(found) if follows(_place(one, sort), start)), len(found))
            found = found[at:]
        return found[:limit]

    async def carriers(self, deliveries: Sequence[UUID]) -> Mapping[UUID, tuple[UUID, ...]]:
        """Return which of `deliveries` each drone carries that carries any."""
        found: dict[UUID, tuple[UUID, ...]] = {}
        for one in sorted(self.reservations.values(), key=lambda one: one.delivery_id):
            if one.delivery_id in deliveries:
                found[one.drone_id] = (*found.get(one.drone_id, ()), one.delivery_id)
        return found

    def _passes(self, drone: Drone, filters: Filters) -> bool:
        wanted = filters.deliveries
        if wanted is None:
            return _passes(drone, filters)
        carries = any(one.drone_id == drone.id and one.delivery_id in wanted for one in self.reservations.values())
        return carries and _passes(drone, filters)

    def tightest(self, grams: int) -> Drone | None:
        """Return the drone that fits `grams` with the least to spare, or None."""
        fitting = (drone for drone in self._drones.values() if drone.carries(grams))
        return min(fitting, key=lambda drone: (drone.free_grams, drone.id), default=None)


class MemoryReservations:
    """Keeps the promise of `ReservationRepository` over the drones of one `MemoryDrones`."""

    def __init__(self, drones: MemoryDrones) -> None:
        self._drones = drones
        self._reservations = drones.reservations
        self._released: dict[UUID, datetime] = {}

    async def get(self, reservation_id: UUID) -> Reservation | None:
        """Return a reservation, or None."""
        return self._reservations.get(reservation_id)

    async def of_delivery(self, delivery_id: UUID) -> Reservation | None:
        """Return the reservation of a delivery, or None."""
        return next((one for one in self._reservations.values() if one.delivery_id == delivery_id), None)

    def all(self) -> list[Reservation]:
        """Return every reservation."""
        return list(self._reservations.values())

    async def grant(self, wish: Wish, now: datetime) -> Reservation | None:
        """Take the mass from the drone that fits best, unless it was taken before."""
        drone = self._drones.tightest(wish.weight_grams)
        refused = wish.id in self._reservations or wish.id in self._released
        if drone is None or refused or await self.of_delivery(wish.delivery_id):
            return None
        reservation = Reservation.grant(wish, drone.id, now)
        await self._drones.save(drone.load(wish.weight_grams, now))
        self._reservations[wish.id] = reservation
        return reservation

    async def release(self, reservation_id: UUID, now: datetime) -> Reservation | None:
        """Give the mass back."""
        self._released[reservation_id] = now
        reservation = self._reservations.pop(reservation_id, None)
        if reservation is None:
            return None
        drone = await self._drones.get(reservation.drone_id)
        if drone is not None:
            await self._drones.save(drone.load(-reservation.weight_grams, now))
        return reservation

    async def was_released(self, reservation_id: UUID) -> bool:
        """Tell whether it is remembered that this identity was released."""
        return reservation_id in self._released

    async def forget(self, before: datetime, most: int) -> int:
        """Forget the oldest."""
        old = sorted((moment, one) for one, moment in self._released.items() if moment < before)[:most]
        for _, one in old:
            del self._released[one]
        return len(old)


def _place(drone: Drone, sort: Sort) -> tuple[datetime | str, UUID]:
    place = Place.of(drone, sort)
    return place.key, place.id


def _passes(drone: Drone, filters: Filters) -> bool:
    specification = drone.specification
    return (
        (filters.status is None or drone.status == filters.status)
        and (filters.model is None or specification.model == filters.model)
        and (filters.free_grams is None or drone.free_grams >= filters.free_grams)
        and (filters.battery is None or specification.battery >= filters.battery)
    )

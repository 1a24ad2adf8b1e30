"""What may happen to drones: every use case, in words of the domain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from arnia.chassis.events import EventSink
from arnia.chassis.uuids import uuid7
from drone.models.drones import Action, Drone, Status
from drone.models.errors import DroneNotFound
from drone.models.events import DroneChanged, DroneRegistered, DroneRemoved
from drone.models.values import Position, Specification
from drone.repositories.drones import DroneRepository, Filters, Place, Sort

Clock: TypeAlias = Callable[[], datetime]
Step: TypeAlias = Callable[[Drone, datetime], Drone]
Guard: TypeAlias = Callable[[Drone | None], None]
"""Raises when the caller does not accept the present state of a drone; None means that there is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """A drone before and after something happened to it. `before` is None when it did not exist."""

    before: Drone | None
    after: Drone


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class DroneService:
    """The use cases. Repository and events belong to one transaction, which is not ours to end."""

    def __init__(self, repository: DroneRepository, events: EventSink, now: Clock = utc_now) -> None:
        self._repository = repository
        self._events = events
        self._now = now

    async def create(self, specification: Specification) -> Drone:
        """Take a drone into the fleet, each time another one."""
        drone = Drone.register(uuid7(), specification, self._now())
        await self._repository.add(drone)
        self._events.emit(DroneRegistered.of(drone))
        return drone

    async def put(self, drone_id: UUID, specification: Specification, guard: Guard) -> Change:
        """Take the drone into the fleet or, where it is in it already, replace what it is.

        Raises:
            NotChangeable: It is retired.
            CapacityReserved: More than the new capacity is promised.
        """
        new = Drone.register(drone_id, specification, self._now())
        if await self._repository.add(new):
            guard(None)
            self._events.emit(DroneRegistered.of(new))
            return Change(None, new)
        try:
            return await self._take(drone_id, lambda drone, now: drone.specify(specification, now), guard)
        except DroneNotFound:  # removed by somebody else between the two statements
            return await self.put(drone_id, specification, guard)

    async def get(self, drone_id: UUID) -> Drone:
        """Return a drone.

        Raises:
            DroneNotFound: There is none.
        """
        drone = await self._repository.get(drone_id)
        if drone is None:
            raise DroneNotFound
        return drone

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Drone]:
        """Return at most `limit` drones that pass `filters`, from the one that follows `after` on."""
        return await self._repository.find(filters, sort, after, limit)

    async def carriers(self, deliveries: Sequence[UUID]) -> Mapping[UUID, tuple[UUID, ...]]:
        """Return which of `deliveries` each drone carries that carries any."""
        return await self._repository.carriers(deliveries) if deliveries else {}

    async def edit(self, drone_id: UUID, edit: Callable[[Specification], Specification], guard: Guard) -> Change:
        """Replace what the drone is by what `edit` makes of it."""
        return await self._take(drone_id, lambda drone, now: drone.specify(edit(drone.specification), now), guard)

    async def move(self, drone_id: UUID, position: Position, guard: Guard) -> Change:
        """Record where the drone is."""
        return await self._take(drone_id, lambda drone, now: drone.move(position, now), guard)

    async def turn(self, drone_id: UUID, status: Status, guard: Guard) -> Change:
        """Let the drone do something else.

        Raises:
            Conflict: Its refusal, when the status cannot follow the present one.
        """
        return await self._take(drone_id, lambda drone, now: drone.turn(status, now), guard)

    async def remove(self, drone_id: UUID, guard: Guard) -> None:
        """Forget a drone.

        Raises:
            DroneNotFound: There is none.
            NotRemovable: It flies, or reservations rely on it.
        """
        drone = await self._locked(drone_id, guard)
        drone.require(Action.REMOVE)
        await self._repository.remove(drone_id)
        self._events.emit(DroneRemoved.of(drone, self._now()))

    async def _take(self, drone_id: UUID, step: Step, guard: Guard) -> Change:
        before = await self._locked(drone_id, guard)
        after = step(before, self._now())
        if after is not before:
            await self._repository.save(after)
            self._events.emit(DroneChanged.of(after))
        return Change(before, after)

    async def _locked(self, drone_id: UUID, guard: Guard) -> Drone:
        drone = await self._repository.lock(drone_id)
        guard(drone)
        if drone is None:
            raise DroneNotFound
        return drone

"""Assignments in a dictionary, and a fleet in another: for tests of the business logic."""

import operator
from time import monotonic
from uuid import UUID

from arnia.chassis.traces import Trace, continue_trace
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import NoDroneFits, ReservationReleased, ReservedElsewhere
from scheduler.repositories.assignments import Claim, Filters, Place, Sort


class MemoryAssignments:
    """Keeps the promise of `AssignmentRepository` within one process, without transactions.

    Attributes:
        trace: Where what is kept from now on comes to be.
    """

    def __init__(self) -> None:
        self.trace: Trace | None = None
        self._traces: dict[UUID, Trace | None] = {}
        self._assignments: dict[UUID, Assignment] = {}
        self._attempts: dict[UUID, int] = {}
        self._due: dict[UUID, float] = {}

    async def add(self, assignment: Assignment, *, due: float = 0.0) -> bool:
        """Keep a new assignment, or return False when the delivery has one."""
        if assignment.id in self._assignments:
            return False
        await self.save(assignment, due=due)
        return True

    async def get(self, delivery_id: UUID) -> Assignment | None:
        """Return a delivery's assignment, or None."""
        return self._assignments.get(delivery_id)

    lock = get

    async def save(self, assignment: Assignment, *, due: float = 0.0) -> None:
        """Keep the next state of an assignment."""
        self._assignments[assignment.id] = assignment
        self._traces[assignment.id] = self.trace
        self._attempts[assignment.id] = 0
        self._due[assignment.id] = monotonic() + due

    async def claim(self, most: int, lease: float) -> list[Claim]:
        """Return what is due."""
        due = [one for one in self._assignments.values() if one.is_driven and self._due[one.id] <= monotonic()][:most]
        for one in due:
            self._attempts[one.id] += 1
            self._due[one.id] = monotonic() + lease
        return [Claim(one, self._attempts[one.id], _next(self._traces[one.id])) for one in due]

    async def postpone(self, assignment: Assignment, seconds: float) -> None:
        """Let it be due in so many seconds, unless it has changed."""
        if self._assignments[assignment.id].version == assignment.version:
            self._due[assignment.id] = monotonic() + seconds

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Assignment]:
        """Return the matching assignments in order."""
        passing = [one for one in self._assignments.values() if _passes(one, filters)]
        found = sorted(passing, key=_key, reverse=sort.descending)
        if after is not None:
            follows = operator.lt if sort.descending else operator.gt
            found = [one for one in found if follows(_key(one), (after.key, after.id))]
        return found[:limit]


class MemoryFleet:
    """Keeps the promise of `Fleet` within one process, with drones of so many grams each.

    Attributes:
        promised: Which drone carries which delivery, and how much, by reservation.
    """

    def __init__(self, capacities: dict[UUID, int]) -> None:
        self._free = dict(capacities)
        self.promised: dict[UUID, tuple[UUID, UUID, int]] = {}
        self._released: set[UUID] = set()

    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        """Reserve a part of the first drone that fits, and return the drone."""
        known = self.promised.get(reservation_id)
        if known is not None:
            return known[0]
        if reservation_id in self._released:
            raise ReservationReleased
        if any(delivery == delivery_id for _, delivery, _ in self.promised.values()):
            raise ReservedElsewhere
        drone = next((one for one, free in self._free.items() if free >= weight_grams), None)
        if drone is None:
            raise NoDroneFits
        self._free[drone] -= weight_grams
        self.promised[reservation_id] = (drone, delivery_id, weight_grams)
        return drone

    async def release(self, reservation_id: UUID) -> None:
        """Give it back, for good."""
        self._released.add(reservation_id)
        known = self.promised.pop(reservation_id, None)
        if known is not None:
            self._free[known[0]] += known[2]


def _passes(assignment: Assignment, filters: Filters) -> bool:
    if filters.status is None:
        return assignment.status is not Status.RELEASED
    return assignment.status is filters.status


def _next(trace: Trace | None) -> Trace | None:
    return None if trace is None else continue_trace(trace.traceparent.encode(), trace.tracestate.encode())


def _key(assignment: Assignment) -> tuple[object, UUID]:
    place = Place.of(assignment)
    return place.key, place.id

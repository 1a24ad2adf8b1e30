"""Finding a drone for a delivery, and giving it back: use cases that ask another service between two transactions.

No transaction is open while the drone service is asked. Each step is kept only if nobody took another one since the
assignment was looked at; whoever was overtaken looks again, and goes on from what is there now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias
from uuid import UUID

from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import AssignmentDiffers, AssignmentNotFound, NoDroneFits, ReservedElsewhere
from scheduler.repositories.assignments import Filters, Place, Sort, UnitOfWork
from scheduler.repositories.fleet import Fleet

Clock: TypeAlias = Callable[[], datetime]
Guard: TypeAlias = Callable[[Assignment | None], None]
"""Raises when the caller does not accept the present assignment of a delivery; None means that there is none."""

MOST_TURNS: Final = 10
"""How often a use case looks again before it gives way to whoever keeps overtaking it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An assignment, and whether this request made it."""

    assignment: Assignment
    new: bool


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class AssignmentService:
    """The use cases, over a repository that is opened for each step and a fleet that is somewhere else."""

    def __init__(
        self,
        unit: UnitOfWork,
        fleet: Fleet,
        now: Clock = utc_now,
        new_identity: Callable[[], UUID] = uuid7,
    ) -> None:
        self._unit = unit
        self._fleet = fleet
        self._now = now
        self._new_identity = new_identity

    async def get(self, delivery_id: UUID) -> Assignment:
        """Return a delivery's assignment.

        Raises:
            AssignmentNotFound: It has none.
        """
        assignment = _shown(await self._look(delivery_id))
        if assignment is None:
            raise AssignmentNotFound
        return assignment

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Assignment]:
        """Return at most `limit` assignments that pass `filters`, from the one that follows `after` on."""
        async with self._unit() as repository:
            return await repository.find(filters, sort, after, limit)

    async def assign(self, delivery_id: UUID, weight_grams: int, guard: Guard) -> Outcome:
        """Reserve a drone for a delivery; asked again, the same drone is the answer.

        Raises:
            AssignmentDiffers: It has an assignment, for another mass.
            NoDroneFits: No drone can carry it now; that is kept, and may be asked again.
            ReservedElsewhere: Somebody else reserved a drone for it; that is kept as well.
            Unavailable: Nobody knows whether a drone is reserved: the assignment is `requested`, and to ask again is
                to find out.
        """
        accepted = False
        for _ in range(MOST_TURNS):
            seen = await self._look(delivery_id)
            if not accepted:
                guard(_shown(seen))
            if seen is not None and seen.is_wanted and seen.weight_grams != weight_grams:
                raise AssignmentDiffers
            if seen is not None and seen.status is Status.RESERVED:
                return Outcome(seen, new=False)
            requested = await self._request(seen, delivery_id, weight_grams)
            accepted = accepted or requested is not None
            reserved = None if requested is None else await self._reserve(requested)
            if reserved is not None:
                return Outcome(reserved, new=True)
        raise Unavailable("Others change this assignment all the time.")

    async def release(self, delivery_id: UUID, guard: Guard) -> None:
        """Give a delivery's drone back.

        Raises:
            AssignmentNotFound: It has no assignment.
            Unavailable: Nobody knows whether it was given back: the assignment is `releasing`, and to ask again is to
                find out.
        """
        for _ in range(MOST_TURNS):
            seen = _shown(await self._look(delivery_id))
            guard(seen)
            if seen is None:
                raise AssignmentNotFound
            leaving = seen.release(self._now())
            if leaving is not seen and not await self._replace(seen, leaving):
                continue
            if leaving.status is Status.RELEASING:
                await self._fleet.release(leaving.reservation_id)
                # Who went on from here meanwhile did so under another identity: what this was about is given back.
                await self._replace(leaving, leaving.released(self._now()))
            return
        raise Unavailable("Others change this assignment all the time.")

    async def _request(self, seen: Assignment | None, delivery_id: UUID, weight_grams: int) -> Assignment | None:
        """Return the assignment as it is requested now; None when somebody else was faster."""
        if seen is not None and seen.status is Status.REQUESTED:
            return seen
        identity, now = self._new_identity(), self._now()
        if seen is None:
            requested = Assignment.request(delivery_id, weight_grams, identity, now)
        else:
            # Whatever became of the last reservation, and of requests that come late: before the next, it is none.
            await self._fleet.release(seen.reservation_id)
            requested = seen.again(weight_grams, identity, now)
        return requested if await self._replace(seen, requested) else None

    async def _reserve(self, requested: Assignment) -> Assignment | None:
        """Return the assignment with its drone; None when somebody else went on from `requested` meanwhile."""
        try:
            drone = await self._fleet.reserve(requested.reservation_id, requested.id, requested.weight_grams)
        except (NoDroneFits, ReservedElsewhere) as refusal:
            await self._replace(requested, requested.refuse(refusal.slug, self._now()))
            raise
        reserved = requested.grant(drone, self._now())
        if await self._replace(requested, reserved):
            return reserved
        present = await self._look(requested.id)
        if present is None or present.reservation_id != requested.reservation_id or not present.is_wanted:
            await self._fleet.release(requested.reservation_id)
        return None

    async def _look(self, delivery_id: UUID) -> Assignment | None:
        async with self._unit() as repository:
            return await repository.get(delivery_id)

    async def _replace(self, seen: Assignment | None, wanted: Assignment) -> bool:
        """Keep `wanted` where `seen` still is; tell whether it was."""
        async with self._unit() as repository:
            if seen is None:
                return await repository.add(wanted)
            if await repository.lock(seen.id) != seen:
                return False
            await repository.save(wanted)
            return True


def _shown(assignment: Assignment | None) -> Assignment | None:
    """Return the assignment as far as anybody outside knows of it."""
    return None if assignment is None or assignment.status is Status.RELEASED else assignment

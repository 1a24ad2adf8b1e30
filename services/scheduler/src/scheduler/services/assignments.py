"""Finding a drone for a delivery, and giving it back, for whoever asks and waits for the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import (
    AssignmentDiffers,
    AssignmentNotFound,
    DeliveryOver,
    NoDroneFits,
    ReservedElsewhere,
)
from scheduler.repositories.assignments import Filters, Place, Sort, UnitOfWork
from scheduler.repositories.fleet import Fleet
from scheduler.services.steps import Clock, Steps, utc_now

Guard: TypeAlias = Callable[[Assignment | None], None]
"""Raises when the caller does not accept the present assignment of a delivery; None means that there is none."""

MOST_TURNS: Final = 10
"""How often a use case looks again before it gives way to whoever keeps overtaking it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An assignment, and whether this request made it."""

    assignment: Assignment
    new: bool


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
        self._steps = Steps(unit, fleet, now, new_identity)

    async def get(self, delivery_id: UUID) -> Assignment:
        """Return a delivery's assignment.

        Raises:
            AssignmentNotFound: It has none.
        """
        assignment = _shown(await self._steps.look(delivery_id))
        if assignment is None:
            raise AssignmentNotFound
        return assignment

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Assignment]:
        """Return at most `limit` assignments that pass `filters`, from the one that follows `after` on."""
        async with self._unit() as work:
            return await work.assignments.find(filters, sort, after, limit)

    async def assign(self, delivery_id: UUID, weight_grams: int, guard: Guard) -> Outcome:
        """Reserve a drone for a delivery; asked again, the same drone is the answer.

        Raises:
            AssignmentDiffers: It has an assignment, for another mass.
            DeliveryOver: The delivery was cancelled, or is done.
            NoDroneFits: No drone can carry it now; that is kept, and may be asked again.
            ReservedElsewhere: Somebody else reserved a drone for it; that is kept as well.
            Unavailable: Nobody knows whether a drone is reserved: the assignment is `requested`, and to ask again is
                to find out.
        """
        accepted = False
        for _ in range(MOST_TURNS):
            seen = await self._steps.look(delivery_id)
            if not accepted:
                guard(_shown(seen))
            if seen is not None and seen.closed:
                raise DeliveryOver
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
            seen = _shown(await self._steps.look(delivery_id))
            guard(seen)
            if seen is None:
                raise AssignmentNotFound
            leaving = seen.release(self._steps.now())
            if leaving is not seen and not await self._steps.replace(seen, leaving):
                continue
            if leaving.status is Status.RELEASING:
                await self._steps.finish_release(leaving)
            return
        raise Unavailable("Others change this assignment all the time.")

    async def _request(self, seen: Assignment | None, delivery_id: UUID, weight_grams: int) -> Assignment | None:
        """Return the assignment as it is requested now; None when somebody else was faster."""
        if seen is not None and seen.status is Status.REQUESTED:
            return seen
        identity, now = self._steps.new_identity(), self._steps.now()
        if seen is None:
            requested = Assignment.request(delivery_id, weight_grams, identity, now)
        else:
            requested = seen.again(weight_grams, identity, now)
        return requested if await self._steps.replace(seen, requested) else None

    async def _reserve(self, requested: Assignment) -> Assignment | None:
        """Return the assignment with its drone; None when somebody else went on from `requested` meanwhile."""
        try:
            return await self._steps.reserve(requested)
        except (NoDroneFits, ReservedElsewhere) as refusal:
            await self._steps.replace(requested, requested.refuse(refusal.slug, self._steps.now()))
            raise


def _shown(assignment: Assignment | None) -> Assignment | None:
    """Return the assignment as far as anybody outside knows of it."""
    return None if assignment is None or assignment.status is Status.RELEASED else assignment

"""The steps that every use case is made of: look, keep where nothing has changed, ask the drone service in between.

No transaction is open while the drone service is asked. Each step is kept only if nobody took another one since the
assignment was looked at; whoever was overtaken looks again, and goes on from what is there now.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias
from uuid import UUID

from arnia.chassis.uuids import uuid7
from scheduler.models.assignments import Assignment
from scheduler.models.errors import ReservationReleased
from scheduler.models.events import facts
from scheduler.repositories.assignments import UnitOfWork, Work
from scheduler.repositories.fleet import Fleet

Clock: TypeAlias = Callable[[], datetime]

ABANDONED: Final = 30.0
"""Seconds after which somebody else goes on with what a caller began: longer than any caller waits."""


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


async def keep(work: Work, seen: Assignment | None, wanted: Assignment, due: float) -> bool:
    """Keep `wanted`, due in so many seconds, where `seen` still is, and tell what that means; tell whether it was."""
    if seen is None:
        if not await work.assignments.add(wanted, due=due):
            return False
    else:
        if await work.assignments.lock(seen.id) != seen:
            return False
        await work.assignments.save(wanted, due=due)
    for fact in facts(seen, wanted):
        work.events.emit(fact)
    return True


class Steps:
    """Steps over a repository that is opened for each, and a fleet that is somewhere else."""

    def __init__(
        self, unit: UnitOfWork, fleet: Fleet, now: Clock = utc_now, new_identity: Callable[[], UUID] = uuid7
    ) -> None:
        self._unit = unit
        self._fleet = fleet
        self.now = now
        self.new_identity = new_identity

    async def look(self, delivery_id: UUID) -> Assignment | None:
        """Return what is kept of a delivery's assignment."""
        async with self._unit() as work:
            return await work.assignments.get(delivery_id)

    async def replace(self, seen: Assignment | None, wanted: Assignment, *, due: float = ABANDONED) -> bool:
        """Keep `wanted` where `seen` still is; tell whether it was."""
        async with self._unit() as work:
            return await keep(work, seen, wanted, due)

    async def reserve(self, requested: Assignment) -> Assignment | None:
        """Return the assignment with its drone; None when there is something else to go on from meanwhile.

        Somebody else took a step, or what was asked for has been given back: then it is requested under another
        identity from here on, due at once.

        Raises:
            NoDroneFits, ReservedElsewhere: There is none. Nothing is left to give back, and nothing is kept yet.
            Unavailable, DeadlineExceeded, UpstreamFailed: Nobody knows.
        """
        await self._give_back(*requested.leftovers)
        try:
            drone = await self._fleet.reserve(requested.reservation_id, requested.id, requested.weight_grams)
        except ReservationReleased:
            anew = requested.again(requested.weight_grams, self.new_identity(), self.now())
            await self.replace(requested, anew, due=0.0)
            return None
        reserved = requested.grant(drone, self.now())
        if await self.replace(requested, reserved):
            return reserved
        present = await self.look(requested.id)
        if present is None or present.reservation_id != requested.reservation_id or not present.is_wanted:
            await self._give_back(requested.reservation_id)
        return None

    async def finish_release(self, leaving: Assignment) -> None:
        """Give back what is being given back, and keep that it was.

        Raises:
            Unavailable, DeadlineExceeded, UpstreamFailed: Nobody knows whether it was.
        """
        await self._give_back(*leaving.leftovers, leaving.reservation_id)
        # Who went on from here meanwhile did so under another identity: what this was about is given back.
        await self.replace(leaving, leaving.released(self.now()))

    async def tidy(self, seen: Assignment) -> None:
        """Give back what is left of earlier reservations, and keep that it was.

        Raises:
            Unavailable, DeadlineExceeded, UpstreamFailed: Nobody knows whether it was.
        """
        await self._give_back(*seen.leftovers)
        await self.replace(seen, seen.tidied())

    async def _give_back(self, *reservations: UUID) -> None:
        for reservation_id in reservations:
            await self._fleet.release(reservation_id)

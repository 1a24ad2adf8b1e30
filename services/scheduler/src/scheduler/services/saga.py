"""What follows for an assignment from what happens to its delivery: only what is wanted is kept, and nobody is asked.

So the transaction that remembers the event is short, and the drone service may be away. The driver does what is wanted.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import TooHeavy
from scheduler.models.values import GRAMS_PER_KG, MAX_MASS_KG
from scheduler.repositories.assignments import Work
from scheduler.services.steps import Clock, keep, utc_now

HEAVIEST: Final = MAX_MASS_KG * GRAMS_PER_KG
AT_ONCE: Final = 0.0


class Saga:
    """Hears of deliveries, in a transaction that is not ours to end."""

    def __init__(self, work: Work, now: Clock = utc_now, new_identity: Callable[[], UUID] = uuid7) -> None:
        self._work = work
        self._now = now
        self._new_identity = new_identity

    async def want(self, delivery_id: UUID, weight_grams: int) -> None:
        """Want a drone for a new delivery, unless somebody does already."""
        seen = await self._work.assignments.lock(delivery_id)
        if seen is None:
            grams, now = min(weight_grams, HEAVIEST), self._now()
            wanted = self._bounded(Assignment.request(delivery_id, grams, self._new_identity(), now), weight_grams)
            if not await keep(self._work, None, wanted, AT_ONCE):
                raise Unavailable("Somebody else has just asked for a drone.")
        elif not seen.is_wanted:
            await self._again(seen, weight_grams)

    async def weigh(self, delivery_id: UUID, weight_grams: int) -> None:
        """Want a drone that carries what the delivery weighs now."""
        seen = await self._work.assignments.lock(delivery_id)
        if seen is None or seen.closed or seen.weight_grams == weight_grams:
            return
        if seen.is_wanted or seen.status is Status.REFUSED:
            await self._again(seen, weight_grams)

    async def retry(self, delivery_id: UUID) -> None:
        """Want a drone for a delivery that got none: at another time there may be one."""
        seen = await self._work.assignments.lock(delivery_id)
        if seen is not None and seen.refusal not in {None, TooHeavy.slug} and not seen.closed:
            await self._again(seen, seen.weight_grams)

    async def close(self, delivery_id: UUID) -> None:
        """Want no drone any more: the delivery was cancelled, or is done."""
        seen = await self._work.assignments.lock(delivery_id)
        if seen is not None and not seen.closed:
            await keep(self._work, seen, seen.close(self._now()), AT_ONCE)

    async def _again(self, seen: Assignment, weight_grams: int) -> None:
        wanted = seen.again(min(weight_grams, HEAVIEST), self._new_identity(), self._now())
        await keep(self._work, seen, self._bounded(wanted, weight_grams), AT_ONCE)

    def _bounded(self, wanted: Assignment, weight_grams: int) -> Assignment:
        """Return what is wanted, or that it is refused, where nobody has to be asked to know."""
        if weight_grams <= HEAVIEST:
            return wanted
        return wanted.give_up(TooHeavy.slug, self._now())

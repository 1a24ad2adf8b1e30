"""Going on with what is not at its end, for nobody who waits: what deliveries want, and what a crash left behind."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from arnia.chassis.uuids import uuid7
from arnia.errors import ServiceError
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import NoDroneFits, NotAnswered, ReservedElsewhere
from scheduler.repositories.assignments import Claim, UnitOfWork
from scheduler.repositories.fleet import Fleet
from scheduler.services.steps import Clock, Steps, utc_now

AT_ONCE: Final = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long is waited for what, in seconds.

    Attributes:
        whole: How long a drone is looked for, until that none was found is the answer.
        first: After the first attempt without a drone, at the most; twice as long after each further one.
        longest: Between two attempts, at the most.
    """

    whole: float = 120.0
    first: float = 0.5
    longest: float = 15.0

    def pause(self, attempts: int) -> float:
        """Return how long to wait after so many attempts, half of it at random, so that not all come at once."""
        most = min(self.longest, self.first * 2.0 ** max(0, min(attempts, 32) - 1))
        return random.uniform(most / 2, most)  # noqa: S311 - no secret


class DriverService:
    """Takes the next step of what was claimed. Taken twice, at the same time or by another process, it is one step."""

    def __init__(
        self,
        unit: UnitOfWork,
        fleet: Fleet,
        patience: Patience | None = None,
        now: Clock = utc_now,
        new_identity: Callable[[], UUID] = uuid7,
    ) -> None:
        self._unit = unit
        self._steps = Steps(unit, fleet, now, new_identity)
        self._patience = patience or Patience()

    async def drive(self, claim: Claim) -> None:
        """Take the next step, or keep when to try again.

        Raises:
            Unavailable: Nobody knows what was kept; the claim runs out.
        """
        seen = claim.assignment
        try:
            await self._step(seen)
        except NoDroneFits as refusal:
            # Nothing is reserved. Another delivery may give its drone back in time.
            if self._is_late(seen):
                await self._steps.replace(seen, seen.refuse(refusal.slug, self._steps.now()))
            else:
                await self._postpone(claim)
        except ReservedElsewhere as refusal:
            await self._steps.replace(seen, seen.refuse(refusal.slug, self._steps.now()))
        except ServiceError:
            if seen.status is Status.REQUESTED and self._is_late(seen):
                given_up = seen.give_up(NotAnswered.slug, self._steps.now())
                await self._steps.replace(seen, given_up, due=self._patience.pause(claim.attempts))
            else:
                await self._postpone(claim)

    async def _step(self, seen: Assignment) -> None:
        if seen.status is Status.REQUESTED:
            await self._steps.reserve(seen)
        elif seen.status is Status.RELEASING:
            await self._steps.finish_release(seen)
        else:
            await self._steps.tidy(seen)

    async def _postpone(self, claim: Claim) -> None:
        async with self._unit() as work:
            await work.assignments.postpone(claim.assignment, self._patience.pause(claim.attempts))

    def _is_late(self, seen: Assignment) -> bool:
        return self._steps.now() - seen.updated_at >= timedelta(seconds=self._patience.whole)

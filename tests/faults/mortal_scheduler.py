"""The scheduler, which dies at the step of its saga that a file names; it is looked at again at each step.

So one process mends what the one before it left, and is then told where to die itself.
"""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from typing_extensions import override

from arnia.chassis import carriage
from arnia.chassis.brokers import nats
from arnia.chassis.errands import Errand
from arnia.chassis.patience import Patience as InboxPatience
from arnia.chassis.process import run
from arnia.chassis.session import Session
from scheduler.api import driving, facts
from scheduler.main import create
from scheduler.models.assignments import Assignment
from scheduler.repositories.assignments import Claim
from scheduler.repositories.drones import RemoteFleet
from scheduler.repositories.sql import SqlAssignments
from scheduler.services.driver import Patience

__all__ = ["DIES_AT", "UNANSWERED"]

DIES_AT: Final = "MORTAL_SCHEDULER_DIES_AT"
"""The variable with the path of that file."""
UNANSWERED: Final = 2.0
"""Seconds after which an answer that does not come is given up."""


_kept: Final = dict[Session, str]()
"""What was done last in a session of the driver that is not committed yet."""


def _reach(place: str) -> None:
    told = Path(os.environ[DIES_AT])
    if told.exists() and told.read_text() == place:
        os.kill(os.getpid(), signal.SIGKILL)


class _Kept(SqlAssignments):
    """What is kept, and who keeps it: an event that is heard, or the driver."""

    who = "driven"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._opened = session

    @override
    async def add(self, assignment: Assignment, *, due: float = 0.0) -> bool:
        _reach(f"{self.who}: add")
        added = await super().add(assignment, due=due)
        _reach(f"{self.who}: added")
        return added

    @override
    async def lock(self, delivery_id: UUID) -> Assignment | None:
        _reach(f"{self.who}: lock")
        return await super().lock(delivery_id)

    @override
    async def save(self, assignment: Assignment, *, due: float = 0.0) -> None:
        _reach(f"{self.who}: save {assignment.status}")
        await super().save(assignment, due=due)
        _kept[self._opened] = str(assignment.status)
        _reach(f"{self.who}: saved {assignment.status}")

    @override
    async def claim(self, most: int, lease: float) -> list[Claim]:
        claims = await super().claim(most, lease)
        if claims:
            _kept[self._opened] = "claim"
            _reach(f"{self.who}: claim")
        return claims


class _Heard(_Kept):
    """What an event keeps."""

    who = "heard"


class _MortalFleet(RemoteFleet):
    """The fleet: a question that is not asked any more, and one whose answer nobody reads."""

    @override
    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        _reach("driven: reserve")
        drone = await super().reserve(reservation_id, delivery_id, weight_grams)
        _reach("driven: reserved")
        return drone

    @override
    async def release(self, reservation_id: UUID) -> None:
        _reach("driven: release")
        await super().release(reservation_id)
        _reach("driven: released")


class _MortalErrand(Errand):
    """A step of the driver, whose commit may be the last that it does."""

    @override
    def session(self) -> Session:
        return _committing(super().session())  # type: ignore[return-value]  # all that is done with it is to enter it


@asynccontextmanager
async def _committing(session: AbstractAsyncContextManager[Session]) -> AsyncIterator[Session]:
    async with session as opened:
        yield opened
    if opened in _kept:
        _reach(f"driven: committed {_kept.pop(opened)}")


def _patience(whole: float) -> Patience:
    return Patience(whole=whole, first=0.1, longest=0.5)


if __name__ == "__main__":
    vars(driving)["SqlAssignments"] = _Kept
    vars(facts)["SqlAssignments"] = _Heard
    vars(driving)["RemoteFleet"] = _MortalFleet
    vars(driving)["Errand"] = _MortalErrand
    vars(driving)["Patience"] = _patience
    vars(driving)["ASKING_SECONDS"] = UNANSWERED / 2
    vars(driving)["LEASE_SECONDS"] = UNANSWERED
    vars(nats)["ACKNOWLEDGE_SECONDS"] = UNANSWERED
    vars(carriage)["Patience"] = partial(InboxPatience, lease=UNANSWERED)
    run(create)

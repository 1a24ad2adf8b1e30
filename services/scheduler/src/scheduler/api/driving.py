"""The loop that goes on with assignments while the process runs: several at once, beside those of other processes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from arnia.chassis.context import Runtime
from arnia.chassis.errands import Errand
from arnia.chassis.traces import CURRENT
from arnia.errors import ServiceError
from scheduler.config import Settings
from scheduler.repositories.assignments import Claim, Work
from scheduler.repositories.drones import DroneClient, RemoteFleet
from scheduler.repositories.sql import SqlAssignments
from scheduler.services.driver import DriverService, Patience

LANES: Final = 8
"""How many assignments a process goes on with at the same time."""
ASKING_SECONDS: Final = 5.0
LEASE_SECONDS: Final = 10.0
"""How long a claim is nobody else's: longer than a step may take."""
SHORTEST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5

log: Final = logging.getLogger("scheduler.driving")


class Driving:
    """Claims what is due, and takes its next step."""

    def __init__(self, runtime: Runtime, patience: Patience) -> None:
        self._runtime = runtime
        self._patience = patience
        self._woken = asyncio.Event()
        self._lanes: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look soon: something is, or is about to be, due."""
        self._woken.set()

    async def run(self) -> None:
        """Go on for ever. What a step leaves undone when this ends, its claim brings back."""
        pause, away = SHORTEST_PAUSE, False
        while True:
            try:
                claims = await self._claim()
            except ServiceError as error:
                if not away:
                    log.warning("assignments are not gone on with: %s", error)
                claims, away = [], True
            else:
                away = False
            for claim in claims:
                lane = asyncio.create_task(self._drive(claim))
                self._lanes.add(lane)
                lane.add_done_callback(self._leave)
            pause = SHORTEST_PAUSE if claims else min(pause * 2, LONGEST_PAUSE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)
                pause = SHORTEST_PAUSE
                self._woken.clear()
                await asyncio.sleep(pause)

    async def end(self) -> None:
        """Let the steps that are being taken end."""
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=ASKING_SECONDS)

    async def _claim(self) -> list[Claim]:
        free = LANES - len(self._lanes)
        if not free:
            return []
        async with Errand(self._runtime, seconds=ASKING_SECONDS).session() as session:
            return await SqlAssignments(session).claim(free, LEASE_SECONDS)

    async def _drive(self, claim: Claim) -> None:
        asking = Errand(self._runtime, seconds=ASKING_SECONDS, trace=claim.trace)
        CURRENT.set(asking.trace)  # of this lane alone: a task has variables of its own
        keeping = Errand(self._runtime, seconds=LEASE_SECONDS, trace=asking.trace)

        @asynccontextmanager
        async def unit() -> AsyncIterator[Work]:
            async with keeping.session() as session:
                yield Work(SqlAssignments(session), session)

        fleet = RemoteFleet(asking.client(DroneClient))
        try:
            with asking.span("go on with an assignment"):
                await DriverService(unit, fleet, self._patience).drive(claim)
        except ServiceError as error:
            log.warning("assignment %s is tried again: %s", claim.assignment.id, error)

    def _leave(self, lane: asyncio.Task[None]) -> None:
        self._lanes.discard(lane)
        self._woken.set()
        if not lane.cancelled() and (fault := lane.exception()) is not None:
            log.error("an assignment cannot be gone on with", exc_info=fault)


@asynccontextmanager
async def driving(runtime: Runtime) -> AsyncIterator[Driving | None]:
    """Go on with assignments while the process runs, if it is one that hears of deliveries."""
    settings = runtime.settings
    if not isinstance(settings, Settings) or settings.role not in {"all", "consumer"}:
        yield None
        return
    driver = Driving(runtime, Patience(whole=settings.assignment_seconds))
    loop = asyncio.create_task(driver.run())
    try:
        yield driver
    finally:
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
        await driver.end()

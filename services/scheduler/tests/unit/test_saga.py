"""What deliveries want, and what the driver makes of it, whatever the fleet does: over memory, with its own clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from arnia.chassis.events import Event
from arnia.errors import Conflict, NotFound, Unavailable
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import DeliveryOver, NoDroneFits, NotAnswered, TooHeavy
from scheduler.repositories.assignments import Claim, Work
from scheduler.repositories.memory import MemoryAssignments, MemoryFleet
from scheduler.services.assignments import AssignmentService
from scheduler.services.driver import DriverService, Patience
from scheduler.services.saga import Saga

DELIVERY: Final = UUID(int=7)
DRONE: Final = UUID(int=1)
KILOGRAM: Final = 1000
PATIENCE: Final = Patience(whole=120.0, first=0.0, longest=0.0)
LONG: Final = timedelta(seconds=121)


class Fleet(MemoryFleet):
    """A fleet whose answers get lost: before it has done what it was asked, or after."""

    def __init__(self, grams: int) -> None:
        super().__init__({DRONE: grams})
        self.faults: list[str] = []

    @override
    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        """Reserve, perhaps."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise Unavailable
        drone = await super().reserve(reservation_id, delivery_id, weight_grams)
        if fault == "after":
            raise Unavailable
        return drone

    @override
    async def release(self, reservation_id: UUID) -> None:
        """Release, perhaps."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            raise Unavailable
        await super().release(reservation_id)
        if fault == "after":
            raise Unavailable


class World:
    """A scheduler, its fleet of one drone, and everybody who listens."""

    def __init__(self, grams: int = 5 * KILOGRAM) -> None:
        self.kept = MemoryAssignments()
        self.fleet = Fleet(grams)
        self.told: list[Event] = []
        self.time = datetime(2030, 1, 1, 12, tzinfo=UTC)
        self.saga = Saga(Work(self.kept, self), self.now)
        self.driver = DriverService(self.unit, self.fleet, PATIENCE, self.now)
        self.service = AssignmentService(self.unit, self.fleet, self.now)

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Work]:
        """Open the memory."""
        yield Work(self.kept, self)

    def now(self) -> datetime:
        """Return the present moment."""
        return self.time

    def emit(self, event: Event) -> None:
        """Hear what is told."""
        self.told.append(event)

    async def drive(self, steps: int = 10) -> None:
        """Go on with what is due, some steps."""
        for _ in range(steps):
            for claim in await self.kept.claim(10, 0.0):
                await self.driver.drive(claim)

    async def present(self) -> Assignment:
        """Return what is kept."""
        found = await self.kept.get(DELIVERY)
        assert found is not None
        return found

    @property
    def topics(self) -> list[str]:
        """What was told, in order."""
        return [event.topic.removeprefix("assignment.") for event in self.told]

    @property
    def promised(self) -> int:
        """How many grams the fleet has promised."""
        return sum(grams for _, _, grams in self.fleet.promised.values())


async def test_what_is_wanted_is_reserved_once_and_told() -> None:
    """An order asks nobody by itself; the driver reserves, and all that is heard is that it did."""
    world = World()
    await world.saga.want(DELIVERY, KILOGRAM)
    assert (world.fleet.promised, world.topics) == ({}, [])
    await world.drive()
    assert (await world.present()).drone_id == DRONE
    assert (world.promised, world.topics) == (KILOGRAM, ["reserved"])


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_what_is_not_answered_in_time_is_refused_and_given_back(fault: str) -> None:
    """A fleet that does not answer is asked again until it is late: then it is told, and nothing stays reserved."""
    world = World()
    world.fleet.faults = [fault] * 3
    await world.saga.want(DELIVERY, KILOGRAM)
    await world.drive(2)
    assert (await world.present()).status is Status.REQUESTED
    world.time += LONG
    await world.drive()
    present = await world.present()
    assert (present.status, present.refusal, present.leftovers) == (Status.REFUSED, NotAnswered.slug, ())
    assert (world.promised, world.topics) == (0, ["refused"])


async def test_the_driver_asks_anew_for_what_was_given_back() -> None:
    """Refused because it was released, a request goes on under another identity, and nobody hears of it."""
    world = World()
    await world.saga.want(DELIVERY, KILOGRAM)
    released = (await world.present()).reservation_id
    await world.fleet.release(released)
    await world.drive(2)
    present = await world.present()
    assert (present.status, present.leftovers) == (Status.RESERVED, ())
    assert present.reservation_id != released
    assert (world.promised, world.topics) == (KILOGRAM, ["reserved"])


async def test_a_full_fleet_is_asked_until_it_is_late() -> None:
    """Without a drone that fits the answer comes at the end of patience; another schedule asks again."""
    world = World(grams=KILOGRAM)
    await world.saga.want(DELIVERY, 2 * KILOGRAM)
    await world.drive()
    assert world.topics == []
    world.time += LONG
    await world.drive()
    assert ((await world.present()).refusal, world.topics) == (NoDroneFits.slug, ["refused"])
    await world.saga.retry(DELIVERY)
    await world.saga.weigh(DELIVERY, KILOGRAM)
    await world.drive()
    assert (world.promised, world.topics) == (KILOGRAM, ["refused", "reserved"])


async def test_what_nothing_carries_is_refused_at_once() -> None:
    """More than any drone may carry is refused without asking, and not asked for again at another time."""
    world = World()
    await world.saga.want(DELIVERY, 1_000_001)
    await world.saga.retry(DELIVERY)
    assert ((await world.present()).refusal, world.topics) == (TooHeavy.slug, ["refused"])


async def test_what_weighs_more_is_reserved_anew() -> None:
    """The old promise is taken back first, and told so; the fleet never holds both."""
    world = World()
    await world.saga.want(DELIVERY, 3 * KILOGRAM)
    await world.drive()
    await world.saga.weigh(DELIVERY, 4 * KILOGRAM)
    await world.drive()
    assert (world.promised, world.topics) == (4 * KILOGRAM, ["reserved", "released", "reserved"])


async def test_what_is_over_stays_over() -> None:
    """Cancelled while the fleet is asked, or later: nothing stays reserved, and nobody asks for it again by hand."""
    world = World()
    await world.saga.want(DELIVERY, KILOGRAM)
    [claim] = await world.kept.claim(10, 0.0)
    await world.saga.close(DELIVERY)
    await world.driver.drive(Claim(claim.assignment, 1))
    await world.drive()
    assert ((await world.present()).status, world.promised, world.topics) == (Status.RELEASED, 0, [])
    with pytest.raises(DeliveryOver):
        await world.service.assign(DELIVERY, KILOGRAM, lambda _: None)
    await world.saga.want(DELIVERY, KILOGRAM)  # the same identity, ordered anew
    await world.drive()
    assert world.promised == KILOGRAM


STEPS: Final = st.sampled_from(["want", "weigh", "heavier", "retry", "close", "drive", "wait", "release", "assign"])
FAULTS: Final = st.lists(st.sampled_from(["before", "after", ""]), max_size=8)


@given(steps=st.lists(STEPS, max_size=12), faults=FAULTS)
@settings(deadline=None)
async def test_whatever_happens_fleet_and_scheduler_agree(steps: list[str], faults: list[str]) -> None:
    """However events, people, faults and time mix: in the end what is promised is what is kept, and what was told."""
    world = World()
    world.fleet.faults = faults
    for step in steps:
        try:
            if step == "want":
                await world.saga.want(DELIVERY, KILOGRAM)
            elif step in {"weigh", "heavier"}:
                await world.saga.weigh(DELIVERY, KILOGRAM * (2 if step == "weigh" else 6))
            elif step == "retry":
                await world.saga.retry(DELIVERY)
            elif step == "close":
                await world.saga.close(DELIVERY)
            elif step == "release":
                await world.service.release(DELIVERY, lambda _: None)
            elif step == "assign":
                await world.service.assign(DELIVERY, KILOGRAM, lambda _: None)
            elif step == "drive":
                await world.drive(1)
            else:
                world.time += LONG
        except (Conflict, NotFound, Unavailable):
            continue
    world.time += LONG
    if (left := await world.kept.get(DELIVERY)) is not None:
        await world.kept.postpone(left, 0.0)  # what a caller left is due after a while
    await world.drive(30)
    present = await world.kept.get(DELIVERY)
    reserved = present is not None and present.status is Status.RESERVED
    assert present is None or not present.is_driven
    assert world.promised == (present.weight_grams if present is not None and reserved else 0)
    heard = [topic for topic in world.topics if topic != "refused"]
    assert heard == ["reserved", "released"] * (len(heard) // 2) + ["reserved"] * (len(heard) % 2)
    assert bool(len(heard) % 2) == reserved

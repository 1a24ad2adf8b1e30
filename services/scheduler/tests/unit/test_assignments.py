"""The use cases over memory: what is kept when, whatever the fleet does, and whoever else is at it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from arnia.chassis.events import Event
from arnia.errors import Conflict, NotFound, Unavailable
from scheduler.models.assignments import Assignment, Status
from scheduler.models.errors import AssignmentDiffers, AssignmentNotFound, NoDroneFits
from scheduler.repositories.assignments import Filters, Sort, Work
from scheduler.repositories.memory import MemoryAssignments, MemoryFleet
from scheduler.services.assignments import AssignmentService

DELIVERY = UUID(int=7)
DRONE = UUID(int=1)
SLOW = 12
"""Turns of the loop that a slow fleet takes: more than others need to release and to ask anew."""


def accept(_: Assignment | None) -> None:
    """Accept every state."""


class UnreliableFleet(MemoryFleet):
    """A fleet that is slow, or whose answers get lost: before it has done what it was asked, or after."""

    def __init__(self, capacities: dict[UUID, int], faults: list[str]) -> None:
        super().__init__(capacities)
        self.faults = faults
        self.calls = 0
        self.asked = asyncio.Event()

    async def _next(self) -> str:
        self.calls += 1
        self.asked.set()
        fault = self.faults.pop(0) if self.faults else ""
        for _ in range(SLOW if fault == "slow" else 1):
            await asyncio.sleep(0)
        return fault

    @override
    async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
        """Reserve, perhaps."""
        fault = await self._next()
        if fault == "before":
            raise Unavailable
        drone = await super().reserve(reservation_id, delivery_id, weight_grams)
        await asyncio.sleep(0)
        if fault == "after":
            raise Unavailable
        return drone

    @override
    async def release(self, reservation_id: UUID) -> None:
        """Release, perhaps."""
        fault = await self._next()
        if fault == "before":
            raise Unavailable
        await super().release(reservation_id)
        await asyncio.sleep(0)
        if fault == "after":
            raise Unavailable


class Scheduler:
    """The use cases over one memory, and a fleet of one drone."""

    def __init__(self, *faults: str, grams: int = 5000) -> None:
        self.kept = MemoryAssignments()
        self.fleet = UnreliableFleet({DRONE: grams}, list(faults))
        self.open = 0
        self.told: list[Event] = []

        @asynccontextmanager
        async def unit() -> AsyncIterator[Work]:
            self.open += 1
            yield Work(self.kept, self)
            self.open -= 1

        self.service = AssignmentService(unit, self.fleet)

    def emit(self, event: Event) -> None:
        """Hear what is told."""
        self.told.append(event)

    async def present(self, delivery: UUID = DELIVERY) -> Assignment:
        """Return what is kept."""
        found = await self.kept.get(delivery)
        assert found is not None
        return found

    def agrees(self, assignment: Assignment) -> bool:
        """Tell whether the fleet has promised what the assignment says, and nothing else."""
        promised = {key: value for key, value in self.fleet.promised.items() if value[1] == assignment.id}
        if assignment.status is Status.RESERVED:
            what = (assignment.drone_id, assignment.id, assignment.weight_grams)
            return promised == {assignment.reservation_id: what}
        return promised == {}


async def test_a_drone_is_reserved_once() -> None:
    """The first request makes the assignment; the same again returns it, and asks nobody."""
    scheduler = Scheduler()
    first = await scheduler.service.assign(DELIVERY, 1000, accept)
    again = await scheduler.service.assign(DELIVERY, 1000, accept)
    assert (first.new, again.new) == (True, False)
    assert first.assignment == again.assignment == await scheduler.present()
    assert (first.assignment.status, first.assignment.drone_id) == (Status.RESERVED, DRONE)
    assert scheduler.fleet.calls == 1
    with pytest.raises(AssignmentDiffers):
        await scheduler.service.assign(DELIVERY, 1001, accept)


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_lost_answer_is_asked_for_again(fault: str) -> None:
    """Whether or not the drone was reserved: `requested` is kept, and the same request ends with one reservation."""
    scheduler = Scheduler(fault)
    with pytest.raises(Unavailable):
        await scheduler.service.assign(DELIVERY, 1000, accept)
    assert (await scheduler.present()).status is Status.REQUESTED
    outcome = await scheduler.service.assign(DELIVERY, 1000, accept)
    assert outcome.new
    assert scheduler.agrees(outcome.assignment)


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_request_without_answer_can_be_given_up(fault: str) -> None:
    """DELETE after a lost answer leaves no reservation behind, and nobody sees the assignment any more."""
    scheduler = Scheduler(fault)
    with pytest.raises(Unavailable):
        await scheduler.service.assign(DELIVERY, 1000, accept)
    await scheduler.service.release(DELIVERY, accept)
    assert scheduler.fleet.promised == {}
    with pytest.raises(AssignmentNotFound):
        await scheduler.service.get(DELIVERY)
    with pytest.raises(AssignmentNotFound):
        await scheduler.service.release(DELIVERY, accept)
    assert await scheduler.service.find(Filters(), Sort.CREATED_AT, None, 10) == []


@pytest.mark.parametrize("fault", ["before", "after"])
async def test_a_release_without_answer_is_asked_for_again(fault: str) -> None:
    """`releasing` is kept; the same request, or a new assignment, finds out what became of it first."""
    scheduler = Scheduler("", fault)
    await scheduler.service.assign(DELIVERY, 1000, accept)
    with pytest.raises(Unavailable):
        await scheduler.service.release(DELIVERY, accept)
    assert (await scheduler.service.get(DELIVERY)).status is Status.RELEASING
    outcome = await scheduler.service.assign(DELIVERY, 4500, accept)
    assert scheduler.agrees(outcome.assignment)
    await scheduler.service.release(DELIVERY, accept)
    assert scheduler.fleet.promised == {}


async def test_a_refusal_is_kept_with_its_reason() -> None:
    """No drone fits: the caller is told, the assignment says so, and it may be asked again and given up."""
    scheduler = Scheduler(grams=500)
    with pytest.raises(NoDroneFits):
        await scheduler.service.assign(DELIVERY, 1000, accept)
    refused = await scheduler.present()
    assert (refused.status, refused.refusal) == (Status.REFUSED, "scheduler-no-drone-fits")
    outcome = await scheduler.service.assign(DELIVERY, 400, accept)
    assert (outcome.assignment.status, outcome.assignment.refusal) == (Status.RESERVED, None)
    await scheduler.service.release(DELIVERY, accept)
    with pytest.raises(NoDroneFits):
        await scheduler.service.assign(DELIVERY, 1000, accept)
    await scheduler.service.release(DELIVERY, accept)
    assert (await scheduler.present()).status is Status.RELEASED


async def test_an_overtaken_request_gives_back_what_it_took() -> None:
    """A release between the request and its answer: nothing stays reserved that nobody knows of."""
    scheduler = Scheduler()
    assigning = asyncio.ensure_future(scheduler.service.assign(DELIVERY, 1000, accept))
    await scheduler.fleet.asked.wait()
    await scheduler.service.release(DELIVERY, accept)
    outcome = await assigning
    assert scheduler.agrees(outcome.assignment)
    assert len(scheduler.fleet.promised) == 1


async def test_what_was_given_back_is_asked_for_under_another_identity() -> None:
    """Somebody gave back what is still requested: the delivery gets its drone all the same, and has only that one."""
    scheduler = Scheduler("before")
    with pytest.raises(Unavailable):
        await scheduler.service.assign(DELIVERY, 1000, accept)
    requested = await scheduler.present()
    await scheduler.fleet.release(requested.reservation_id)
    outcome = await scheduler.service.assign(DELIVERY, 1000, accept)
    assert outcome.assignment.reservation_id != requested.reservation_id
    assert scheduler.agrees(outcome.assignment)


async def test_a_reservation_that_comes_late_does_not_stand_in_the_way() -> None:
    """Overtaken by a release and a new request, whoever reserved at last gives that back: the delivery gets a drone."""
    scheduler = Scheduler("slow", "", "", "slow")
    overtaken = asyncio.ensure_future(scheduler.service.assign(DELIVERY, 1000, accept))
    await scheduler.fleet.asked.wait()
    await scheduler.service.release(DELIVERY, accept)
    other = asyncio.ensure_future(scheduler.service.assign(DELIVERY, 1000, accept))
    await asyncio.gather(overtaken, other, return_exceptions=True)
    outcome = await scheduler.service.assign(DELIVERY, 1000, accept)
    assert scheduler.agrees(outcome.assignment)


async def test_no_transaction_is_open_while_the_fleet_is_asked() -> None:
    """What is kept is kept before the fleet is asked, so a slow fleet holds no connection and no lock."""
    scheduler = Scheduler()
    seen: list[int] = []
    real = scheduler.fleet.reserve

    class Watching(MemoryFleet):
        @override
        async def reserve(self, reservation_id: UUID, delivery_id: UUID, weight_grams: int) -> UUID:
            seen.append(scheduler.open)
            return await real(reservation_id, delivery_id, weight_grams)

    service = AssignmentService(scheduler.service._unit, Watching({}))
    await service.assign(DELIVERY, 1000, accept)
    assert seen == [0]


@settings(max_examples=150, deadline=None)
@given(
    faults=st.lists(st.sampled_from(["", "slow", "before", "after"]), max_size=12),
    requests=st.lists(st.tuples(st.sampled_from([1000, 2000, 6000, None]), st.integers(0, 4)), min_size=1, max_size=6),
)
def test_whatever_happens_the_next_request_puts_it_right(
    faults: list[str], requests: list[tuple[int | None, int]]
) -> None:
    """After any requests at once, with any answers lost, one more request leaves fleet and assignment agreeing."""

    async def play() -> None:
        scheduler = Scheduler(*faults)

        async def ask(grams: int | None, late: int) -> None:
            for _ in range(late):
                await asyncio.sleep(0)
            with suppress(Conflict, NotFound, Unavailable):
                if grams is None:
                    await scheduler.service.release(DELIVERY, accept)
                else:
                    await scheduler.service.assign(DELIVERY, grams, accept)

        await asyncio.gather(*(ask(grams, late) for grams, late in requests))
        scheduler.fleet.faults = []
        left = await scheduler.kept.get(DELIVERY)
        if left is not None and left.status is not Status.RELEASED:
            await scheduler.service.release(DELIVERY, accept)
        outcome = await scheduler.service.assign(DELIVERY, 500, accept)
        assert scheduler.agrees(outcome.assignment)
        await scheduler.service.release(DELIVERY, accept)
        assert scheduler.fleet.promised == {}

    asyncio.run(play())


async def test_thirty_deliveries_at_once_are_never_doubled() -> None:
    """However often each is asked for at once, each delivery has one reservation, and the drone is not oversold."""
    scheduler = Scheduler(grams=20_000)
    deliveries = [uuid4() for _ in range(30)]

    async def ask(delivery: UUID) -> None:
        with suppress(NoDroneFits):
            await scheduler.service.assign(delivery, 1000, accept)

    await asyncio.gather(*(ask(delivery) for delivery in deliveries * 3))
    assert len(scheduler.fleet.promised) == 20
    assert len({delivery for _, delivery, _ in scheduler.fleet.promised.values()}) == 20

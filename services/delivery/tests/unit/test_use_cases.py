"""The business logic, with neither server nor network."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from arnia.chassis.events import Event
from arnia.chassis.ownership import Ownership
from arnia.errors import Conflict, PreconditionFailed
from delivery.models.deliveries import Delivery, Status
from delivery.models.errors import DeliveryNotFound, NotCancellable, NotChangeable, NotConfirmable, NotRemovable
from delivery.models.events import DeliveryCancelled, DeliveryCreated, DeliveryRescheduled
from delivery.models.values import Location, Order, Schedule
from delivery.repositories.deliveries import Filters, Sort
from delivery.repositories.memory import MemoryDeliveries
from delivery.services.deliveries import DeliveryService

SOME_ID = UUID(int=1)
ADA, BEN = Ownership(subject="ada"), Ownership(subject="ben")
DRONE = UUID(int=2)
ROME = Location(latitude=41.9028, longitude=12.4964)


class Bench:
    """The use cases over a dictionary, an open ear, and a clock that moves a second at each look."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.service = DeliveryService(MemoryDeliveries(ADA), self, self.now)
        self.time = datetime(2026, 12, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Return a later time than before."""
        self.time += timedelta(seconds=1)
        return self.time

    def emit(self, event: Event, /) -> None:
        """Hear an event."""
        self.heard.append(event)

    @property
    def topics(self) -> list[str]:
        """What was heard about."""
        return [event.topic for event in self.heard]


@pytest.fixture
def bench() -> Bench:
    """Return use cases without any delivery."""
    return Bench()


def anyhow(_: Delivery | None) -> None:
    """Accept any present state."""


def never(_: Delivery | None) -> None:
    """Accept no present state."""
    raise PreconditionFailed


async def test_create_makes_another_each_time(bench: Bench, order: Order) -> None:
    """The same order twice is two deliveries, each with its own event."""
    first, second = await bench.service.create(order), await bench.service.create(order)
    assert first.id != second.id
    assert [event.aggregate_id for event in bench.heard] == [first.id, second.id]


async def test_created_event_is_fat(bench: Bench, order: Order) -> None:
    """Whoever hears of a new delivery knows all of its order."""
    delivery = await bench.service.create(order)
    assert bench.heard == [
        DeliveryCreated(
            aggregate_id=delivery.id,
            created_at=delivery.created_at,
            pickup=order.pickup,
            dropoff=order.dropoff,
            items=order.items,
            weight_grams=1000,
            pickup_time=order.schedule.pickup_time,
            deadline=order.schedule.deadline,
        )
    ]


async def test_put_creates_then_replaces_nothing(bench: Bench, order: Order) -> None:
    """Putting the same order twice leaves the first delivery as it was, and one event."""
    first = await bench.service.put(SOME_ID, order, anyhow)
    second = await bench.service.put(SOME_ID, order, anyhow)
    assert first.before is None
    assert second.before == second.after == first.after
    assert bench.topics == ["delivery.created"]


async def test_put_replaces(bench: Bench, order: Order) -> None:
    """Putting another order replaces the first, counts the change, and tells of it."""
    await bench.service.put(SOME_ID, order, anyhow)
    change = await bench.service.put(SOME_ID, order.replacing(dropoff=ROME), anyhow)
    assert change.after.order.dropoff == ROME
    assert change.after.version == 2
    assert bench.topics == ["delivery.created", "delivery.changed"]


async def test_put_begins_again_when_removed_meanwhile(order: Order) -> None:
    """A delivery that disappears between the two halves of a PUT is created after all."""

    class Forgetful(MemoryDeliveries):
        """Says once that an identity is taken, although nobody has it."""

        asked = 0

        async def add(self, delivery: Delivery) -> bool:
            """Refuse the first time."""
            self.asked += 1
            return self.asked > 1 and await super().add(delivery)

    change = await DeliveryService(Forgetful(ADA), Bench()).put(SOME_ID, order, anyhow)
    assert change.before is None


async def test_what_others_own(order: Order) -> None:
    """A delivery of somebody else is not there, whatever is done to it; a PUT to it finds nothing to replace."""
    kept: dict[UUID, tuple[str, Delivery]] = {}
    ada, ben = (DeliveryService(MemoryDeliveries(owner, kept), Bench()) for owner in (ADA, BEN))
    placed = (await ada.put(SOME_ID, order, anyhow)).after
    with pytest.raises(DeliveryNotFound):
        await ben.get(SOME_ID)
    with pytest.raises(DeliveryNotFound):
        await ben.put(SOME_ID, order, anyhow)
    with pytest.raises(PreconditionFailed):
        await ben.put(SOME_ID, order, never)
    with pytest.raises(DeliveryNotFound):
        await ben.remove(SOME_ID, anyhow)
    assert await ben.find(Filters(), Sort.CREATED_AT, None, 10) == []
    assert await ada.get(SOME_ID) == placed


async def test_whole_life(bench: Bench, order: Order) -> None:
    """A delivery is assigned, departs and is confirmed; its status and its hearers follow."""
    delivery = await bench.service.create(order)
    steps = [
        await bench.service.assign(delivery.id, DRONE, anyhow),
        await bench.service.depart(delivery.id, anyhow),
        await bench.service.confirm(delivery.id, "Ada", anyhow),
    ]
    assert [step.after.status for step in steps] == [Status.SCHEDULED, Status.IN_TRANSIT, Status.COMPLETED]
    assert bench.topics == ["delivery.created", "delivery.completed"]
    assert await bench.service.get(delivery.id) == steps[-1].after


async def test_reschedule_tells(bench: Bench, order: Order) -> None:
    """Another schedule is told once, however often it is asked for."""
    delivery = await bench.service.create(order)
    later = Schedule(pickup_time=order.schedule.pickup_time, deadline=order.schedule.deadline + timedelta(hours=1))
    change = await bench.service.reschedule(delivery.id, later, anyhow)
    await bench.service.reschedule(delivery.id, later, anyhow)
    assert bench.heard[1:] == [
        DeliveryRescheduled(
            aggregate_id=delivery.id,
            rescheduled_at=change.after.updated_at,
            pickup_time=later.pickup_time,
            deadline=later.deadline,
        )
    ]


async def test_refusals(bench: Bench, order: Order) -> None:
    """What is not legal in a status is refused, by a name of its own, and nothing is told."""
    delivery = await bench.service.create(order)
    with pytest.raises(NotConfirmable):
        await bench.service.confirm(delivery.id, "Ada", anyhow)
    await bench.service.assign(delivery.id, DRONE, anyhow)
    await bench.service.depart(delivery.id, anyhow)
    with pytest.raises(NotChangeable):
        await bench.service.redirect(delivery.id, ROME, anyhow)
    with pytest.raises(NotCancellable):
        await bench.service.cancel(delivery.id, "rain", anyhow)
    with pytest.raises(NotRemovable):
        await bench.service.remove(delivery.id, anyhow)
    assert bench.topics == ["delivery.created"]


async def test_repetition_after_the_end(bench: Bench, order: Order) -> None:
    """A confirmation may be repeated, and not replaced by another one."""
    delivery = await bench.service.create(order)
    await bench.service.assign(delivery.id, DRONE, anyhow)
    await bench.service.depart(delivery.id, anyhow)
    first = await bench.service.confirm(delivery.id, "Ada", anyhow)
    assert (await bench.service.confirm(delivery.id, "Ada", anyhow)).after == first.after
    with pytest.raises(NotConfirmable):
        await bench.service.confirm(delivery.id, "Grace", anyhow)


async def test_assignment_of_a_cancelled_delivery(bench: Bench, order: Order) -> None:
    """A scheduler that repeats its assignment hears when the delivery was cancelled in between."""
    delivery = await bench.service.create(order)
    await bench.service.assign(delivery.id, DRONE, anyhow)
    await bench.service.cancel(delivery.id, "rain", anyhow)
    with pytest.raises(Conflict):
        await bench.service.assign(delivery.id, DRONE, anyhow)


async def test_remove_tells_who_waits(bench: Bench, order: Order) -> None:
    """Removing an open delivery tells that it will not take place; removing a finished one tells nothing."""
    waiting, over = await bench.service.create(order), await bench.service.create(order)
    await bench.service.cancel(over.id, "rain", anyhow)
    bench.heard.clear()
    await bench.service.remove(over.id, anyhow)
    await bench.service.remove(waiting.id, anyhow)
    assert bench.heard == [DeliveryCancelled(aggregate_id=waiting.id, cancelled_at=bench.time, reason="removed")]


async def test_nothing_there(bench: Bench) -> None:
    """Reading, changing or removing what does not exist says so."""
    with pytest.raises(DeliveryNotFound):
        await bench.service.get(SOME_ID)
    with pytest.raises(DeliveryNotFound):
        await bench.service.depart(SOME_ID, anyhow)
    with pytest.raises(DeliveryNotFound):
        await bench.service.remove(SOME_ID, anyhow)


async def test_guard_comes_first(bench: Bench, order: Order) -> None:
    """A caller that does not accept the present state changes nothing, and its guard sees that state."""
    delivery = await bench.service.create(order)
    with pytest.raises(PreconditionFailed):
        await bench.service.depart(delivery.id, never)
    with pytest.raises(PreconditionFailed):
        await bench.service.remove(delivery.id, never)
    seen: list[Delivery | None] = []
    await bench.service.put(delivery.id, order, seen.append)
    await bench.service.put(SOME_ID, order, seen.append)
    assert seen == [delivery, None]

"""One suite for whatever keeps deliveries: the dictionary and PostgreSQL pass the same tests."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from delivery.models.deliveries import Delivery, Status
from delivery.models.values import Order, Schedule
from delivery.repositories.deliveries import DeliveryRepository, Filters, Place, Sort
from delivery.repositories.memory import MemoryDeliveries
from delivery.repositories.sql import SqlDeliveries

ANY = Filters()


@pytest.fixture
async def sql(database: Database) -> AsyncIterator[DeliveryRepository]:
    """Return the repository in PostgreSQL, within a transaction that is undone in the end."""
    session = database.session(read_only=False)
    yield SqlDeliveries(session)
    await session.rollback()


@pytest.fixture
def memory() -> DeliveryRepository:
    """Return the repository in a dictionary."""
    return MemoryDeliveries()


@pytest.fixture(params=["memory", "sql"])
def repository(request: pytest.FixtureRequest) -> DeliveryRepository:
    """Return each of them in turn."""
    found: DeliveryRepository = request.getfixturevalue(request.param)
    return found


def placed(order: Order, now: datetime, *, hours: int = 0) -> Delivery:
    """Return a new delivery whose pickup is `hours` later than the order says."""
    schedule = order.schedule
    later = timedelta(hours=hours)
    schedule = Schedule(pickup_time=schedule.pickup_time + later, deadline=schedule.deadline + later)
    return Delivery.place(uuid7(), order.replacing(schedule=schedule), now)


@pytest.fixture
def now(order: Order) -> datetime:
    """Return the time at which everything in these tests happens."""
    return order.schedule.pickup_time - timedelta(days=1)


async def test_round_trip(repository: DeliveryRepository, order: Order, now: datetime) -> None:
    """What was kept is read back equal, through every step of a life."""
    delivery = placed(order, now)
    assert await repository.add(delivery)
    steps = (
        delivery,
        delivery := delivery.assign(UUID(int=1), now + timedelta(microseconds=1)),
        delivery := delivery.depart(now + timedelta(seconds=2)),
        delivery := delivery.confirm("Ada", now + timedelta(seconds=3)),
    )
    for step in steps:
        await repository.save(step)
        assert await repository.get(delivery.id) == step
        assert await repository.lock(delivery.id) == step


async def test_cancelled_round_trip(repository: DeliveryRepository, order: Order, now: datetime) -> None:
    """The end that is no arrival is kept too."""
    delivery = placed(order, now)
    await repository.add(delivery)
    cancelled = delivery.cancel("rain", now)
    await repository.save(cancelled)
    assert await repository.get(delivery.id) == cancelled


async def test_add_once(repository: DeliveryRepository, order: Order, now: datetime) -> None:
    """An identity is taken once; a second delivery with it is refused and changes nothing."""
    delivery = placed(order, now)
    assert await repository.add(delivery)
    assert not await repository.add(Delivery.place(delivery.id, order, now + timedelta(days=1)))
    assert await repository.get(delivery.id) == delivery


async def test_remove(repository: DeliveryRepository, order: Order, now: datetime) -> None:
    """What was removed is gone, and its identity is free again."""
    delivery = placed(order, now)
    await repository.add(delivery)
    await repository.remove(delivery.id)
    assert await repository.get(delivery.id) is None
    assert await repository.lock(delivery.id) is None
    assert await repository.add(delivery)


async def test_filters(repository: DeliveryRepository, order: Order, now: datetime) -> None:
    """A listing holds what passes every filter: from a moment on, and up to another without it."""
    early, middle, late = (placed(order, now, hours=hours) for hours in (0, 1, 2))
    for delivery in (early, middle, late):
        await repository.add(delivery)
    await repository.save(middle.cancel("rain", now))

    async def ids(filters: Filters) -> list[UUID]:
        return [one.id for one in await repository.find(filters, Sort.PICKUP_TIME, None, 10)]

    start, end = middle.order.schedule.pickup_time, late.order.schedule.pickup_time
    assert await ids(ANY) == [early.id, middle.id, late.id]
    assert await ids(Filters(status=Status.PENDING)) == [early.id, late.id]
    assert await ids(Filters(status=Status.CANCELLED)) == [middle.id]
    assert await ids(Filters(pickup_after=start)) == [middle.id, late.id]
    assert await ids(Filters(pickup_after=start, pickup_before=end)) == [middle.id]
    assert await ids(Filters(status=Status.PENDING, pickup_after=start, pickup_before=end)) == []


@pytest.mark.parametrize("sort", Sort)
async def test_pages(repository: DeliveryRepository, order: Order, now: datetime, sort: Sort) -> None:
    """Page after page gives each delivery once, in order, also where many have the same sort key."""
    deliveries = [placed(order, now + timedelta(seconds=number // 3), hours=number % 2) for number in range(10)]
    for delivery in deliveries:
        await repository.add(delivery)
    expected = sorted(deliveries, key=lambda delivery: Place.of(delivery, sort), reverse=sort.descending)
    found: list[Delivery] = []
    while page := await repository.find(ANY, sort, Place.of(found[-1], sort) if found else None, 3):
        assert len(page) <= 3
        found += page
    assert found == expected

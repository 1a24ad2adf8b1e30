"""One suite for whatever keeps deliveries: the dictionary and PostgreSQL pass the same tests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.ownership import Ownership
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.testing.ownership import OwnedConformance, UnitsOfWork
from arnia.testing.repositories import UnitOfWork, remembered, transactional
from delivery.models.deliveries import Delivery, Status
from delivery.models.values import Item, Location, Money, Order, Schedule
from delivery.repositories.deliveries import Filters, Place, Sort
from delivery.repositories.memory import MemoryDeliveries
from delivery.repositories.sql import SqlDeliveries

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DISOWN = Statement(text("UPDATE deliveries SET owner = NULL WHERE id = :id"))


def pickup_time(delivery: Delivery) -> datetime:
    """Return when a delivery is picked up."""
    return delivery.order.schedule.pickup_time


class Deliveries(OwnedConformance[Delivery]):
    """What the suite has to know about deliveries."""

    def make(self, serial: int) -> Delivery:
        """Return a new delivery; each three share their moments, each other one is scheduled."""
        then = NOON + (serial // 3) * HOUR
        order = Order(
            pickup=Location(latitude=45.4642, longitude=9.19),
            dropoff=Location(latitude=-33.8688, longitude=151.2093),
            items=(Item(name="Honey jar", price=Money(amount=Decimal("12.30"), currency="CHF"), quantity=serial),),
            schedule=Schedule(pickup_time=then + HOUR, deadline=then + 2 * HOUR),
        )
        delivery = Delivery.place(uuid7(), order, then)
        return delivery.assign(uuid7(), then) if serial % 2 else delivery

    def change(self, entity: Delivery) -> Delivery:
        """Return it as cancelled."""
        return entity.cancel("rain", entity.updated_at + timedelta(microseconds=1))

    def identity(self, entity: Delivery) -> UUID:
        """Return its identity."""
        return entity.id

    def place(self, entity: Delivery, sort: Sort) -> Place:
        """Return its place in a listing."""
        return Place.of(entity, sort)

    def sorts(self) -> Mapping[Sort, Callable[[Delivery], datetime]]:
        """Return all sorts."""
        return {sort: pickup_time if sort.key == "pickup_time" else lambda one: one.created_at for sort in Sort}

    def filters(self) -> Sequence[tuple[Filters, Callable[[Delivery], bool]]]:
        """Return each filter by itself, and all together; a window holds its start and not its end."""
        start, end = NOON + 2 * HOUR, NOON + 4 * HOUR
        return [
            (Filters(), lambda _: True),
            (Filters(status=Status.SCHEDULED), lambda one: one.assignment is not None),
            (Filters(status=Status.COMPLETED), lambda _: False),
            (Filters(pickup_after=start), lambda one: pickup_time(one) >= start),
            (Filters(pickup_before=end), lambda one: pickup_time(one) < end),
            (
                Filters(Status.PENDING, start, end),
                lambda one: one.assignment is None and start <= pickup_time(one) < end,
            ),
        ]

    async def test_whole_life(self, unit: UnitOfWork) -> None:
        """Every step of a life is kept, to the last field and microsecond."""
        delivery = self.make(0)
        async with unit() as repository:
            await repository.add(delivery)
        for step in (
            lambda one, now: one.assign(UUID(int=1), now),
            Delivery.depart,
            lambda one, now: one.confirm("Ada", now),
        ):
            delivery = step(delivery, delivery.updated_at + timedelta(microseconds=1))
            async with unit() as repository:
                await repository.save(delivery)
            async with unit() as repository:
                assert await repository.get(delivery.id) == delivery


class TestMemoryDeliveries(Deliveries):
    """The dictionary."""

    @pytest.fixture
    def units(self) -> UnitsOfWork:
        """Return blocks over one dictionary."""
        kept: dict[UUID, tuple[str, Delivery]] = {}
        return lambda ownership: remembered(MemoryDeliveries(ownership, kept))


class TestSqlDeliveries(Deliveries):
    """PostgreSQL."""

    @pytest.fixture
    def units(self, database: Database) -> UnitsOfWork:
        """Return blocks that are a transaction each."""
        return lambda ownership: transactional(database, lambda session: SqlDeliveries(session, ownership))

    async def test_what_nobody_owns(self, units: UnitsOfWork, database: Database) -> None:
        """A delivery from before there were owners is there for who reaches everything, and for nobody else."""
        delivery = self.make(1)
        async with units(Ownership(subject="ada"))() as repository:
            await repository.add(delivery)
        async with database.session(read_only=False) as session:
            await session.execute(DISOWN, id=delivery.id)
        async with units(Ownership(subject="ada"))() as repository:
            assert await repository.get(delivery.id) is None
            assert not await repository.add(delivery)
        async with units(Ownership(subject="ada", everything=True))() as repository:
            assert await repository.get(delivery.id) == delivery

"""What every test of this service begins with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from arnia.testing.plugin import ServiceSchema
from delivery.models.tables import Base
from delivery.models.values import Item, Location, Money, Order, Schedule

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def order() -> Order:
    """Return what a customer asks for: two jars of honey from Milan to Turin, from noon to two o'clock."""
    return Order(
        pickup=Location(latitude=45.4642, longitude=9.19),
        dropoff=Location(latitude=45.0703, longitude=7.6869),
        items=(Item(name="Honey jar", price=Money(amount=Decimal("12.30")), quantity=2),),
        schedule=Schedule(pickup_time=NOON, deadline=NOON + timedelta(hours=2)),
    )


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Return what a database of this service looks like."""
    return ServiceSchema(Base.metadata, Path(__file__).parents[1] / "migrations")

"""What every test of this service begins with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

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

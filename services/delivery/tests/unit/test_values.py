"""Value objects: valid by construction, at both sides of every limit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from delivery.models.values import Item, Location, Money, Order, Schedule

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
PRICE = Money(amount=Decimal("12.30"))


@pytest.mark.parametrize(("latitude", "longitude"), [(-90, -180), (90, 180), (0, 0), (89.99, -179.99)])
def test_location_on_earth(latitude: float, longitude: float) -> None:
    """A location takes every point of the Earth, poles and date line included."""
    assert Location(latitude=latitude, longitude=longitude).latitude == latitude


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(90.01, 0), (-90.01, 0), (0, 180.01), (0, -180.01), (float("nan"), 0), (0, float("inf"))],
)
def test_location_off_earth(latitude: float, longitude: float) -> None:
    """A location refuses what is no point of the Earth."""
    with pytest.raises(ValidationError):
        Location(latitude=latitude, longitude=longitude)


def test_location_is_immutable() -> None:
    """A value object is replaced, never changed."""
    with pytest.raises(ValidationError, match="frozen"):
        Location(latitude=1, longitude=2).latitude = 3  # type: ignore[misc]  # what must not be done


@pytest.mark.parametrize(("name", "quantity"), [("Jam", 0), ("x" * 50, 10_000), ("Pot", 1)])
def test_item_within_limits(name: str, quantity: int) -> None:
    """A name has 3 to 50 characters, a quantity is 0 to 10,000."""
    assert Item(name=name, price=PRICE, quantity=quantity).name == name


@pytest.mark.parametrize(("name", "quantity"), [("Ja", 0), ("x" * 51, 1), ("Jam", -1), ("Jam", 10_001)])
def test_item_beyond_limits(name: str, quantity: int) -> None:
    """One beyond any limit of an item is refused."""
    with pytest.raises(ValidationError):
        Item(name=name, price=PRICE, quantity=quantity)


@pytest.mark.parametrize("amount", ["0.01", "12.30", "999999.99"])
def test_money_within_limits(amount: str) -> None:
    """Money is more than nothing, in whole cents, below a million."""
    assert str(Money(amount=Decimal(amount)).amount) == amount


@pytest.mark.parametrize("amount", ["0", "-0.01", "0.001", "1000000.00", "NaN", "Infinity"])
def test_money_beyond_limits(amount: str) -> None:
    """Money refuses nothing, debts, fractions of a cent, millions and what is no number."""
    with pytest.raises(ValidationError):
        Money(amount=Decimal(amount))


def test_schedule_in_order() -> None:
    """The smallest step after the pickup time is a deadline."""
    moment = timedelta(microseconds=1)
    assert Schedule(pickup_time=NOON, deadline=NOON + moment).deadline - NOON == moment


@pytest.mark.parametrize("late", [timedelta(0), timedelta(microseconds=-1)])
def test_schedule_out_of_order(late: timedelta) -> None:
    """A deadline that is not after the pickup time breaks the rule of that name, at the deadline."""
    with pytest.raises(ValidationError) as caught:
        Schedule(pickup_time=NOON, deadline=NOON + late)
    assert [(fault["type"], fault["loc"]) for fault in caught.value.errors()] == [
        ("deadline-after-pickup", ("deadline",))
    ]


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        ("2026-12-01T12:00:00", "timezone_aware"),
        (1_764_590_400, "moment-not-rfc3339"),
        ("1764590400", "moment-not-rfc3339"),
        ("2026-12-01", "moment-not-rfc3339"),
        ("1999-12-31T23:59:59Z", "moment-out-of-range"),
        ("2200-01-01T00:00:00Z", "moment-out-of-range"),
        ("0001-01-01T00:00:00+23:59", "moment-out-of-range"),
        ("9999-12-31T23:59:59-23:59", "moment-out-of-range"),
    ],
)
def test_moment_refused(moment: object, code: str) -> None:
    """A moment is a date and time with an offset, in years that every conversion can carry."""
    with pytest.raises(ValidationError) as caught:
        Schedule.model_validate({"pickup_time": moment, "deadline": NOON})
    assert caught.value.errors()[0]["type"] == code


def test_moment_in_utc() -> None:
    """A moment is the same instant however its offset was written."""
    schedule = Schedule.model_validate({"pickup_time": "2026-12-01T13:00:00+01:00", "deadline": "2026-12-01T14:00:00Z"})
    assert schedule.pickup_time == NOON
    assert schedule.pickup_time.tzinfo is UTC


@pytest.mark.parametrize("count", [0, 101])
def test_order_item_count(order: Order, count: int) -> None:
    """An order has one to a hundred items."""
    with pytest.raises(ValidationError):
        Order(pickup=order.pickup, dropoff=order.dropoff, schedule=order.schedule, items=order.items * count)

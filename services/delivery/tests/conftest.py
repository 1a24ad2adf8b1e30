"""What every test of this service begins with."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pytest

from arnia.testing.issuer import TestIssuer
from arnia.testing.plugin import ServiceSchema
from delivery.models.tables import Base
from delivery.models.values import Item, Location, Money, Order, Schedule

Json: TypeAlias = dict[str, object]
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


@pytest.fixture(params=[1, 2])
def version(request: pytest.FixtureRequest) -> int:
    """Return each major version in turn."""
    number: int = request.param
    return number


@pytest.fixture
def collection(version: int) -> str:
    """Return the one path that a client has to know."""
    return f"/api/v{version}/deliveries"


@pytest.fixture
def body(version: int) -> Json:
    """Return the same order in the shape of the version."""
    milan, turin = {"latitude": 45.4642, "longitude": 9.19}, {"latitude": 45.0703, "longitude": 7.6869}
    schedule = {"pickup_time": "2026-12-01T12:00:00Z", "deadline": "2026-12-01T14:00:00Z"}
    if version == 1:
        items = [{"name": "Honey jar", "price": 12.3, "currency": "EUR", "quantity": 2}]
        return {"pickup": milan, "dropoff": turin, "items": items, **schedule}
    items = [{"name": "Honey jar", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}]
    return {"pickup": {"position": milan}, "dropoff": {"position": turin}, "items": items, "schedule": schedule}


def bearer_of(issuer: TestIssuer, subject: str, *roles: str) -> dict[str, str]:
    """Return the header of a caller who may do everything with what is theirs."""
    scopes = ["deliveries:read", "deliveries:write"]
    token = issuer.token(audience="delivery", subject=subject, scopes=scopes, roles=roles, seconds=86_400)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def bearer(issuer: TestIssuer) -> dict[str, str]:
    """Return the header of Alice, a customer."""
    return bearer_of(issuer, "alice", "customer")


@pytest.fixture(scope="session")
def another(issuer: TestIssuer) -> dict[str, str]:
    """Return the header of Mallory, another customer."""
    return bearer_of(issuer, "mallory", "customer")


@pytest.fixture(scope="session")
def operator(issuer: TestIssuer) -> dict[str, str]:
    """Return the header of Olga, an operator."""
    return bearer_of(issuer, "olga", "operator")

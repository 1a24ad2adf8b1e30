"""The service over a dictionary, without server or network, and what a client of each version sends to it."""

from collections.abc import AsyncIterator
from typing import TypeAlias

import httpx
import pytest
from pydantic import SecretStr

from arnia.chassis.application import Application
from arnia.chassis.events import Event
from delivery.api.dependencies import delivery_service
from delivery.config import Settings
from delivery.main import create
from delivery.repositories.memory import MemoryDeliveries
from delivery.services.deliveries import DeliveryService

Json: TypeAlias = dict[str, object]


class Ear:
    """Hears every event."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def emit(self, event: Event, /) -> None:
        """Note what it is about."""
        self.topics.append(event.topic)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Return settings that lead nowhere."""
    return Settings(
        port=0,
        database_url=SecretStr("postgresql://nobody@nowhere/nothing"),
        cursor_key=SecretStr("a key that is only known here"),
    )


@pytest.fixture
def ear() -> Ear:
    """Return whoever hears the events."""
    return Ear()


@pytest.fixture(scope="session")
def application() -> Application:
    """Return the service, put together once for all tests."""
    return create()


@pytest.fixture(scope="session")
def transport(application: Application, settings: Settings) -> httpx.ASGITransport:
    """Return the way to the service that needs no network."""
    return httpx.ASGITransport(application.asgi(settings))


@pytest.fixture
async def client(
    application: Application, transport: httpx.ASGITransport, ear: Ear
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the whole service, whose deliveries live in a dictionary of this test."""
    service = DeliveryService(MemoryDeliveries(), ear)
    application.overrides[delivery_service] = lambda: service
    async with httpx.AsyncClient(transport=transport, base_url="http://delivery") as client:
        yield client


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

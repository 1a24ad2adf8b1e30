"""The service over dictionaries, without server or network."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from arnia.chassis.application import Application
from arnia.chassis.events import Event
from arnia.testing.issuer import TestIssuer
from drone.api.dependencies import drone_service, reservation_service
from drone.config import Settings
from drone.main import create
from drone.repositories.memory import MemoryDrones, MemoryReservations
from drone.services.drones import DroneService
from drone.services.reservations import ReservationService


class Ear:
    """Hears every event."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def emit(self, event: Event, /) -> None:
        """Note what it is about."""
        self.topics.append(event.topic)


@pytest.fixture(scope="session")
def settings(issuer: TestIssuer) -> Settings:
    """Return settings that lead nowhere but to the issuer of tokens."""
    return Settings(
        port=0,
        issuer=issuer.url,
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
    application: Application, transport: httpx.ASGITransport, ear: Ear, bearer: dict[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the whole service, whose drones live in a dictionary of this test."""
    kept = MemoryDrones()
    drones = DroneService(kept, ear)
    reservations = ReservationService(MemoryReservations(kept), ear)
    application.overrides.update({drone_service: lambda: drones, reservation_service: lambda: reservations})
    async with httpx.AsyncClient(transport=transport, base_url="http://drone", headers=bearer) as client:
        yield client

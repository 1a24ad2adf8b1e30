"""The service over a dictionary, without server or network."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from arnia.chassis.application import Application
from arnia.chassis.events import Event
from arnia.testing.issuer import TestIssuer
from delivery.api.dependencies import Reach, delivery_service
from delivery.config import Settings
from delivery.main import create
from delivery.models.deliveries import Delivery
from delivery.repositories.memory import MemoryDeliveries
from delivery.services.deliveries import DeliveryService


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
    """Return a client of the whole service, whose deliveries live in a dictionary of this test."""
    kept: dict[UUID, tuple[str, Delivery]] = {}

    async def service(reach: Reach) -> DeliveryService:
        return DeliveryService(MemoryDeliveries(reach, kept), ear)

    application.overrides[delivery_service] = service
    async with httpx.AsyncClient(transport=transport, base_url="http://delivery", headers=bearer) as client:
        yield client

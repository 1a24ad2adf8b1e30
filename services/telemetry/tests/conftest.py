"""What every test of this service begins with: its tables, a broker of its own, and callers."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from pydantic import SecretStr

from arnia.local.brokers import LocalBroker
from arnia.local.ports import free_port
from arnia.local.servers.nats import Nats
from arnia.local.servers.server import start
from arnia.local.voices import Voice
from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from arnia.testing.plugin import ServiceSchema
from telemetry.config import Settings
from telemetry.main import create
from telemetry.models.tables import Base


class Opening(Protocol):
    """Runs the service, and gives a client of it."""

    def __call__(self, **settings: object) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Run the service with these settings for as long as the block lasts."""
        ...


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Give test databases the tables of this service."""
    return ServiceSchema(Base.metadata, Path(__file__).parents[1] / "migrations")


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Give a broker of this module, in which the service tells and hears what it declares."""
    folder = tmp_path_factory.mktemp("nats")
    voice = Voice(emits=("telemetry",), hears=("telemetry",))
    server = Nats(folder, free_port(), log=folder / "log", users={"telemetry": voice}, durable=False)
    start(server, 30.0)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def broker(nats: Nats) -> LocalBroker:
    """Return the broker that the service is told of; a module that wants another overrides this."""
    return nats


@pytest.fixture(scope="session")
def bearer(issuer: TestIssuer) -> dict[str, str]:
    """Return the header of a caller who may do everything."""
    scopes = ["drones:read", "telemetry:write"]
    token = issuer.token(audience="telemetry", scopes=scopes, roles=["operator"], seconds=86_400)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def opening(database_url: str, broker: LocalBroker, issuer: TestIssuer, bearer: dict[str, str]) -> Opening:
    """Give what runs the service, over a real database and a real broker."""

    @asynccontextmanager
    async def opened(**settings: object) -> AsyncIterator[httpx.AsyncClient]:
        given: dict[str, object] = {
            "environment": "test",
            "port": 0,
            "issuer": issuer.url,
            "database_url": SecretStr(database_url),
            "cursor_key": SecretStr("a key that is only known here"),
            "broker_url": SecretStr(broker.url_of("telemetry")),
        }
        spine = create().asgi(Settings.model_validate({**given, **settings}))
        transport = httpx.ASGITransport(spine)
        async with (
            Lifespan(spine),
            httpx.AsyncClient(transport=transport, base_url="http://telemetry", headers=bearer) as client,
        ):
            yield client

    return opened

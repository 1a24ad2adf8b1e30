"""Gives the tests of events a database, a real broker, and a service that emits and hears, as processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from arnia.local.ports import free_port
from arnia.local.servers.nats import Nats
from arnia.local.servers.server import start
from arnia.local.voices import Voice
from arnia.testing.parcels import ParcelModel
from arnia.testing.plugin import ServiceSchema


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Give the schema of the smallest service."""
    return ServiceSchema(ParcelModel.metadata, Path(__file__).parents[1] / "data" / "migrations")


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    """Give a broker that knows the service `scales`, which hears what it says itself."""
    users = {"scales": Voice(emits=("parcel",), hears=("parcel",))}
    server = Nats(tmp_path / "nats", free_port(), log=tmp_path / "nats.log", users=users, durable=False)
    start(server, 20.0)
    yield server
    server.stop()

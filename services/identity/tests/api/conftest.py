"""The service as its own process, with a database of its own and OAuth clients of every kind."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from services.identity.tests.parties import settings_of

from arnia.testing.processes import ServiceProcess


@pytest.fixture(scope="module")
def identity(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Run it for the tests of a module."""
    log = tmp_path_factory.mktemp("identity") / "log"
    with ServiceProcess("identity", "identity.main", settings_of(database_url), log) as process:
        yield process


@pytest.fixture
async def http(identity: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of it."""
    async with httpx.AsyncClient(base_url=identity.url, timeout=30, trust_env=False) as client:
        yield client

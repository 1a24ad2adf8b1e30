"""Fixtures of pytest for real servers; load it with `pytest_plugins = ["arnia.testing.plugin"]`.

A service whose tests need its tables overrides `service_schema`:

```python
@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    return ServiceSchema(Base.metadata, Path("services/delivery/migrations"))
```
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest
from pydantic import SecretStr
from sqlalchemy import MetaData

from arnia.chassis.database import Database
from arnia.chassis.migrations import upgrade
from arnia.local.servers.postgres import Postgres
from arnia.testing.postgres import DatabaseAccess, fresh_database, shared_postgres, stop_shared_postgres

if TYPE_CHECKING:
    from arnia.testing.issuer import TestIssuer

__all__ = ["ServiceSchema"]

RUN: Final = pytest.StashKey[Path]()
SERVER: Final = pytest.StashKey[Postgres]()
WORKER_INPUT: Final = "arnia_run"


@dataclass(frozen=True, slots=True)
class ServiceSchema:
    """The models of a service and the folder with its migrations."""

    metadata: MetaData
    migrations: Path


class WorkerNode(Protocol):
    """A worker of pytest-xdist, as the process that controls it sees it."""

    config: pytest.Config
    workerinput: dict[str, object]


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the processes of this test run share."""
    given = _worker_input(config)
    config.stash[RUN] = Path(tempfile.mkdtemp(prefix="arnia-test-")) if given is None else Path(given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerNode) -> None:
    """Tell a worker of pytest-xdist where that folder is."""
    node.workerinput[WORKER_INPUT] = str(node.config.stash[RUN])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared server when the run is over: the controlling process outlives its workers."""
    if _worker_input(config) is None:
        run = config.stash[RUN]
        stop_shared_postgres(run, config.stash.get(SERVER, None))
        shutil.rmtree(run, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> Postgres:
    """Give the one PostgreSQL of this test run."""
    alone = _worker_input(pytestconfig) is None
    # The stash keeps it beyond the session: a process object that is forgotten while its process runs warns.
    pytestconfig.stash[SERVER] = server = shared_postgres(pytestconfig.stash[RUN], alone=alone)
    return server


@pytest.fixture(scope="session")
def issuer() -> Iterator["TestIssuer"]:
    """Give an issuer of access tokens, whose keys can be had over HTTP."""
    from arnia.testing.issuer import TestIssuer  # noqa: PLC0415 - what reads and makes tokens takes half a second

    with TestIssuer() as running:
        yield running


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema | None:
    """Give no schema: a service overrides this with its own."""
    return None


@pytest.fixture(scope="module")
def database_url(postgres_server: Postgres, service_schema: ServiceSchema | None) -> Iterator[str]:
    """Give the URL of a new database for this module, migrated when there is a `service_schema`."""
    with fresh_database(postgres_server) as url:
        if service_schema is not None:
            asyncio.run(upgrade(service_schema.metadata, url, service_schema.migrations))
        yield url


@pytest.fixture
def database_access(database_url: str) -> DatabaseAccess:
    """Give what `Database.open` wants to know."""
    return DatabaseAccess(SecretStr(database_url))


@pytest.fixture
async def database(database_access: DatabaseAccess) -> AsyncIterator[Database]:
    """Give an open database."""
    opened = await Database.open(database_access, service="test")
    yield opened
    await opened.close()


def _worker_input(config: pytest.Config) -> str | None:
    given: dict[str, str] = getattr(config, "workerinput", {})
    return given.get(WORKER_INPUT)

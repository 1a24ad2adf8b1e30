"""One real PostgreSQL for a whole test run, shared by the workers of pytest-xdist."""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from arnia.local.servers.postgres import Postgres

__all__ = ["DatabaseAccess", "fresh_database", "shared_postgres", "stop_shared_postgres"]

PORT_FILE: Final = "port"
LOCK_FILE: Final = "lock"


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """What `arnia.chassis.database.Database.open` wants to know, with limits fit for a test."""

    database_url: SecretStr
    database_pool_size: int = 5
    database_statement_timeout_ms: int = 20_000


def shared_postgres(run: Path, *, alone: bool) -> Postgres:
    """Return the server of the test run in folder `run`; the first who asks starts it.

    Args:
        run: A folder that all processes of the run share.
        alone: Whether there is only this process: then the server dies with it, even with kill -9.
    """
    with _locked(run):
        port_file = run / PORT_FILE
        if port_file.exists():
            return Postgres(run, int(port_file.read_text()), durable=False)
        server = Postgres(run, durable=False, dies_with_parent=alone)
        server.start()
        port_file.write_text(str(server.port))
        return server


def stop_shared_postgres(run: Path, started: Postgres | None) -> None:
    """End the server of the test run and forget its data; nothing happens when there is none.

    Args:
        run: The folder that all processes of the run share.
        started: The server, when it was this process that started it.
    """
    with _locked(run):
        port_file = run / PORT_FILE
        if port_file.exists():
            server = started or Postgres(run, int(port_file.read_text()), durable=False)
            server.stop()
            server.recover()
            server.remove()
            port_file.unlink()


@contextmanager
def fresh_database(server: Postgres) -> Iterator[str]:
    """Give a new, empty database with a role of its own, as its URL; it is dropped in the end."""
    name = f"test_{secrets.token_hex(6)}"
    password = secrets.token_urlsafe(16)
    server.create_database(name, name, password)
    try:
        yield server.database_url(name, name, password)
    finally:
        server.drop_database(name)


@contextmanager
def _locked(run: Path) -> Iterator[None]:
    with (run / LOCK_FILE).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

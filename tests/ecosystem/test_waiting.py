"""A service whose database is away, or does not let it in: what it says, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ecosystem.garden import eventually

from arnia.local.ports import free_port
from arnia.local.servers.postgres import Postgres

PASSWORD = "kept-for-us"
SERVICE = """
from sqlalchemy import MetaData
from arnia.chassis.application import create_app
from arnia.chassis.process import run
from arnia.chassis.settings import DatabaseSettings, service_settings

class Settings(DatabaseSettings):
    model_config = service_settings("pond")

run(lambda: create_app(service="pond", settings=Settings, routers=[], models=MetaData()))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Give a server with a database for the service, which a test may stop."""
    server = Postgres(tmp_path_factory.mktemp("pond"), durable=False, dies_with_parent=True)
    server.start()
    server.create_database("pond", "pond", PASSWORD)
    yield server
    server.remove()


def _begin(url: str, log: Path) -> subprocess.Popen[bytes]:
    settings = {"DATABASE_URL": url, "PORT": str(free_port()), "CURSOR_KEY": "k" * 43, "MIGRATE_ON_START": "false"}
    environment = {**os.environ, **{f"POND_{name}": value for name, value in settings.items()}}
    with log.open("wb") as stream:
        return subprocess.Popen(
            (sys.executable, "-c", SERVICE), env=environment, cwd=log.parent, stdout=stream, stderr=subprocess.STDOUT
        )


def _said(log: Path) -> list[str]:
    """Return what the service has said about its database, and what was no JSON."""
    lines = [json.loads(line) if line.startswith("{") else {"message": line} for line in log.read_text().splitlines()]
    return [line["message"] for line in lines if line.get("logger") in {None, "arnia.database"}]


def test_says_that_it_waits_and_that_it_goes_on(server: Postgres, tmp_path: Path) -> None:
    """While its server is away a service says so once, without the password, and once more at its return."""
    server.stop()
    log = tmp_path / "log"
    service = _begin(server.database_url("pond", "pond", PASSWORD), log)
    try:
        eventually(lambda: bool(_said(log)))
        server.start()
        eventually(lambda: "Application startup complete" in log.read_text())
    finally:
        service.terminate()
        assert service.wait(60) == 0
    waiting, answered = _said(log)
    address = f"The database pond at 127.0.0.1:{server.port}"
    assert waiting == f"{address} cannot be reached (nothing listens there): waiting for it, up to 30 s"
    assert answered.startswith(f"{address} answers, after ")
    assert PASSWORD not in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_can_be_stopped_while_it_waits(tmp_path: Path, number: signal.Signals) -> None:
    """A service that waits for its database ends when it is told to, without waiting any longer and without a fault."""
    log = tmp_path / "log"
    service = _begin(f"postgresql://pond:{PASSWORD}@127.0.0.1:{free_port()}/pond", log)
    eventually(lambda: bool(_said(log)))
    service.send_signal(number)
    assert service.wait(60) == 0
    assert len(_said(log)) == 1
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(
    ("role", "database", "reason"),
    [
        ("pond", "pond", 'password authentication failed for user "pond"'),
        ("nobody", "pond", 'password authentication failed for user "nobody"'),
    ],
)
def test_says_that_it_is_not_let_in(server: Postgres, tmp_path: Path, role: str, database: str, reason: str) -> None:
    """A server that refuses the role ends the start at once, with exit code 3 and one sentence without the password."""
    log = tmp_path / "log"
    service = _begin(server.database_url(database, role, wrong := "not-the-password"), log)
    assert service.wait(60) == 3
    (sentence,) = _said(log)
    assert sentence.startswith(f"The database {database} at 127.0.0.1:{server.port} refuses the role {role} ({reason})")
    assert "database_url" in sentence
    assert "Traceback" not in log.read_text()
    assert wrong not in log.read_text()

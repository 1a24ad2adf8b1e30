"""Whatever can be made up from the document of the scheduler service is answered as the document says.

It asks the drone service itself, a process beside it: what that refuses is among the answers.
"""

from collections.abc import Iterator

import httpx
import pytest
from typing_extensions import override

from arnia.chassis.application import Application
from arnia.local.servers.postgres import Postgres
from arnia.testing.conformance.suite import CURSOR_KEY
from arnia.testing.fuzzing import FuzzedService
from arnia.testing.issuer import TestIssuer
from arnia.testing.postgres import fresh_database
from arnia.testing.processes import ServiceProcess
from scheduler.main import create

FLEET = 20
DRONE = {"model": "Carrier", "capacity_kg": 1000, "battery": 80, "position": {"latitude": 45.4, "longitude": 9.1}}
PATIENT = {"timeout_ms": 20_000, "queue_ms": 20_000, "breaker_slow_ms": 20_000}
"""On a machine that has more to do nobody is told that there is too much: that is not what is tried here."""


@pytest.fixture(scope="module")
def drones(
    postgres_server: Postgres, issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    """Give the drone service with drones that carry a few assignments, and not all."""
    with fresh_database(postgres_server) as url:
        given = {"issuer": issuer.url, "database_url": url, "cursor_key": CURSOR_KEY, "shed_overload": False}
        with ServiceProcess("drone", "drone.main", given, tmp_path_factory.mktemp("drone") / "log") as process:
            token = issuer.token(audience="drone", scopes=["drones:write"], roles=["operator"])
            with httpx.Client(base_url=process.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
                for number in range(FLEET):
                    added = client.post("/api/v1/drones", json=DRONE | {"name": f"Drone {number}"})
                    assert added.status_code == 201
            yield process


class TestFuzzed(FuzzedService):
    """Runs Schemathesis against the service."""

    application = staticmethod(create)
    cases = 150
    """It has four operations."""
    examples_each = 8

    @classmethod
    @override
    def given(cls, application: Application, request: pytest.FixtureRequest) -> dict[str, object]:
        drones: ServiceProcess = request.getfixturevalue("drones")
        upstream = {"url": drones.url, **PATIENT}
        return {**super().given(application, request), "shed_overload": False, "drone": upstream}

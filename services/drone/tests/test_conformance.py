"""Every rule of an HTTP API, proven over this service and a real PostgreSQL."""

import pytest

from arnia.testing.conformance import ServiceConformance
from arnia.testing.conformance.service import RunningService
from drone.main import create
from drone.schemas.drones import EXAMPLE


class TestConformance(ServiceConformance):
    """The suite, over a fleet that has a drone to reserve."""

    application = staticmethod(create)

    @pytest.fixture(scope="class", autouse=True)
    @staticmethod
    def carrier(service: RunningService) -> None:
        """Take a drone into the fleet that carries whatever the suite reserves."""
        service.write("POST", "/api/v1/drones", EXAMPLE | {"capacity_kg": 1000.0})

"""The delivery service keeps every rule of an HTTP API."""

import pytest

from arnia.testing.conformance import ServiceConformance
from delivery.main import create


@pytest.fixture
def collection() -> None:
    """Stand before the fixture of this name for the other tests: it would have the suite try each collection twice."""


class TestConformance(ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)

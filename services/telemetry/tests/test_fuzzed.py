"""Whatever can be made up from the document of this service is answered as the document says."""

from services.telemetry.tests.brokered import BrokeredSuite

from arnia.testing.fuzzing import FuzzedService


class TestFuzzed(BrokeredSuite, FuzzedService):
    """Runs Schemathesis against the service."""

    cases = 100
    """It has one or two operations."""

"""Whatever can be made up from the document of the delivery service is answered as the document says."""

from arnia.testing.fuzzing import FuzzedService
from delivery.main import create


class TestFuzzed(FuzzedService):
    """Runs Schemathesis against the service."""

    application = staticmethod(create)
    examples_each = 6
    """It has forty operations: with the usual number there would be three times as many requests as there must be."""

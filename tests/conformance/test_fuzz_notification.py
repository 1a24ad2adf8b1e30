"""Whatever can be made up from the document of the notification service is answered as the document says."""

from arnia.testing.fuzzing import FuzzedService
from notification.main import create


class TestFuzzed(FuzzedService):
    """Runs Schemathesis against the service."""

    application = staticmethod(create)
    cases = 100
    """It has one or two operations."""

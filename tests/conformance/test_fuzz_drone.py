"""Whatever can be made up from the document of the drone service is answered as the document says."""

from arnia.testing.fuzzing import FuzzedService
from drone.main import create


class TestFuzzed(FuzzedService):
    """Runs Schemathesis against the service."""

    application = staticmethod(create)

"""Whatever can be made up from the document of this service is answered as the document says."""

from services.identity.tests import test_conformance as conformance

from arnia.testing.fuzzing import FuzzedService
from identity.main import create

issuer = conformance.issuer
known = conformance.known


class TestFuzzed(conformance.IdentitySuite, FuzzedService):
    """Runs Schemathesis against the service."""

    application = staticmethod(create)
    phases = ("examples", "fuzzing", "stateful")
    """Two thousand requests are those of `coverage`, for forty operations: too long for every run."""
    cases = 50
    examples_each = 3

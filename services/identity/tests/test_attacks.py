"""No attack on the identity service succeeds."""

from services.identity.tests import test_conformance as conformance

from arnia.testing.attacks import AttackedService
from identity.main import create

issuer = conformance.issuer
known = conformance.known


class TestAttacked(conformance.IdentitySuite, AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)
    examples = conformance.TestConformance.examples

"""No attack on this service succeeds."""

from services.telemetry.tests.brokered import BrokeredSuite

from arnia.testing.attacks import AttackedService


class TestAttacked(BrokeredSuite, AttackedService):
    """Attacks every operation that the service's own OpenAPI document describes."""

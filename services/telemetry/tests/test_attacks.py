"""No attack on this service succeeds."""

from arnia.testing.attacks import AttackedService
from telemetry.main import create


class TestAttacked(AttackedService):
    """Attacks every operation that the service's own OpenAPI document describes."""

    application = staticmethod(create)

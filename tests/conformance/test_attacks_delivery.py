"""No attack on the delivery service succeeds."""

from arnia.testing.attacks import AttackedService
from delivery.main import create


class TestAttacked(AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)

"""No attack on the drone service succeeds."""

from arnia.testing.attacks import AttackedService
from drone.main import create


class TestAttacked(AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)

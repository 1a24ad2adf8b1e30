"""No attack on the notification service succeeds."""

from arnia.testing.attacks import AttackedService
from notification.main import create


class TestAttacked(AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)

"""What strangers send does the notification service no harm."""

from arnia.testing.hostile import HostileService
from notification.main import create


class TestHostile(HostileService):
    """Sends the whole corpus to the service."""

    application = staticmethod(create)

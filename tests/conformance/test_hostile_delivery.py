"""What strangers send does the delivery service no harm."""

from arnia.testing.hostile import HostileService
from delivery.main import create


class TestHostile(HostileService):
    """Sends the whole corpus to the service."""

    application = staticmethod(create)

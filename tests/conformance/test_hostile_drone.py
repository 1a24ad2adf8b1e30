"""What strangers send does the drone service no harm."""

from arnia.testing.hostile import HostileService
from drone.main import create


class TestHostile(HostileService):
    """Sends the whole corpus to the service."""

    application = staticmethod(create)

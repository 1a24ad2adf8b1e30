"""What strangers send does this service no harm."""

from services.telemetry.tests.brokered import BrokeredSuite

from arnia.testing.hostile import HostileService


class TestHostile(BrokeredSuite, HostileService):
    """Sends the whole corpus to the service."""

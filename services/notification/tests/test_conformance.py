"""The notification service keeps every rule of an HTTP API."""

from arnia.testing.conformance import ServiceConformance
from notification.main import create


class TestConformance(ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)

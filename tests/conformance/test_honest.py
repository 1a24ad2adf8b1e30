"""A service that keeps every rule passes the suite: what it asks for can be had."""

from honest.main import create

from arnia.testing.conformance import ServiceConformance


class TestHonestService(ServiceConformance):
    """Runs every rule against the service that keeps them all."""

    application = staticmethod(create)

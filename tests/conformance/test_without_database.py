"""A service without a database passes the suite too: what it cannot have is left out, and everything else is tried."""

from kettle.main import create

from arnia.testing.conformance import ServiceConformance


class TestWithoutDatabase(ServiceConformance):
    """Runs every rule against a service that has nothing but its memory."""

    application = staticmethod(create)

"""A service that speaks a foreign protocol beside its own passes the suites: its standard rules that part of it."""

from bilingual.main import create

from arnia.testing.conformance import ServiceConformance
from arnia.testing.fuzzing import FuzzedService
from arnia.testing.hostile import HostileService


class TestBilingualService(ServiceConformance):
    """Runs every rule against the part that Arnia rules."""

    application = staticmethod(create)


class TestHostile(HostileService):
    """Sends the whole corpus to both parts."""

    application = staticmethod(create)


class TestFuzzed(FuzzedService):
    """Generates requests for the part that the document describes as Arnia does."""

    application = staticmethod(create)
    cases = 5
    examples_each = 5

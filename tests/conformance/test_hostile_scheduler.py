"""What strangers send does the scheduler service no harm."""

from services.scheduler.tests.fleet import Fleet

from arnia.testing.hostile import HostileService
from scheduler.main import create


class TestHostile(HostileService):
    """Sends the whole corpus to the service."""

    application = staticmethod(create)
    upstreams = {"drone": lambda: Fleet().asgi()}  # noqa: RUF012 - nobody changes it

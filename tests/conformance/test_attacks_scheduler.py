"""No attack on the scheduler service succeeds."""

from services.scheduler.tests.fleet import Fleet

from arnia.testing.attacks import AttackedService
from scheduler.main import create


class TestAttacked(AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)
    upstreams = {"drone": lambda: Fleet().asgi()}  # noqa: RUF012 - nobody changes it

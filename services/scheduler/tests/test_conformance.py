"""The scheduler keeps every rule of an HTTP API."""

from services.scheduler.tests.fleet import Fleet

from arnia.testing.conformance import ServiceConformance
from scheduler.main import create


class TestConformance(ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)
    upstreams = {"drone": lambda: Fleet().asgi()}  # noqa: RUF012 - nobody changes it
    untried = {  # noqa: RUF012 - see above
        "test_of_many_writers_with_one_tag_one_wins[PUT /api/v1/assignments/{delivery_id}]": (
            "an assignment never changes: it is released, and asked for anew"
        )
    }

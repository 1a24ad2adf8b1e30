"""The drone service keeps every rule of an HTTP API."""

from arnia.testing.conformance import ServiceConformance
from drone.main import create


class TestConformance(ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)
    untried = {  # noqa: RUF012 - nobody changes it
        "test_of_many_writers_with_one_tag_one_wins[PUT /api/v1/drone-reservations/{reservation_id}]": (
            "a reservation never changes"
        )
    }

"""The notification service keeps every rule of an HTTP API."""

from arnia.testing.conformance import ServiceConformance
from notification.main import create

HEARD = "what is listed comes from what is heard: tests/api tries this over real rows"
RULES = (
    "test_a_cursor_belongs_to_its_sort_and_filter",
    "test_a_cursor_cannot_be_forged",
    "test_a_page_keeps_to_its_limit",
    "test_every_item_is_seen_once",
    "test_next_is_in_header_and_body",
    "test_pages_hold_while_others_write",
)


class TestConformance(ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)
    untried = {f"{rule}[GET /api/v1/notifications]": HEARD for rule in RULES}  # noqa: RUF012 - nobody changes it

"""The telemetry service keeps every rule of an HTTP API."""

from services.telemetry.tests.brokered import BrokeredSuite

from arnia.testing.conformance import ServiceConformance

LISTS = ("distances", "heat-cells", "last-positions")
NEED_ITEMS = (
    "test_every_item_is_seen_once",
    "test_pages_hold_while_others_write",
    "test_a_page_keeps_to_its_limit",
    "test_next_is_in_header_and_body",
    "test_a_cursor_cannot_be_forged",
    "test_a_cursor_belongs_to_its_sort_and_filter",
)


class TestConformance(BrokeredSuite, ServiceConformance):
    """Runs every rule against the service."""

    untried = {  # noqa: RUF012 - nobody changes it
        f"{rule}[GET /api/v1/telemetry/{name}]": "nothing is made here at once: positions arrive as events"
        for rule in NEED_ITEMS
        for name in LISTS
    }

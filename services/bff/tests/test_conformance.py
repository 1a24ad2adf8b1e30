"""The bff keeps every rule of an HTTP API that somebody who owns nothing can break."""

from services.bff.tests.upstreams import FIRST, Owners

from arnia.testing.conformance import ServiceConformance
from bff.main import create

LISTS = ("/bff/web/deliveries", "/bff/mobile/deliveries")
NEED_ITEMS = (
    "test_every_item_is_seen_once",
    "test_pages_hold_while_others_write",
    "test_a_page_keeps_to_its_limit",
    "test_next_is_in_header_and_body",
    "test_a_cursor_cannot_be_forged",
    "test_a_cursor_belongs_to_its_sort_and_filter",
)


class TestConformance(ServiceConformance):
    """Runs every rule against the service."""

    application = staticmethod(create)
    upstreams = {"delivery": Owners().delivery, "drone": Owners().drone}  # noqa: RUF012 - nobody changes it
    examples = {f"GET {path}/{{delivery_id}}": f"{path}/{FIRST}" for path in LISTS}  # noqa: RUF012 - see above
    unversioned = ("/bff/",)
    untried = {  # noqa: RUF012 - see above
        f"{rule}[GET {path}]": "nothing can be made here" for rule in NEED_ITEMS for path in LISTS
    }

"""No attack on the bff service succeeds."""

from services.bff.tests.upstreams import FIRST, Owners

from arnia.testing.attacks import AttackedService
from bff.main import create

LISTS = ("/bff/web/deliveries", "/bff/mobile/deliveries")


class TestAttacked(AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)
    upstreams = {"delivery": Owners().delivery, "drone": Owners().drone}  # noqa: RUF012 - nobody changes it
    examples = {f"GET {path}/{{delivery_id}}": f"{path}/{FIRST}" for path in LISTS}  # noqa: RUF012 - see above

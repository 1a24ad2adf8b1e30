"""What strangers send does the bff service no harm."""

from services.bff.tests.upstreams import FIRST, Owners

from arnia.testing.hostile import HostileService
from bff.main import create

LISTS = ("/bff/web/deliveries", "/bff/mobile/deliveries")


class TestHostile(HostileService):
    """Sends the whole corpus to the service."""

    application = staticmethod(create)
    upstreams = {"delivery": Owners().delivery, "drone": Owners().drone}  # noqa: RUF012 - nobody changes it
    examples = {f"GET {path}/{{delivery_id}}": f"{path}/{FIRST}" for path in LISTS}  # noqa: RUF012 - see above

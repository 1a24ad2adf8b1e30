"""The delivery service: its name, its settings, its routers. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from delivery.api import deliveries, deliveries_v1
from delivery.api.facts import facts
from delivery.api.parts import PARTS
from delivery.api.versions import VERSIONS
from delivery.config import Settings
from delivery.models.events import EVENTS
from delivery.models.tables import Base


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="delivery",
        settings=Settings,
        routers=[deliveries.router, deliveries_v1.router, *PARTS],
        versions=VERSIONS,
        models=Base.metadata,
        events=EVENTS,
        hearers=[facts],
    )


if __name__ == "__main__":
    run(create)

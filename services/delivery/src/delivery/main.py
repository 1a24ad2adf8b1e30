"""The delivery service: its name, its settings, its routers. Everything else is the chassis."""

from datetime import UTC, datetime

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from delivery.api import deliveries, deliveries_v1
from delivery.api.facts import facts
from delivery.api.parts import parts_router
from delivery.config import Settings
from delivery.models.events import EVENTS
from delivery.models.tables import Base

V1 = ApiVersion(
    major=1, deprecated=datetime(2026, 6, 1, tzinfo=UTC), sunset=datetime(2028, 6, 1, tzinfo=UTC), successor=2
)
V2 = ApiVersion(major=2)


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    routers = [deliveries.router, parts_router(2), deliveries_v1.router, parts_router(1)]
    return create_app(
        service="delivery",
        settings=Settings,
        routers=routers,
        versions=[V1, V2],
        models=Base.metadata,
        events=EVENTS,
        hearers=[facts],
    )


if __name__ == "__main__":
    run(create)

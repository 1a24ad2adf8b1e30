"""The telemetry service: its name, its settings, its routers. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from telemetry.api import aggregates, export, recording
from telemetry.api.facts import facts
from telemetry.api.partitions import kept_ahead
from telemetry.config import Settings
from telemetry.models.events import EVENTS
from telemetry.models.tables import Base


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="telemetry",
        settings=Settings,
        routers=[recording.router, aggregates.router, export.router],
        versions=[ApiVersion(major=1)],
        models=Base.metadata,
        events=EVENTS,
        hearers=[facts],
        lifespan=kept_ahead,
    )


if __name__ == "__main__":
    run(create)

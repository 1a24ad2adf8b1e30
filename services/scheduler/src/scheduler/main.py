"""The scheduler: its name, its settings, its routers, whom it calls. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from scheduler.api import assignments, driving, facts
from scheduler.config import Settings
from scheduler.models.events import EVENTS
from scheduler.models.tables import Base
from scheduler.repositories.drones import DroneClient


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="scheduler",
        settings=Settings,
        routers=[assignments.router],
        versions=[ApiVersion(major=1)],
        models=Base.metadata,
        events=EVENTS,
        clients=[DroneClient],
        hearers=[facts.facts],
        lifespan=driving.driving,
    )


if __name__ == "__main__":
    run(create)

"""The drone service: its name, its settings, its routers. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from drone.api import drones, reservations
from drone.config import Settings
from drone.models.events import EVENTS
from drone.models.tables import Base


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    routers = [drones.router, reservations.router]
    versions = [ApiVersion(major=1)]
    return create_app(
        service="drone", settings=Settings, routers=routers, versions=versions, models=Base.metadata, events=EVENTS
    )


if __name__ == "__main__":
    run(create)

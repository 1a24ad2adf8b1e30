"""The notification service: its name, its settings, its routers. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from notification.api import notifications
from notification.api.facts import facts
from notification.config import Settings
from notification.models.tables import Base


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="notification",
        settings=Settings,
        routers=[notifications.router],
        versions=[ApiVersion(major=1)],
        models=Base.metadata,
        hearers=[facts],
    )


if __name__ == "__main__":
    run(create)

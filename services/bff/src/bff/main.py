"""The bff: its name, its settings, its routers, whom it calls. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from bff.api import mobile, web
from bff.config import Settings
from bff.repositories.clients import DeliveryClient, DroneClient


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="bff",
        settings=Settings,
        routers=[web.router, mobile.router],
        clients=[DeliveryClient, DroneClient],
    )


if __name__ == "__main__":
    run(create)

"""The identity service: its name, its settings, its routers. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from identity.api import authorize, discovery, me, oauth_clients, signing_keys, token, users
from identity.api.issuer import issuing
from identity.config import Settings
from identity.models.tables import Base

ROUTERS = (authorize, discovery, me, oauth_clients, signing_keys, token, users)


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="identity",
        settings=Settings,
        routers=[each.router for each in ROUTERS],
        versions=[ApiVersion(major=1)],
        models=Base.metadata,
        lifespan=issuing,
    )


if __name__ == "__main__":
    run(create)

"""A service of the chassis behind an edge: one route with a policy, and one whose policy was taken out."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import CurrentPrincipal, allow, anyone
from arnia.chassis.settings import ServiceSettings, service_settings


class Settings(ServiceSettings):
    """Only what every service has."""

    model_config = service_settings("apples")


class Who(View):
    """Who calls."""

    subject: str


router = Router(version=1, prefix="/apples", tags=["apples"], dependencies=[allow("apples:read")])


@router.get("")
async def who(principal: CurrentPrincipal) -> Reply[Who]:
    """Say who calls."""
    return ok(Who(subject=principal.subject))


@router.get("/unguarded", dependencies=[anyone])
async def unguarded(principal: CurrentPrincipal) -> Reply[Who]:
    """Say who calls, whoever it is."""
    return ok(Who(subject=principal.subject))


def create() -> Application:
    """Declare the service."""
    return create_app(service="apples", settings=Settings, routers=[router])


if __name__ == "__main__":
    run(create)

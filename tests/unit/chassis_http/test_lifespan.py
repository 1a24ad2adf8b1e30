"""What a service keeps while its process runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from tests.unit.chassis_http.sample_service import Settings

from arnia.chassis.application import create_app
from arnia.chassis.context import Runtime, current
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.testing.http import AsgiClient, Lifespan, call


class Told(View):
    """What the service kept."""

    kept: str


router = Router(prefix="/kept", tags=["kept"], dependencies=[anyone])


@router.get("")
async def tell(request: Request) -> Reply[Told]:
    """Say what is kept."""
    return ok(Told(kept=str(current(request).runtime.kept)))


async def test_a_service_keeps_what_its_lifespan_opens() -> None:
    """What the lifespan yields is there for each request, before the service says that it has started; then it ends."""
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(runtime: Runtime) -> AsyncIterator[str]:
        seen.append(f"opened, started={runtime.started}")
        yield f"something of {runtime.service}"
        seen.append("closed")

    application = create_app(service="sample", settings=Settings, routers=[router], lifespan=lifespan)
    app = application.asgi(Settings(port=0))
    async with Lifespan(app):
        answer = await AsgiClient(app).send(call("GET", "/kept"))
        assert answer.json() == {"kept": "something of sample"}
        assert seen == ["opened, started=False"]
    assert seen[1:] == ["closed"]

"""A service that is quick, waits, or works, for the tests of limits, overload and telemetry."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.errors import Unavailable

router = Router(version=1, prefix="/things", dependencies=[anyone])


class Settings(ServiceSettings):
    """Only what every service has."""

    model_config = service_settings("observed")


class Thing(View):
    """What is answered."""

    name: str


@router.get("/quick")
async def quick() -> Reply[Thing]:
    """Answer at once."""
    logging.getLogger("observed").info("said while a request runs")
    return ok(Thing(name="quick"))


@router.get("/wait/{milliseconds}")
async def wait(milliseconds: int) -> Reply[Thing]:
    """Wait for something."""
    await asyncio.sleep(milliseconds / 1000)
    return ok(Thing(name="waited"))


@router.get("/later/{milliseconds}", status_code=202)
async def later(milliseconds: int) -> Response:
    """Accept what is done afterwards."""
    await asyncio.sleep(milliseconds / 1000)
    return Response(status_code=202)


@router.get("/stream/{milliseconds}")
async def stream(milliseconds: int) -> StreamingResponse:
    """Send one word, and after a while another."""

    async def words() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(milliseconds / 1000)
        yield b"two"

    return StreamingResponse(words())


@router.get("/burn/{milliseconds}")
async def burn(milliseconds: int) -> Reply[Thing]:
    """Keep the processor busy."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass
    return ok(Thing(name="burned"))


@router.get("/broken")
async def broken() -> Reply[Thing]:
    """Be unavailable."""
    raise Unavailable


def create() -> Application:
    """Declare the service."""
    return create_app(service="observed", settings=Settings, routers=[router])


def settings(**given: object) -> Settings:
    """Return its settings."""
    return Settings.model_validate({"port": 1, **given})


if __name__ == "__main__":
    run(create)

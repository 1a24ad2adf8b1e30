"""A service that can do so much and no more: by its processor, and by something behind it that takes ten at a time."""

import asyncio
import os
import time

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings

router = Router(version=1, prefix="/chores", dependencies=[anyone])
behind: dict[str, asyncio.Semaphore] = {}


class Settings(ServiceSettings):
    """Only what every service has."""

    model_config = service_settings("overload")


class Done(View):
    """What is answered."""

    done: bool = True


@router.get("/processor")
async def work() -> Reply[Done]:
    """Take ten milliseconds of the processor."""
    until = time.thread_time() + 0.01
    while time.thread_time() < until:
        pass
    return ok(Done())


@router.get("/waiting")
async def wait() -> Reply[Done]:
    """Wait for one of ten, and then for 100 ms."""
    async with behind.setdefault("pool", asyncio.Semaphore(10)):
        await asyncio.sleep(0.1)
    return ok(Done())


def create() -> Application:
    """Declare the service."""
    return create_app(service="overload", settings=Settings, routers=[router])


if __name__ == "__main__":
    os.environ.setdefault("OVERLOAD_LOG_LEVEL", "warning")
    run(create)

"""Waiting costs nobody anything: a process waits for many at once."""

import asyncio
import time

from tests.unit.chassis_http.sample_service import Settings

from arnia.chassis.application import Application, create_app
from arnia.chassis.replies import Reply, no_content
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.testing.http import AsgiClient, call

WAITING = 200
PAUSE = 0.1

router = Router(prefix="/pauses", tags=["pauses"], dependencies=[anyone])


@router.get("")
async def pause() -> Reply[None]:
    """Wait, as for a database."""
    await asyncio.sleep(PAUSE)
    return no_content()


def pausing() -> Application:
    """Declare a service whose only work is to wait."""
    return create_app(service="sample", settings=Settings, routers=[router])


async def test_two_hundred_wait_as_long_as_one() -> None:
    """200 concurrent requests that wait 100 ms each take a small multiple of one, not 200 of them."""
    client = AsgiClient(pausing().asgi(Settings(port=1)))
    started = time.perf_counter()
    await client.send(call("GET", "/pauses", headers={"host": "test"}))
    alone = time.perf_counter() - started
    started = time.perf_counter()
    answers = await asyncio.gather(
        *(client.send(call("GET", "/pauses", headers={"host": "test"})) for _ in range(WAITING))
    )
    together = time.perf_counter() - started
    assert {answer.status for answer in answers} == {204}
    assert together < WAITING / 4 * alone

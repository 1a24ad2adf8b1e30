"""Whatever can be made up from the document of the bff is answered as it says, beside stand-ins for its owners."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from services.bff.tests.upstreams import Owners
from starlette.types import ASGIApp
from typing_extensions import override

from arnia.chassis.application import Application
from arnia.conventions import LOOPBACK
from arnia.local.ports import free_port
from arnia.testing.fuzzing import FuzzedService
from bff.main import create

PATIENT = {"timeout_ms": 20_000, "queue_ms": 20_000, "breaker_slow_ms": 20_000}
"""On a machine that has more to do nobody is told that there is too much: that is not what is tried here."""


@contextmanager
def listening(application: ASGIApp) -> Iterator[str]:
    """Let `application` listen in a thread, and give its URL."""
    port = free_port()
    config = uvicorn.Config(application, host=LOOPBACK, port=port, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield f"http://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join(60)


@pytest.fixture(scope="module")
def owners() -> Iterator[dict[str, str]]:
    """Give the URLs of what stands in for the services that own what is shown."""
    known = Owners()
    with ExitStack() as stack:
        yield {
            "delivery": stack.enter_context(listening(known.delivery())),
            "drone": stack.enter_context(listening(known.drone())),
        }


class TestFuzzed(FuzzedService):
    """Runs Schemathesis against the service."""

    application = staticmethod(create)
    cases = 100
    """It has four operations, and reads no body."""
    examples_each = 8

    @classmethod
    @override
    def given(cls, application: Application, request: pytest.FixtureRequest) -> dict[str, object]:
        owners: dict[str, str] = request.getfixturevalue("owners")
        upstreams = {name: {"url": url, **PATIENT} for name, url in owners.items()}
        return {**super().given(application, request), "shed_overload": False, **upstreams}

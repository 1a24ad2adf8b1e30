"""How long the edge waits for a service that does not answer: no longer than the caller does."""

import threading
import time
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from tests.ecosystem.doorway import Doorway, Echo, doorway
from tests.ecosystem.garden import call
from typing_extensions import override

from arnia.conventions import READY_PATH
from arnia.testing.issuer import TestIssuer

WEATHER = "/api/v1/apples/weather"


class Stuck(Echo):
    """Says that it is ready, and nothing else, ever: as a process is in the seconds after it froze."""

    released = threading.Event()

    @override
    def do_GET(self) -> None:
        if self.path == READY_PATH:
            super().do_GET()
        else:
            self.released.wait(40)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doorway]:
    """Give an edge before apples that are stuck, and pears that are not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Stuck) as stuck, TestIssuer() as issuer:
        stuck.daemon_threads = True
        threading.Thread(target=stuck.serve_forever, args=(0.02,), daemon=True).start()
        behind = {"apples": stuck.server_port}
        with doorway(tmp_path_factory.mktemp("door"), issuer, behind=behind) as opened:
            yield opened
        Stuck.released.set()
        stuck.shutdown()


@pytest.mark.parametrize("stated", ["300", "0300"])
def test_a_stuck_service_holds_nobody_beyond_the_deadline(door: Doorway, stated: str) -> None:
    """Who states a deadline has a problem soon after it, whatever the service does: 504, not half a minute."""
    started = time.monotonic()
    answer = door.ask(WEATHER, **{"Request-Timeout-Ms": stated})
    assert answer.status == 504
    assert answer.headers["content-type"] == "application/problem+json"
    assert 0.3 < time.monotonic() - started < 10


@pytest.mark.parametrize("stated", ["300", "0", "soon", "40000"])
def test_a_service_that_answers_is_asked_as_before(door: Doorway, stated: str) -> None:
    """The deadline goes on to the service as it came, and Envoy's own field for it never does, whoever sent it."""
    fields = {"Request-Timeout-Ms": stated, "X-Envoy-Upstream-Rq-Timeout-Ms": "1"}
    answer = call(door.internal, "GET", "/api/v1/pears", **fields)
    assert answer.status == 200
    seen = dict(answer.json()["fields"])
    assert seen["request-timeout-ms"] == stated
    assert "x-envoy-upstream-rq-timeout-ms" not in seen

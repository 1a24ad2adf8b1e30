"""What a process of a service says about itself, as the supervisor reads it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typing_extensions import override

from arnia.conventions import NO_KEYS_YET
from arnia.local.ports import free_port
from arnia.local.replica import Code, Replica


@contextmanager
def saying(status: int, issuer: str) -> Iterator[int]:
    """Run a service that says so; yield its port."""

    class Ready(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"status": "ready", "dependencies": {"issuer": issuer}}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ready)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def replica(port: int, folder: Path) -> Replica:
    """Return a process of a service that listens on `port`."""
    return Replica("bees-1", Code("bees", folder, folder), port, folder / "log")


@pytest.mark.parametrize(
    ("status", "issuer", "ready", "believes"),
    [(200, "keys 3 s old", True, True), (200, NO_KEYS_YET, True, False), (503, "keys 3 s old", False, False)],
)
def test_is_ready_before_it_can_verify_tokens(
    tmp_path: Path, status: int, issuer: str, *, ready: bool, believes: bool
) -> None:
    """A service may be ready without the issuer's keys; whoever starts an ecosystem waits for both."""
    with saying(status, issuer) as port:
        asked = replica(port, tmp_path)
        assert (asked.ready(), asked.believes()) == (ready, believes)


def test_who_does_not_answer_is_neither(tmp_path: Path) -> None:
    """A process that does not listen is not ready."""
    asked = replica(free_port(), tmp_path)
    assert (asked.ready(), asked.believes()) == (False, False)

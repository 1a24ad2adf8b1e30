"""An edge that is slow to forget: what stands between the supervisor and what the edge knows."""

import http.client
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

PATIENCE: Final = 30.0


class Memory:
    """Tells all that the edge tells, and goes on telling of one port of one group until it is `forgetting`."""

    def __init__(self, place: Path, group: str, port: int) -> None:
        """Remember `port` of `group`; the edge itself is asked at the socket `place`."""
        self._place, self._group, self._port = place, group, port
        self.forgetting = threading.Event()
        self.asked = 0
        """How often the port was told of after the edge had dropped it."""

    def tell(self, path: str) -> bytes:
        """Return what the edge answers to `path`, with what it has forgotten by now."""
        known: dict[str, Any] = json.loads(_ask(self._place, path))
        if not self.forgetting.is_set():
            hosts = next(one for one in known["cluster_statuses"] if one["name"] == self._group)["host_statuses"]
            if self._port not in {host["address"]["socket_address"]["port_value"] for host in hosts}:
                self.asked += 1
                hosts.append(
                    {"address": {"socket_address": {"port_value": self._port}}, "health_status": {"eds": "HEALTHY"}}
                )
        return json.dumps(known).encode()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def slow_to_forget(place: Path, group: str, port: int) -> Iterator[Memory]:
    """Stand at the socket `place`, where the edge says what it knows, as long as the block lasts."""
    aside = place.with_name("aside.sock")
    place.rename(aside)  # who listens at a socket goes on doing so under its new name
    memory = Memory(aside, group, port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = memory.tell(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    try:
        with _Server(str(place), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield memory
            finally:
                memory.forgetting.set()
                server.shutdown()
    finally:
        aside.rename(place)


def _ask(place: Path, path: str) -> bytes:
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE)
    connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.sock.settimeout(PATIENCE)
    try:
        connection.sock.connect(str(place))
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()

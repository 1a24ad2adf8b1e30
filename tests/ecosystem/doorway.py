"""An edge alone: Envoy with our configuration before one stand-in that says what reached it, and a test's issuer."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.ecosystem.garden import Answer, call
from typing_extensions import override

from arnia.ecosystem import Ecosystem, Environment, Issuer, Route, Service
from arnia.local.admission import Flood, Trust
from arnia.local.clusters import assignment
from arnia.local.edge import Doors, edge_configuration
from arnia.local.ports import free_port
from arnia.local.servers.envoy import Envoy
from arnia.local.servers.server import start
from arnia.testing.issuer import TestIssuer

LOCAL = Environment(name="local")
ORCHARD = Ecosystem(
    name="orchard",
    services=(
        Service(
            name="apples",
            owner="tests",
            calls={"pears": 1},
            exposes=(Route(path="/api/v1/apples"), Route(path="/api/v1/apples/weather", public=True)),
        ),
        Service(name="pears", owner="tests", exposes=(Route(path="/api/v1/pears"),)),
        Service(name="identity", owner="tests", exposes=(Route(path="/token", public=True),)),
    ),
    issuer="identity",
)


class Echo(BaseHTTPRequestHandler):
    """Answers with the request: its path and its header fields; to who wants to speak WebSocket, as its first word."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fields = [(name.lower(), value) for name, value in self.headers.items()]
        body = json.dumps({"path": self.path, "fields": fields}).encode()
        if "upgrade" in self.headers:
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@dataclass
class Doorway:
    """An edge that runs.

    Attributes:
        envoy: Its server.
        issuer: Who issues tokens.
        internal: Where services reach the service `pears`.
    """

    envoy: Envoy
    issuer: TestIssuer
    internal: int

    def ask(self, path: str, token: str | None = None, /, **headers: str) -> Answer:
        fields = headers if token is None else {"Authorization": f"Bearer {token}", **headers}
        return call(self.envoy.port, "GET", path, **fields)

    def ask_raw(self, path: str, fields: list[tuple[str, str]]) -> Answer:
        """Ask with header fields as they are: repeated, and in any case."""
        connection = http.client.HTTPConnection("127.0.0.1", self.envoy.port, timeout=30)
        try:
            connection.putrequest("GET", path)
            for name, value in fields:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        finally:
            connection.close()


@contextmanager
def doorway(
    folder: Path,
    issuer: TestIssuer,
    *,
    behind: Mapping[str, int] | None = None,
    guarded: bool = True,
    requests: int = 20_000,
    outside: Issuer | None = None,
) -> Iterator[Doorway]:
    """Run an edge; `behind` says on which port a service is, the others are one stand-in; `outside` issues tokens."""
    stand_in = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    stand_in.daemon_threads = True
    threading.Thread(target=stand_in.serve_forever, args=(0.02,), daemon=True).start()
    ports = {"apples": stand_in.server_port, "pears": stand_in.server_port, **(behind or {})}
    issuing = int(issuer.url.rpartition(":")[2])
    for name, port in {**ports, "identity": issuing}.items():
        (folder / f"{name}.json").write_text(assignment(name, [port]))
    doors = Doors(port=free_port(), internal={"pears": free_port()})
    trust = Trust(issuer=issuer.url, cluster="identity", keys_path="/keys", keys_seconds=6.0)
    if outside is not None:
        trust = replace(Trust.in_outsider(outside), keys_seconds=6.0)
    text = edge_configuration(
        ORCHARD if outside is None else ORCHARD.model_copy(update={"issuer": ""}),
        LOCAL,
        doors,
        endpoints=str(folder),
        trust=trust if guarded else None,
        flood=Flood(requests=requests, seconds=60.0),
    )
    envoy = Envoy(text, doors.port, folder / "edge", log=folder / "edge.log")
    try:
        start(envoy, 30.0)
        yield Doorway(envoy, issuer, doors.internal["pears"])
    finally:
        envoy.stop()
        stand_in.shutdown()
        stand_in.server_close()

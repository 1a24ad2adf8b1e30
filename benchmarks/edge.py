"""What the edge costs a request: Envoy as `arnia up` configures it, with no tokens asked for and with tokens verified.

CPU is Envoy's own, user and system, per request, in the median and in the quietest round; upstream is
`chassis_service.py` on the other core. The tokens are ES256, by an issuer with real keys, and verified ones are
remembered (jwt_cache): one token is sent again and again, which is how clients use theirs. Rounds alternate.

Run it: `python benchmarks/edge.py [--rounds 5] [--seconds 2]`.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import psutil
from http_cost import ITEM, token
from load import CONNECTIONS, generator
from servers import Server, free_port, started, take_turns, wait
from typing_extensions import override

from arnia.conventions import LOOPBACK
from arnia.ecosystem import Ecosystem, Environment, Route, Service
from arnia.local.admission import Flood, Trust
from arnia.local.clusters import assignment
from arnia.local.edge import Doors, edge_configuration
from arnia.local.servers.envoy import Envoy
from arnia.local.servers.server import start
from arnia.testing.issuer import TestIssuer

OPEN: Final = "edge, no tokens asked for"
GUARDED: Final = "edge, tokens verified (cached)"
SERVICES: Final = (
    Service(name="bench", owner="benchmarks", exposes=(Route(path="/api/v1/orders"),)),
    Service(name="identity", owner="benchmarks", exposes=(Route(path="/token", public=True),)),
)
SHOP: Final = Ecosystem(name="shop", services=SERVICES, issuer="identity")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    with ExitStack() as stack:
        issuer = stack.enter_context(TestIssuer())
        keys, upstream = stack.enter_context(published(issuer)), free_port()
        stack.enter_context(started("chassis_service.py", BENCH_PORT=str(upstream), BENCH_SHED_OVERLOAD="false"))
        wait(upstream)
        edges = {
            name: stack.enter_context(edge(issuer, keys, upstream, guarded=guarded))
            for name, guarded in ((OPEN, False), (GUARDED, True))
        }
        caller = {"Authorization": f"Bearer {token(issuer)}"}
        take_turns(list(edges.values()), given.rounds, ITEM, given.seconds, **caller)
    print(f"load: {generator()}, {CONNECTIONS} connections, {given.rounds} rounds of {given.seconds:.0f} s")
    print(f"{'GET through':32} {'req/s':>8} {'CPU us/req':>11} {'quietest':>9} {'not 2xx':>8}")
    for name, server in edges.items():
        rate, cost = statistics.median(server.rates), statistics.median(server.costs)
        print(f"{name:32} {rate:8.0f} {cost:11.0f} {min(server.costs):9.0f} {sum(server.refused):8}")
    pairs = zip(edges[GUARDED].costs, edges[OPEN].costs, strict=True)
    print(f"{'tokens add':32} {'':8} {statistics.median(ours - theirs for ours, theirs in pairs):11.0f}")


@contextmanager
def published(issuer: TestIssuer) -> Iterator[int]:
    """Publish the issuer's keys as a service that is ready does; yield the port."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.key_set()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def edge(issuer: TestIssuer, keys: int, upstream: int, *, guarded: bool) -> Iterator[Server]:
    """Run an edge before `upstream`, on the core of the load."""
    with tempfile.TemporaryDirectory() as name:
        folder, doors = Path(name), Doors(port=free_port())
        for cluster, port in (("bench", upstream), ("identity", keys)):
            (folder / f"{cluster}.json").write_text(assignment(cluster, [port]))
        text = edge_configuration(
            SHOP,
            Environment(name="local"),
            doors,
            endpoints=str(folder),
            trust=Trust(issuer=issuer.url, cluster="identity", keys_path="/keys") if guarded else None,
            flood=Flood(requests=1_000_000),
        )
        envoy = Envoy(text, doors.port, folder / "edge", log=folder / "edge.log")
        start(envoy, 30.0)
        try:
            process = envoy.process
            assert process is not None
            os.sched_setaffinity(process.pid, {min(os.sched_getaffinity(0))})
            yield Server(psutil.Process(process.pid), envoy.url)
        finally:
            envoy.stop()


if __name__ == "__main__":
    main()

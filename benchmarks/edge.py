"""What the edge costs a request: Envoy as `arnia up` configures it, with no tokens asked for and with tokens verified.

CPU is Envoy's own, user and system, per request, in the median and in the quietest round. It has a core for itself and
one worker, which is what fits there; the load (keep-alive) and the upstream share another. That upstream is an Envoy
with one ready answer: behind one that is slower than Envoy, Envoy wakes up for each request alone, and is measured
falling asleep. `--chassis` puts `chassis_service.py` there. The tokens are ES256, by an issuer with real keys, and
verified ones are remembered (jwt_cache): one token is sent again and again, which is how clients use theirs. Rounds
alternate. The plain ones are the same Envoy with a router and nothing else, and with the filter of tokens before it:
what they cost is Envoy's, and the rest is ours. With `--without` each of our parts is left out once, to see what it
costs.

Run it: `python benchmarks/edge.py [--rounds 5] [--seconds 2] [--without] [--chassis]`.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import httpx
import psutil
from http_cost import ITEM, token
from load import CONNECTIONS, generator
from servers import CORES, Server, free_port, started, take_turns, wait
from typing_extensions import override

from arnia.conventions import LOOPBACK
from arnia.ecosystem import Ecosystem, Environment, Route, Service
from arnia.local.admission import Flood, Trust
from arnia.local.clusters import address, assignment
from arnia.local.edge import Doors, edge_configuration
from arnia.local.envoy_types import Json, http_filter, typed
from arnia.local.servers.envoy import program
from arnia.testing.issuer import TestIssuer

OPEN: Final = "edge, no tokens asked for"
GUARDED: Final = "edge, tokens verified (cached)"
PLAIN: Final = "plain Envoy, a router only"
PLAIN_GUARDED: Final = "plain Envoy, router and tokens"
FILTERS: Final = "envoy.filters.http."
PARTS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "header mutation": lambda manager: _less(manager, "early_header_mutation_extensions"),
    "rate limit": lambda manager: _unfiltered(manager, "local_ratelimit"),
    "buffer": lambda manager: _unfiltered(manager, "buffer"),
    "local replies": lambda manager: _less(manager, "local_reply_config"),
    "access log": lambda manager: _less(manager, "access_log"),
    "path rules": lambda manager: _less(
        manager, "normalize_path", "merge_slashes", "path_with_escaped_slashes_action", "strip_any_host_port"
    ),
    "time limits": lambda manager: _less(
        manager, "request_headers_timeout", "request_timeout", "stream_idle_timeout", "common_http_protocol_options"
    ),
}
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
    parser.add_argument("--without", action="store_true")
    parser.add_argument("--chassis", action="store_true")
    given = parser.parse_args()
    with ExitStack() as stack:
        issuer = stack.enter_context(TestIssuer())
        keys, upstream = stack.enter_context(published(issuer)), free_port()
        os.sched_setaffinity(0, {CORES[0]})
        stack.callback(os.sched_setaffinity, 0, CORES)
        if given.chassis:
            stack.enter_context(started("chassis_service.py", BENCH_PORT=str(upstream), BENCH_SHED_OVERLOAD="false"))
            wait(upstream)
        else:
            stack.enter_context(_answering(upstream))
        candidates: dict[str, tuple[bool, Callable[[Json], Json]]] = {
            PLAIN: (False, _plain),
            OPEN: (False, _as_it_is),
            PLAIN_GUARDED: (True, _plain),
            GUARDED: (True, _as_it_is),
        }
        if given.without:
            candidates = {OPEN: candidates[OPEN], **{f"without {name}": (False, part) for name, part in PARTS.items()}}
        edges = {
            name: stack.enter_context(edge(issuer, keys, upstream, guarded=guarded, change=change))
            for name, (guarded, change) in candidates.items()
        }
        caller = {"Authorization": f"Bearer {token(issuer)}"}
        for server in edges.values():
            _let_in(server, caller)
        take_turns(list(edges.values()), given.rounds, ITEM, given.seconds, **caller)
    print(f"load: {generator()}, {CONNECTIONS} connections, {given.rounds} rounds of {given.seconds:.0f} s")
    print(f"{'GET through':32} {'req/s':>8} {'CPU us/req':>11} {'quietest':>9} {'not 2xx':>8}")
    for name, server in edges.items():
        rate, cost = statistics.median(server.rates), statistics.median(server.costs)
        print(f"{name:32} {rate:8.0f} {cost:11.0f} {min(server.costs):9.0f} {sum(server.refused):8}")
    if given.without:
        for name in PARTS:
            pairs = zip(edges[OPEN].costs, edges[f"without {name}"].costs, strict=True)
            print(f"{name:32} {'costs':>8} {statistics.median(ours - theirs for ours, theirs in pairs):11.0f}")
        return
    pairs = zip(edges[GUARDED].costs, edges[OPEN].costs, strict=True)
    print(f"{'tokens add':32} {'':8} {statistics.median(ours - theirs for ours, theirs in pairs):11.0f}")
    for ours, plain in ((OPEN, PLAIN), (GUARDED, PLAIN_GUARDED)):
        ratio = statistics.median(one / other for one, other in zip(edges[ours].costs, edges[plain].costs, strict=True))
        print(f"{ours:32} {'x plain':>8} {ratio:11.2f}")


def _let_in(server: Server, caller: Mapping[str, str]) -> None:
    """Return once an edge knows the issuer's keys."""
    until = time.monotonic() + 30
    while httpx.get(server.origin + ITEM, headers=caller).status_code != HTTPStatus.OK:
        if time.monotonic() > until:
            message = f"{server.origin} lets nobody in"
            raise RuntimeError(message)
        time.sleep(0.05)


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
def edge(
    issuer: TestIssuer, keys: int, upstream: int, *, guarded: bool, change: Callable[[Json], Json]
) -> Iterator[Server]:
    """Run an edge before `upstream`; `change` makes of its public door what is measured."""
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
        document = json.loads(text)
        door = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]
        door["typed_config"] = change(door["typed_config"])
        text = json.dumps(document)
        with _running(text, doors.port, folder / "edge", CORES[-1]) as process:
            yield Server(process, f"http://{LOOPBACK}:{doors.port}")


@contextmanager
def _running(configuration: str, port: int, folder: Path, core: int) -> Iterator[psutil.Process]:
    """Run an Envoy with one worker, all of whose threads have `core`."""
    folder.mkdir()
    (folder / "envoy.json").write_text(configuration)
    options = ("--disable-hot-restart", "--concurrency", "1", "-l", "warning")
    with (folder / "log").open("w") as log:
        child = subprocess.Popen([program(), "-c", folder / "envoy.json", *options], stdout=log, stderr=log)
    try:
        wait(port)
        for thread in Path("/proc", str(child.pid), "task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait()


@contextmanager
def _answering(port: int) -> Iterator[None]:
    """Run what answers everything at once, on the core of the load."""
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "x" * 300}}}
    manager = typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="upstream",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [answer]}]},
        http_filters=[http_filter("router", "envoy.extensions.filters.http.router.v3.Router")],
    )
    listener = {
        "address": address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    text = json.dumps({"static_resources": {"listeners": [listener]}})
    with tempfile.TemporaryDirectory() as name, _running(text, port, Path(name, "upstream"), CORES[0]):
        yield


def _as_it_is(manager: Json) -> Json:
    return manager


def _less(manager: Json, *fields: str) -> Json:
    return {name: value for name, value in manager.items() if name not in fields}


def _unfiltered(manager: Json, *names: str) -> Json:
    left = [one for one in manager["http_filters"] if one["name"].removeprefix(FILTERS) not in names]
    return {**manager, "http_filters": left}


def _plain(manager: Json) -> Json:
    """Return what routes, verifies tokens where `manager` does, and does nothing else."""
    kept = {name: manager[name] for name in ("@type", "stat_prefix", "route_config", "http_filters")}
    routes = {name: value for name, value in kept["route_config"].items() if not name.endswith("_to_remove")}
    return _unfiltered({**kept, "route_config": routes}, "local_ratelimit", "buffer")


if __name__ == "__main__":
    main()

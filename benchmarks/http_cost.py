"""What the chassis costs: the same GET and validated POST, from the same caller, on five servers side by side.

Rounds alternate, the server is pinned to one core and the load to another; a ratio is the median of same-round ratios
to bare FastAPI. CPU is user and system time of the server process per request, which a busy machine disturbs least;
least of all in the quietest round.
Every request carries one ES256 token and an unsampled `traceparent`; each server does with them what it does.

Run it: `python benchmarks/http_cost.py [--rounds 5] [--seconds 2]`. The usual stack needs the extra `bench`.
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import Final

from load import CONNECTIONS, generator
from servers import Server, free_port, started, take_turns, wait

from arnia.testing.issuer import TestIssuer

BODY: Final = json.dumps({"reference": "r-1", "parcels": [{"name": "parcel", "price": 1.5, "quantity": 1}] * 3})
COLLECTION: Final = "/api/v1/orders"
ITEM: Final = f"{COLLECTION}/0192d3a4-0000-7000-8000-000000000001"
UNSAMPLED: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
USUAL: Final = ("opentelemetry.instrumentation.fastapi", "prometheus_fastapi_instrumentator", "jwt")
BARE: Final = "bare FastAPI"
COLUMNS: Final = ("req/s", "CPU us/req", "req/s ratio", "CPU", "quietest", "not 2xx")
HEAD: Final = f"{'request':8} {'server':28} {{:>8}} {{:>11}} {{:>12}} {{:>6}} {{:>9}} {{:>8}}".format(*COLUMNS)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    given = parser.parse_args()
    with TestIssuer() as issuer, running(issuer) as servers:
        caller = {"Authorization": f"Bearer {token(issuer)}", "traceparent": UNSAMPLED}
        print(f"load: {generator()}, {CONNECTIONS} connections, {given.rounds} rounds of {given.seconds:.0f} s")
        print(HEAD)
        for method, path, body in (("GET", ITEM, None), ("POST", COLLECTION, BODY)):
            take_turns(list(servers.values()), given.rounds, path, given.seconds, body, **caller)
            show(method, servers)
            for server in servers.values():
                server.forget()
    print("ratios to bare FastAPI, more is better: requests/s; CPU per request, in the median and the quietest round")


def token(issuer: TestIssuer) -> str:
    """Return what the caller sends."""
    return issuer.token(audience="bench", scopes=["orders:read", "orders:write"], roles=["clerk"], seconds=86_400)


@contextmanager
def running(issuer: TestIssuer) -> Iterator[dict[str, Server]]:
    """Run all servers."""
    guarded = {"BENCH_ISSUER": issuer.url, "BENCH_OTLP_ENDPOINT": f"{issuer.url}/nobody", "BENCH_TRACE_RATIO": "0"}
    programs: dict[str, tuple[str, dict[str, str]]] = {
        BARE: ("bare_service.py", {}),
        "chassis, anyone": ("chassis_service.py", {}),
        "chassis, tokens and tracing": ("guarded_service.py", guarded),
    }
    missing = [name for name in USUAL if not installed(name)]
    if missing:
        print(f"the usual stack is left out: {', '.join(missing)} not installed (pip install -e '.[bench]')")
    else:
        usual = {"BENCH_ISSUER": issuer.url, "OTEL_TRACES_SAMPLER": "parentbased_always_on"}
        programs["usual stack, unsampled"] = ("usual_service.py", usual)
        programs["usual stack, every span"] = ("usual_service.py", {**usual, "OTEL_TRACES_SAMPLER": "always_on"})
    with ExitStack() as stack:
        servers = {}
        for name, (program, environment) in programs.items():
            port = free_port()
            # A closed loop of 50 on a machine with other tenants looks like overload, and a refusal is cheap.
            environment["BENCH_SHED_OVERLOAD"] = "false"
            process = stack.enter_context(
                started(program, *arguments(program, port), BENCH_PORT=str(port), **environment)
            )
            servers[name] = Server(process, f"http://127.0.0.1:{port}")
            wait(port)
        yield servers


def arguments(program: str, port: int) -> list[str]:
    """Return what the program is told on its command line; the chassis is told by settings."""
    return [str(port)] if program in {"bare_service.py", "usual_service.py"} else []


def installed(name: str) -> bool:
    """Tell whether a module is there."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def show(method: str, servers: dict[str, Server]) -> None:
    """Print one comparison."""
    bare = servers[BARE]
    for name, server in servers.items():
        rate, cost = statistics.median(server.rates), statistics.median(server.costs)
        faster = statistics.median(ours / theirs for ours, theirs in zip(server.rates, bare.rates, strict=True))
        cheaper = statistics.median(theirs / ours for ours, theirs in zip(server.costs, bare.costs, strict=True))
        quiet = min(bare.costs) / min(server.costs)
        ratios = f"{faster:12.2f} {cheaper:6.2f} {quiet:9.2f}"
        print(f"{method:8} {name:28} {rate:8.0f} {cost:11.0f} {ratios} {sum(server.refused):8}")


if __name__ == "__main__":
    main()

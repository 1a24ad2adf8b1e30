"""What the chassis costs: the same GET and validated POST on bare FastAPI and on the chassis, side by side.

Rounds alternate, the server is pinned to one core and the load to another; the ratio is the median of same-round
ratios. CPU is user and system time of the server process per request, which a busy machine disturbs least.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from load import Load, drive, generator

HERE = Path(__file__).parent
ROUNDS, SECONDS = 5, 2.0
BODY = json.dumps({"reference": "r-1", "parcels": [{"name": "parcel", "price": 1.5, "quantity": 1}] * 3})
PATH = "/api/v1/orders"


def main() -> None:
    """Measure and print."""
    ports = {"bare FastAPI": _free_port(), "chassis": _free_port()}
    commands = {
        "bare FastAPI": ([sys.executable, str(HERE / "bare_service.py"), str(ports["bare FastAPI"])], {}),
        "chassis": ([sys.executable, str(HERE / "chassis_service.py")], {"BENCH_PORT": str(ports["chassis"])}),
    }
    with _started(*commands["bare FastAPI"]) as bare, _started(*commands["chassis"]) as chassis:
        servers = {"bare FastAPI": bare, "chassis": chassis}
        for port in ports.values():
            _wait(port)
        print(f"load: {generator()}, 50 connections, {ROUNDS} rounds of {SECONDS:.0f} s, alternating")
        print(f"{'request':8} {'server':14} {'requests/s':>11} {'CPU us/request':>15} {'not 2xx':>8}")
        for method in ("GET", "POST"):
            _compare(method, servers, ports)


def _compare(method: str, servers: dict[str, psutil.Process], ports: dict[str, int]) -> None:
    rates: dict[str, list[float]] = {name: [] for name in servers}
    costs: dict[str, list[float]] = {name: [] for name in servers}
    refusals = dict.fromkeys(servers, 0)
    for turn in range(ROUNDS):
        for name in list(servers) if turn % 2 else reversed(servers):
            path = PATH if method == "POST" else f"{PATH}/0192d3a4-0000-7000-8000-000000000001"
            load = Load(f"http://127.0.0.1:{ports[name]}{path}", BODY if method == "POST" else None)
            before, began = sum(servers[name].cpu_times()[:2]), time.perf_counter()
            answered, refused = drive(load, SECONDS)
            costs[name].append((sum(servers[name].cpu_times()[:2]) - before) / answered * 1e6)
            rates[name].append(answered / (time.perf_counter() - began))
            refusals[name] += refused
    for name in servers:
        rate, cost = statistics.median(rates[name]), statistics.median(costs[name])
        print(f"{method:8} {name:14} {rate:11.0f} {cost:15.0f} {refusals[name]:8}")
    rate = statistics.median(
        ours / theirs for ours, theirs in zip(rates["chassis"], rates["bare FastAPI"], strict=True)
    )
    cost = statistics.median(
        ours / theirs for ours, theirs in zip(costs["chassis"], costs["bare FastAPI"], strict=True)
    )
    print(f"{method:8} {'ratio':14} {rate:11.2f} {cost:15.2f}   (requests/s: more is better; CPU: less)")


@contextmanager
def _started(command: list[str], extra: dict[str, str]) -> Iterator[psutil.Process]:
    cores = sorted(os.sched_getaffinity(0))
    log = subprocess.DEVNULL
    server = subprocess.Popen(command, env={**os.environ, **extra}, stdout=log, stderr=None)
    os.sched_setaffinity(server.pid, {cores[-1]})
    os.sched_setaffinity(0, {cores[0]})
    try:
        yield psutil.Process(server.pid)
    finally:
        os.sched_setaffinity(0, set(cores))
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"nothing listens on {port}"
    raise RuntimeError(message)


if __name__ == "__main__":
    main()

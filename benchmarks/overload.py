"""What is left of a service under five times what it can do: goodput beside the peak, with shedding and without.

Goodput: answers of 200 within a second. The load comes from a process of its own, on another core; it does not wait for
answers. The peak is that of the service that sheds nothing. The second ratio is per second of the server's processor,
which a busy machine disturbs least. How long a refusal takes, and how many take more than 50 ms, is put beside
`bare_refusals.py`, which has the same work to do and refuses without a thought.
`python benchmarks/overload.py [SECONDS]`.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psutil

HERE = Path(__file__).parent
PEAK_SECONDS = 4.0
TIMES = 5
BARE = ("processor", "bare")
KNOWN = 0.9
"""So much of the peak the bare one serves."""


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    print(f"peak: 10 connections for {PEAK_SECONDS:.0f} s; overload: {TIMES} x peak for {seconds:.0f} s, open loop")
    columns = f"{'peak/s':>7} {'goodput/s':>10} {'ratio':>6} {'by CPU':>7} {'503 p50 p99 ms':>15} {'>50 ms':>6}"
    print(f"{'work':10} {'shedding':9} {columns}")
    waits = {}
    for kind in ("processor", "waiting"):
        # What it can do is what it does where nothing is refused: who refuses ten callers that do not wait does less.
        peak = None
        for shedding in ("false", "true"):
            peak, waits[kind, shedding] = _candidate(kind, shedding, seconds, peak)
    _, waits[BARE] = _candidate(*BARE, seconds, None)
    ours, bare = waits["processor", "true"], waits[BARE]
    ratios = " and ".join(f"{ours[name] / max(bare[name], 0.1):.1f}" for name in ("p50", "p99"))
    print(f"a refusal where the processor is the bottleneck: {ratios} x the bare one's p50 and p99")


class Peak(NamedTuple):
    """What a service can do: good answers a second, and how many of them for a second of the processor."""

    rate: float
    per_cpu: float


def _candidate(kind: str, shedding: str, seconds: float, known: Peak | None) -> tuple[Peak, dict[str, float]]:
    """Load a server, print what is left of it; return its peak, or the known one, and what refusals took."""
    bare = (kind, shedding) == BARE
    with _serving(shedding) as (port, server):
        url = f"http://127.0.0.1:{port}/api/v1/chores/{kind}"
        began = _cpu(server)
        rate = _drive(f"{url}/0" if bare else url, 0, PEAK_SECONDS)["goodput"]
        middle = _cpu(server)
        peak = known or Peak(rate, rate * PEAK_SECONDS / (middle - began))
        over = _drive(f"{url}/{KNOWN * peak.rate:.0f}" if bare else url, TIMES * peak.rate, seconds)
        per_cpu = over["goodput"] * seconds / (_cpu(server) - middle)
    refused: dict[str, float] = over["milliseconds"].get("503", {"p50": 0.0, "p99": 0.0, "late": 0.0})
    print(
        f"{kind:10} {shedding:9} {peak.rate:7.0f} {over['goodput']:10.0f} {over['goodput'] / peak.rate:6.2f} "
        f"{per_cpu / peak.per_cpu:7.2f} {refused['p50']:7.1f} {refused['p99']:7.1f} {refused['late']:6.2%}   "
        f"{over['statuses']}"
    )
    return peak, refused


def _cpu(server: psutil.Process) -> float:
    return float(sum(server.cpu_times()[:2]))


@contextmanager
def _serving(shedding: str) -> Iterator[tuple[int, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {
        **os.environ,
        "OVERLOAD_PORT": str(port),
        "OVERLOAD_SHED_OVERLOAD": shedding,
        "OVERLOAD_LOG_LEVEL": "error",
    }
    command = [sys.executable, str(HERE / ("bare_refusals.py" if shedding == "bare" else "overload_service.py"))]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(server.pid, {_server_core()})
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port, psutil.Process(server.pid)
    finally:
        server.kill()
        server.wait()


def _drive(url: str, rate: float, seconds: float) -> Any:
    command = [sys.executable, str(HERE / "open_loop.py"), url, str(rate), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as load:
        os.sched_setaffinity(load.pid, os.sched_getaffinity(0) - {_server_core()} or {_server_core()})
        told, _ = load.communicate()
    if load.returncode:
        sys.exit(f"the load ended with exit code {load.returncode}")
    return json.loads(told)


def _server_core() -> int:
    return max(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()

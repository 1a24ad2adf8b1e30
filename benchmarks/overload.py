"""What is left of a service under five times what it can do: goodput beside the peak, with shedding and without.

Goodput: answers of 200 within a second. The load comes from a process of its own, on another core; it does not wait for
answers. The second ratio is per second of the server's processor, which a busy machine disturbs least. How long a
refusal takes is put beside `bare_refusals.py`, which has the same work to do and refuses without a thought.
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
from typing import Any

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
    columns = f"{'peak/s':>7} {'goodput/s':>10} {'ratio':>6} {'by CPU':>7} {'503 p50 p99 ms':>15}"
    print(f"{'work':10} {'shedding':9} {columns}")
    waits = {}
    for kind, shedding in (*((kind, told) for kind in ("processor", "waiting") for told in ("true", "false")), BARE):
        with _serving(shedding) as (port, server):
            url = f"http://127.0.0.1:{port}/api/v1/chores/{kind}"
            waits[kind, shedding] = _measure(url, server, seconds, kind, shedding)
    ours, bare = waits["processor", "true"], waits[BARE]
    ratios = " and ".join(f"{ours[name] / max(bare[name], 0.1):.1f}" for name in ("p50", "p99"))
    print(f"a refusal where the processor is the bottleneck: {ratios} x the bare one's p50 and p99")


def _measure(url: str, server: psutil.Process, seconds: float, kind: str, shedding: str) -> dict[str, float]:
    """Load a server, print what is left of it, and return the milliseconds of a refusal."""
    bare = (kind, shedding) == BARE
    began = sum(server.cpu_times()[:2])
    peak = _drive(f"{url}/0" if bare else url, 0, PEAK_SECONDS)["goodput"]
    middle = sum(server.cpu_times()[:2])
    over = _drive(f"{url}/{KNOWN * peak:.0f}" if bare else url, TIMES * peak, seconds)
    ended = sum(server.cpu_times()[:2])
    refused: dict[str, float] = over["milliseconds"].get("503", {"p50": 0.0, "p99": 0.0})
    ratio = over["goodput"] / peak
    by_cpu = ratio * (middle - began) / PEAK_SECONDS / ((ended - middle) / seconds)
    print(
        f"{kind:10} {shedding:9} {peak:7.0f} {over['goodput']:10.0f} {ratio:6.2f} {by_cpu:7.2f} "
        f"{refused['p50']:7.1f} {refused['p99']:7.1f}   {over['statuses']}"
    )
    return refused


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
    os.sched_setaffinity(server.pid, {max(os.sched_getaffinity(0))})
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
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()

"""What is left of a service under five times what it can do: goodput beside the peak, with shedding and without.

Goodput: answers of 200 within a second. The load comes from a process of its own, on another core; it does not wait for
answers. The second ratio is per second of the server's processor, which a busy machine disturbs least.
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


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    print(f"peak: 10 connections for {PEAK_SECONDS:.0f} s; overload: {TIMES} x peak for {seconds:.0f} s, open loop")
    print(
        f"{'work':10} {'shedding':9} {'peak/s':>7} {'goodput/s':>10} {'ratio':>6} {'by CPU':>7} {'503 p50 p99 ms':>15}"
    )
    for kind in ("processor", "waiting"):
        for shedding in ("true", "false"):
            with _serving(shedding) as (port, server):
                url = f"http://127.0.0.1:{port}/api/v1/chores/{kind}"
                began = sum(server.cpu_times()[:2])
                peak = _drive(url, 0, PEAK_SECONDS)["goodput"]
                middle = sum(server.cpu_times()[:2])
                over = _drive(url, TIMES * peak, seconds)
                ended = sum(server.cpu_times()[:2])
            refused = over["milliseconds"].get("503", {"p50": 0.0, "p99": 0.0})
            ratio = over["goodput"] / peak
            by_cpu = ratio * (middle - began) / PEAK_SECONDS / ((ended - middle) / seconds)
            print(
                f"{kind:10} {shedding:9} {peak:7.0f} {over['goodput']:10.0f} {ratio:6.2f} {by_cpu:7.2f} "
                f"{refused['p50']:7.1f} {refused['p99']:7.1f}   {over['statuses']}"
            )


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
    command = [sys.executable, str(HERE / "overload_service.py")]
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

"""How long `arnia up` takes until everything is ready, cold and warm, and how much memory it all takes.

Run it in the repository: `python benchmarks/start.py [ROUNDS]`. A cold start makes its data, a warm one finds it.
Memory is the proportional set size (PSS) of every process: the supervisor, servers, their children, and services.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from arnia.local.servers.postgres import Postgres

MIB = 1024 * 1024


def start(data: Path) -> tuple[float, float, float, int]:
    """Start, measure and stop; return seconds to ready, seconds to stop, PSS in MiB, and processes."""
    began = time.perf_counter()
    command = (sys.executable, "-m", "arnia.cli", "up", "--json", "--port", "0", "--data", str(data))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as up:
        assert up.stdout is not None
        assert json.loads(up.stdout.readline())["ready"]
        ready = time.perf_counter() - began
        processes = [psutil.Process(up.pid), *psutil.Process(up.pid).children(recursive=True)]
        memory = sum(process.memory_full_info().pss for process in processes) / MIB
        stopping = time.perf_counter()
        os.kill(up.pid, signal.SIGINT)
        up.wait()
        return ready, time.perf_counter() - stopping, memory, len(processes)


def main(rounds: int) -> None:
    """Print medians over `rounds`."""
    cold, warm = [], []
    for _ in range(rounds):
        data = Path(tempfile.mkdtemp(prefix="arnia-bench-"))
        try:
            cold.append(start(data))
            warm.append(start(data))
        finally:
            Postgres(data / "postgres", port=1).remove()
            shutil.rmtree(data)
    print(f"{rounds} rounds, medians, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    for name, measured in (("cold", cold), ("warm", warm)):
        ready, stopped, memory, count = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{name}: ready {ready:.2f} s, stopped {stopped:.2f} s, {memory:.0f} MiB PSS in {count:.0f} processes")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

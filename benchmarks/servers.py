"""Processes under load: started on a core of their own, waited for, weighed, and ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from load import Load, drive

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Server:
    """A server that runs, and what its turns came to.

    Attributes:
        process: The process itself; it has no children.
        origin: Where it listens, or what stands before it.
        rates: Requests per second, turn by turn.
        costs: Microseconds of CPU per request, turn by turn.
        refused: How many answers were not 2xx.
    """

    process: psutil.Process
    origin: str
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def turn(self, path: str, seconds: float, body: str | None, headers: Mapping[str, str]) -> None:
        """Load the server once."""
        before, began = sum(self.process.cpu_times()[:2]), time.perf_counter()
        answered, refused = drive(Load(self.origin + path, body, headers), seconds)
        self.costs.append((sum(self.process.cpu_times()[:2]) - before) / answered * 1e6)
        self.rates.append(answered / (time.perf_counter() - began))
        self.refused.append(refused)

    def forget(self) -> None:
        """Begin another comparison."""
        for column in (self.rates, self.costs, self.refused):
            column.clear()


@contextmanager
def started(program: str, *arguments: str, **environment: str) -> Iterator[psutil.Process]:
    """Run a program of this folder on the last core, and keep this process on the first."""
    command = [sys.executable, str(HERE / program), *arguments]
    server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(server.pid, {CORES[-1]})
    os.sched_setaffinity(0, {CORES[0]})
    try:
        yield psutil.Process(server.pid)
    finally:
        os.sched_setaffinity(0, CORES)
        server.terminate()
        server.wait()


def free_port() -> int:
    """Return a port of the loopback address that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait(port: int) -> None:
    """Return when somebody listens."""
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    message = f"nothing listens on {port}"
    raise RuntimeError(message)


def take_turns(
    servers: Sequence[Server], rounds: int, path: str, seconds: float, body: str | None = None, **headers: str
) -> None:
    """Load all servers in each round, in an order that alternates."""
    for turn in range(rounds):
        for server in servers if turn % 2 else reversed(servers):
            server.turn(path, seconds, body, headers)

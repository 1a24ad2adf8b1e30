"""A service as its own process, as it runs in earnest.

What every service loads is loaded once, by the first process that a test run needs; the others are forked from it, by
the fork server of the standard library, and each then runs its module from the first line. That saves most of a second
for each of them. `arnia up` starts services in the usual way, and the tests of the ecosystem with it.
"""

import http.client
import json
import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from arnia.conventions import LOOPBACK, READY_PATH, variable
from arnia.local.ports import free_port

__all__ = ["ServiceProcess"]

START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 60.0
LOADED: Final = (
    "arnia.testing.processes",
    "arnia.chassis.alembic_runs",
    "arnia.chassis.clients",
    "arnia.chassis.models",
    "arnia.chassis.process",
    "arnia.chassis.trust",
    "asyncpg",
    "fastapi.openapi.utils",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "uvloop",
)
"""What services load: libraries, and nothing that is theirs."""


@cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def _run(module: str, environment: Mapping[str, str], log: Path) -> None:
    """Be the process that `python -m module` is, in a process of its own."""
    os.environ.clear()
    os.environ.update(environment)
    with log.open("wb") as file:
        for standard in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), standard.fileno())
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _spelled(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


class ServiceProcess:
    """Runs a module as `python -m` does, with settings in its environment, from ready to ended.

    It listens on a free port unless `settings` say which. `token` is what requests to its operations carry.
    """

    def __init__(
        self, service: str, module: str, settings: Mapping[str, object], log: Path, *, token: str = ""
    ) -> None:
        self.service = service
        self.token = token
        self.port = free_port()
        self.log = log
        given = {variable(service, name): _spelled(value) for name, value in {"port": self.port, **settings}.items()}
        self.environment = {**os.environ, **given}
        self._module = module
        self._process: ForkServerProcess | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self.begin()
        self._await_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def run(self) -> int:
        """Run it without waiting for it to be ready, and return its exit code.

        Raises:
            TimeoutError: it goes on and on; it was killed.
        """
        self.begin()
        try:
            return self._ended(START_SECONDS)
        finally:
            self.kill()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, number)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send(signal.SIGTERM)

    def wait(self) -> int:
        """Return its exit code when it has ended.

        Raises:
            TimeoutError: it did not end.
        """
        return 0 if self._process is None else self._ended(STOP_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join()

    def status(self, path: str) -> int:
        """Return the status of GET `path`.

        Raises:
            OSError: nothing listens.
        """
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def read(self, path: str) -> str:
        """Return what GET `path` answers.

        Raises:
            OSError: nothing listens.
        """
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def begin(self) -> None:
        """Start it, and wait for nothing."""
        # Whatever this process can import, that one can: a service may live in a folder of tests.
        self._process = _fork_server().Process(
            target=_run, args=(self._module, self.environment, self.log), daemon=True
        )
        self._process.start()

    def _ended(self, seconds: float) -> int:
        process = self._process
        if process is not None:
            process.join(seconds)
        if process is None or process.exitcode is None:
            raise TimeoutError(f"{self._module} goes on after {seconds:.0f} s")
        return process.exitcode

    def _await_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process is not None and self._process.is_alive():
            try:
                if self.status(READY_PATH) == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"{self._module} did not become ready:\n{self.log.read_text(errors='replace')[-2000:]}")

"""A service as its own process, as it runs in earnest."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from arnia.conventions import LOOPBACK, READY_PATH, variable
from arnia.local.ports import free_port

__all__ = ["ServiceProcess"]

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0


def _spelled(value: object) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


class ServiceProcess:
    """Runs `python -m <module>` with settings in its environment, from ready to ended.

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
        # Whatever this process can import, that one can: a service may live in a folder of tests.
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **given}
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        self._await_ready(self._begin())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def run(self) -> int:
        """Run it without waiting for it to be ready, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it goes on and on; it was killed.
        """
        try:
            return self._begin().wait(START_SECONDS)
        finally:
            self.kill()

    def terminate(self) -> None:
        """Ask it to stop."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        return 0 if self._process is None else self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

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

    def _begin(self) -> "subprocess.Popen[bytes]":
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module], env=self._environment, stdout=log, stderr=log
            )
        return self._process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                if self.status(READY_PATH) == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        self.kill()
        raise RuntimeError(f"{self._module} did not become ready:\n{self.log.read_text(errors='replace')[-2000:]}")

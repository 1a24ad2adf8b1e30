"""One process of a service."""

import http.client
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from arnia.conventions import LOOPBACK, NO_KEYS_YET, READY_PATH, environment_prefix, package, secret_file, variable
from arnia.errors import UsageError
from arnia.local.process import Command, Process
from arnia.local.secret_files import write_secret

_PROBE_SECONDS: Final = 5.0
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Code:
    """Where a service's code is and what it is told besides its port.

    Attributes:
        service: The service's name.
        folder: The service's folder, where it runs and finds its `.env`.
        secrets: The folder with its secret files.
        environment: The name of the environment that it runs in.
        settings: What else every process of it is told, by setting; no secret.
    """

    service: str
    folder: Path
    secrets: Path
    environment: str = "local"
    settings: Mapping[str, str] = field(default_factory=dict)

    def write_secrets(self, values: Mapping[str, str]) -> None:
        """Write the service's secrets by the names of the settings that they are."""
        self.secrets.mkdir(exist_ok=True, parents=True, mode=0o700)
        for setting, value in values.items():
            write_secret(self.secrets / secret_file(self.service, setting), value)

    def command(self, *arguments: str, log: Path, settings: Mapping[str, str] | None = None) -> Command:
        """Return how to run the service's program with `arguments`."""
        return Command(
            argv=(sys.executable, "-m", f"{package(self.service)}.main", *arguments),
            environment=self._variables(settings or {}),
            folder=self.folder,
            log=log,
            dies_with_parent=True,
        )

    def _variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return our own environment, where the secrets that we hand over as files do not hide behind variables."""
        told = {"host": LOOPBACK, "environment": self.environment, "secrets_dir": str(self.secrets)}
        told |= {**self.settings, **settings}
        kept = {name: value for name, value in os.environ.items() if not self._is_handed_over(name)}
        sources = [str(self.folder / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(sources),
            "PYTHONUNBUFFERED": "1",
            **{variable(self.service, setting): value for setting, value in told.items()},
        }

    def _is_handed_over(self, name: str) -> bool:
        return name.startswith(environment_prefix(self.service)) and (self.secrets / name.lower()).exists()


def is_told(name: str, folder: Path) -> bool:
    """Tell whether a service in `folder` reads a value of the variable `name` from our environment or its own `.env`.

    As its settings do: in any case, and what the environment says counts alone, even if that is nothing.

    Raises:
        UsageError: The `.env` cannot be read.
    """
    file = folder / ".env"
    try:
        written = dotenv_values(file, encoding="utf-8") if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {error}"
        raise UsageError(message) from None
    told = {each.lower(): value for source in (written, os.environ) for each, value in source.items()}
    return bool(told.get(name.lower()))


@dataclass(slots=True)
class Replica:
    """One process that serves.

    Attributes:
        name: Such as `delivery-1`.
        code: What it runs.
        port: Where it listens, the same at every start.
        log: Where its output goes.
        versions: The major versions that it serves; none means all.
    """

    name: str
    code: Code
    port: int
    log: Path
    versions: tuple[int, ...] = ()
    process: Process | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Do nothing: the service's secrets are written with its database."""

    def spawn(self) -> Process:
        """Start the process and return at once."""
        settings = {"port": str(self.port)}
        if self.versions:
            settings["api_versions"] = ",".join(map(str, self.versions))
        self.process = Process.spawn(self.code.command(log=self.log, settings=settings))
        return self.process

    def ready(self) -> bool:
        """Tell whether it says that it is ready."""
        return self._asked() is not None

    def believes(self) -> bool:
        """Tell whether it has what it needs to verify tokens; it fetches that in its own time."""
        told = self._asked()
        return told is not None and NO_KEYS_YET.encode() not in told

    def _asked(self) -> bytes | None:
        """Return what it says when it is ready."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PROBE_SECONDS)
        try:
            connection.request("GET", READY_PATH)
            answer = connection.getresponse()
            return answer.read() if answer.status == _OK else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

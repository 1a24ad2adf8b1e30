"""`state.json`: what runs, written at every change, so that no script has to read output; no secret is in it."""

import os
import signal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from arnia.local.process import Identity, end_orphan

Condition = Literal["waiting", "starting", "ready", "backing off", "stopping", "stopped", "failed"]


class Record(BaseModel):
    """A value of the state: frozen, and readable by older and newer versions."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ProcessState(Record):
    """One supervised process.

    Attributes:
        name: `postgres`, or a service's replica such as `delivery-1`.
        condition: What it is doing.
        url: Where it listens.
        pid: Its process id while it runs.
        started: When that process started, in seconds since the epoch.
        stop_signal: The signal that asks it to end.
        restarts: How often it was started again.
        detail: Why it does not run, when it does not.
        group: For a replica the cluster it belongs to: `delivery`, or `delivery-v1` where versions run apart.
        seconds: How long its last start took until it was ready.
    """

    name: str
    condition: Condition
    url: str
    pid: int | None = None
    started: float | None = None
    stop_signal: int = signal.SIGTERM
    restarts: int = 0
    detail: str = ""
    group: str = ""
    seconds: float | None = None

    @property
    def identity(self) -> Identity | None:
        """The process, safe against a reused pid."""
        return None if self.pid is None or self.started is None else Identity(self.pid, self.started)

    def end(self, patience: float) -> bool:
        """End the process that is still there although its supervisor is not; return whether there was one."""
        return self.identity is not None and end_orphan(self.identity, signal.Signals(self.stop_signal), patience)


class ServiceState(Record):
    """A service: the address and pid of its first replica, all of them, and where other services reach them."""

    url: str
    pid: int | None
    replicas: tuple[ProcessState, ...]
    internal_url: str = ""


class State(Record):
    """A running ecosystem.

    Attributes:
        ecosystem: Its name.
        pid: The supervisor's process id.
        started: When the supervisor started, in seconds since the epoch.
        ready: Whether everything has been ready once.
        edge_url: The one address that a client needs.
        data: The folder with data, logs and this file.
        services: By name.
        servers: By name; the edge is one of them.
        exposed: The paths that the edge lets through.
        issuer: The service that issues tokens at `edge_url`; empty where none does.
        outside_issuer: The issuer that is none of these services; empty where there is none.
        self_signed: The services that believe the tokens which `arnia token` signs itself.
    """

    ecosystem: str
    pid: int
    started: float
    ready: bool
    edge_url: str
    data: str
    services: dict[str, ServiceState]
    servers: dict[str, ProcessState]
    exposed: tuple[str, ...] = ()
    issuer: str = ""
    outside_issuer: str = ""
    self_signed: tuple[str, ...] = ()

    @property
    def supervisor(self) -> Identity:
        """The supervisor's process."""
        return Identity(self.pid, self.started)

    @property
    def alive(self) -> bool:
        """Whether the supervisor that wrote this still runs."""
        return self.supervisor.find() is not None

    def write(self, path: Path) -> None:
        """Write the state as a whole: a reader sees the old or the new one."""
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_text(self.model_dump_json(indent=2) + "\n")
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> "State | None":
        """Return the state kept at `path`; None when there is none that can be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def end_orphans(self, patience: float) -> tuple[str, ...]:
        """End what a supervisor that died left running: services, then the edge, then servers; return their names.

        Call it only while holding the lock of the folder.
        """
        replicas = [replica for service in self.services.values() for replica in service.replicas]
        servers = sorted(self.servers.values(), key=lambda server: server.name != "edge")
        return tuple(process.name for process in (*replicas, *servers) if process.end(patience))

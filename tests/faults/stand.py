"""The reference ecosystem with a wire that can be cut between its services, their databases and their broker."""

import asyncio
import json
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import psutil
from tests.brokers.wired_kafka import lay_wire
from tests.ecosystem.garden import Project, eventually
from tests.faults.books import WITNESS

from arnia.conventions import package, secret_file
from arnia.local.ports import free_port
from arnia.local.secret_files import write_secret
from arnia.local.servers.postgres import Postgres
from arnia.testing.proxy import Fault, Proxy

__all__ = ["WIRED", "Stand", "Wire", "standing"]

ROOT: Final = Path(__file__).parents[2]
WIRED: Final = ("delivery", "notification", "scheduler", "telemetry")
"""Who reaches databases and broker through a wire."""
SEVERAL: Final = ("broker", "postgres")
"""Servers of more than one process: one by a script that waits for it, one by a child for each session."""
POSITION: Final = {"latitude": 45.4642, "longitude": 9.19}
DRONES: Final = 12
"""Enough for twenty-four thousand orders of 500 g."""


class Wire:
    """The project's proxy in a loop and a thread of its own, for tests that wait in others."""

    def __init__(self, target: int, begin: int = 0) -> None:
        self._target = target
        self._begin = begin
        self._loop = asyncio.new_event_loop()
        self._proxy: Proxy | None = None
        self._ended = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._proxy is not None
        return self._proxy.port

    @contextmanager
    def open(self) -> Iterator[None]:
        """Forward while the block lasts."""
        self._thread.start()
        self._listening.wait()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._loop.close()

    def harm(self, fault: Fault) -> None:
        """Let every connection suffer from `fault`."""
        assert self._proxy is not None
        self._loop.call_soon_threadsafe(setattr, self._proxy, "fault", fault)

    def heal(self) -> None:
        """Let everything pass again."""
        assert self._proxy is not None
        self._loop.call_soon_threadsafe(self._proxy.heal)

    async def _run(self) -> None:
        self._proxy = Proxy(self._target)
        self._proxy.port = self._begin
        async with self._proxy:
            self._listening.set()
            await self._ended.wait()


@dataclass
class Stand:
    """What is broken.

    Attributes:
        project: The ecosystem.
        broker: Which kind carries the events.
        wires: By name, `postgres` and `broker`.
    """

    project: Project
    broker: str
    wires: Mapping[str, Wire]

    @property
    def processes(self) -> tuple[str, ...]:
        """Everything that runs, by its name: each service and each server, of which one is the `broker`."""
        state = self.project.state
        servers = ("broker" if name == self.broker else name for name in state.servers)
        return (*state.services, *servers)

    def process_name(self, name: str) -> str:
        """Return what the project calls one of the `processes`."""
        return self.broker if name == "broker" else name

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send the process `name` a signal, and what it has started too; sessions end with a killed server."""
        pid = self.project.process(self.process_name(name)).pid
        if pid is None:
            return
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if number is signal.SIGSTOP:
                process.suspend()  # from here on it starts nothing
            all_of_it = name in SEVERAL and not (name == "postgres" and number is signal.SIGKILL)
            started = process.children(recursive=True) if all_of_it else []
            for one in (process, *started):
                with suppress(psutil.NoSuchProcess):  # some end with those before them
                    one.send_signal(number)

    def kill(self, *names: str) -> None:
        """End processes at once, and return when they are back."""
        before = {name: self.restarts(name) for name in names}
        for name in names:
            self.signal(name, signal.SIGKILL)
        eventually(lambda: all(self.restarts(name) > count for name, count in before.items()))
        self.await_ready()

    def restarts(self, name: str) -> int:
        """Return how often the process `name` was brought back."""
        return self.project.process(self.process_name(name)).restarts

    def await_ready(self) -> None:
        """Return once every process is ready."""
        names = [self.process_name(name) for name in self.processes]
        eventually(lambda: all(self.project.process(name).condition == "ready" for name in names))

    def secret(self, service: str, setting: str) -> Path:
        """Return the file with a secret of a service."""
        return self.project.data / "secrets" / service / secret_file(service, setting)

    @cached_property
    def broker_url(self) -> str:
        """Where the broker is for the delivery service, without any wire; a secret."""
        name = self.secret("delivery", "broker_url").read_text()
        return moved(name, urlsplit(self.project.process(self.broker).url).port or 0)

    @cached_property
    def databases(self) -> dict[str, str]:
        """By service, where its database is for the administrator, without any wire; secrets."""
        port = urlsplit(self.project.process("postgres").url).port
        admin, _, _ = Postgres(self.project.data / "postgres", port=port).admin_url.rpartition("/")
        kept = [service for service in self.project.state.services if self.secret(service, "database_url").exists()]
        return {service: f"{admin}/{package(f'{service}-db')}" for service in kept}

    def wire(self) -> None:
        """Let the services go through the wires: their secrets say so, and they begin anew."""
        settings = {"postgres": "database_url", "broker": "broker_url"}
        for service in WIRED:
            for name, wire in self.wires.items():
                file = self.secret(service, settings[name])
                write_secret(file, moved(file.read_text(), wire.port))
        if self.broker == "kafka":  # which learns of its wire at its start
            self.kill("broker")
        self.kill(*WIRED)

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what `arnia events` says."""
        done = self.project.run("events", *arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["events"]
        return found


def moved(url: str, port: int) -> str:
    """Return `url` with another port."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


@contextmanager
def standing(
    folder: Path, broker: str, sources: Path | None = None, told: Mapping[str, str] | None = None
) -> Iterator[Stand]:
    """Run the ecosystem on this broker, with drones and behind wires, while the block lasts.

    Args:
        folder: Where its data are.
        broker: What carries the events.
        sources: What is imported from there instead; nothing when absent.
        told: What its processes are told besides, as variables; nothing when absent.
    """
    project = Project(ROOT, folder / "data")
    project.environment |= told or {}
    if sources is not None:
        project.environment["PYTHONPATH"] = str(sources)
    try:
        started = project.run("up", "--detach", "--port", "0", "--broker", broker)
        assert started.returncode == 0, started.stderr
        servers = {"postgres": "postgres", "broker": broker}
        ends = {name: (urlsplit(project.process(server).url).port or 0, 0) for name, server in servers.items()}
        if broker == "kafka":  # tells its clients where it is: those who come through the wire, the wire's beginning
            ends["broker"] = free_port(), free_port()
            lay_wire(project.data / "kafka", *ends["broker"])
        wires = {name: Wire(*end) for name, end in ends.items()}
        stand = Stand(project, broker, wires)
        asyncio.run(_witness(stand))  # before anything is told
        project.headers["Authorization"] = f"Bearer {project.log_in('operator')}"
        for number in range(DRONES):
            _register(project, number)
        with _all_open(list(wires.values())):
            try:
                stand.wire()
                yield stand
            finally:
                project.run("down")  # before the wires are cut, or everybody ends by waiting for what never comes
    finally:
        project.remove()


async def _witness(stand: Stand) -> None:
    connection = await asyncpg.connect(stand.databases["notification"])
    try:
        await connection.execute(WITNESS)
    finally:
        await connection.close()


def _register(project: Project, number: int) -> None:
    drone = {"name": f"Maia {number}", "model": "Carrier", "capacity_kg": 1000.0, "battery": 80, "position": POSITION}
    made = project.call("POST", "/api/v1/drones", json.dumps(drone).encode(), Content_Type="application/json")
    assert made.status == 201, made


@contextmanager
def _all_open(wires: list[Wire]) -> Iterator[None]:
    if not wires:
        yield
        return
    with wires[0].open(), _all_open(wires[1:]):
        yield

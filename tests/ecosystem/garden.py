"""An ecosystem of stand-in services, driven through the `arnia` program only."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import psutil

from arnia.conventions import variable
from arnia.local.overview import processes
from arnia.local.servers.postgres import Postgres
from arnia.local.state import ProcessState, State
from arnia.testing.issuer import TestIssuer

DECLARATION = """
from arnia.ecosystem import Cache, Database, Ecosystem, Route, Service

def service(name, *versions):
    routes = tuple(Route(path=f"/api/v{version}/{name}") for version in versions)
    return Service(name=name, owner="tests", uses=(f"{name}-db", "cache"), exposes=routes)

ecosystem = Ecosystem(
    name="garden",
    services=(service("apples", 1, 2), service("pears", 1), service("broken")),
    resources=(*(Database(name=f"{name}-db") for name in ("apples", "pears", "broken")), Cache(name="cache")),
)
"""

PAUSE: Final = 0.01
"""Seconds between two writes of a lane: a machine that only writes has no time left for what it shall bring back."""

PATIENCE: Final = 300.0
"""Seconds after which it is certain that something does not happen, on a machine with much else to do."""

BROKEN = "import sys\nprint('BROKEN_WATER is missing')\nsys.exit(2)\n"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Project:
    """An ecosystem in a folder of its own, driven through the `arnia` program only."""

    root: Path
    data: Path
    prefix: tuple[str, ...] = (sys.executable,)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    headers: dict[str, str] = field(default_factory=dict)

    def trust(self, issuer: TestIssuer, *services: str, scopes: Iterable[str], roles: Iterable[str] = ()) -> None:
        """Let `services` believe `issuer`, and call them with its token from now on."""
        self.environment |= {variable(service, "issuer"): issuer.url for service in services}
        token = issuer.token(audience=services, scopes=tuple(scopes), roles=tuple(roles), seconds=86_400)
        self.headers["Authorization"] = f"Bearer {token}"

    def log_in(self, username: str) -> str:
        """Return a token for a user whom `up` has made."""
        kept = json.loads((self.data / "credentials.json").read_text())
        password = kept["users"][username]["password"]
        form = {"grant_type": "password", "client_id": kept["client_id"], "username": username, "password": password}
        typed = {"Content_Type": "application/x-www-form-urlencoded"}
        answer = call(self.port, "POST", "/token", urlencode(form).encode(), **typed)
        assert answer.status == 200, answer
        return str(answer.json()["access_token"])

    def command(self, *arguments: str) -> tuple[str, ...]:
        place = () if "--ephemeral" in arguments else ("--data", str(self.data))
        return (*self.prefix, "-m", "arnia.cli", *arguments, *place)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `up` in the foreground and return once it says that everything is ready."""
        process, _ = self.spawn_and_read(*arguments)
        return process

    def spawn_and_read(self, *arguments: str) -> tuple[subprocess.Popen[str], State]:
        """Start `up` in the foreground and return with the state that it prints once everything is ready."""
        process = subprocess.Popen(
            self.command("up", "--json", *arguments),
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        state = State.model_validate_json(process.stdout.readline())
        assert state.ready
        return process, state

    @property
    def state(self) -> State:
        state = State.read(self.data / "state.json")
        assert state is not None
        return state

    @property
    def port(self) -> int:
        return int(self.state.edge_url.rpartition(":")[2])

    def process(self, name: str) -> ProcessState:
        """Return the process of this name, or the first one of the group of this name."""
        return next(one for one in processes(self.state) if name in {one.name, one.group})

    def call(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
        return call(self.port, method, path, body, **{**self.headers, **headers})

    def statuses(self, paths: Iterable[str]) -> set[int]:
        """Return the statuses that GET on `paths` is answered with, over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        found = set()
        for path in paths:
            connection.request("GET", path, headers=self.headers)
            answer = connection.getresponse()
            answer.read()
            found.add(answer.status)
        connection.close()
        return found

    @contextmanager
    def writing(self, path: str, lanes: int = 4, body: bytes | None = None) -> Iterator["Writer"]:
        """Write through the edge, in several lanes at once, for as long as the block lasts."""
        writer = Writer(self.port, path, body, self.headers)
        threads = [threading.Thread(target=writer.write) for _ in range(lanes)]
        for thread in threads:
            thread.start()
        try:
            yield writer
        finally:
            writer.stopping.set()
            for thread in threads:
                thread.join(60)

    def processes(self) -> list[psutil.Process]:
        """Return every process of this machine that has the data folder in its command line or environment."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False
        return process.pid != os.getpid() and any(str(self.data) in word for word in words)

    def remove(self) -> None:
        if self.processes():
            self.run("down")
        Postgres(self.data / "postgres", port=1).remove()
        shutil.rmtree(self.data, ignore_errors=True)


def call(port: int, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body or None, headers=named)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def make_project(root: Path) -> Project:
    (root / "ecosystem.py").write_text(DECLARATION)
    stand_in = Path(__file__).with_name("stand_in.py.txt").read_text()
    for name, text in (("apples", stand_in), ("pears", stand_in), ("broken", BROKEN)):
        package = root / "services" / name / "src" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "main.py").write_text(text)
    return Project(root, root / ".arnia")


@dataclass
class Writer:
    """Writes through the edge, again and again, and remembers every answer."""

    port: int
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    pids: set[int] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def write(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = self.headers | ({"Content-Type": "application/json"} if self.body else {})
        while not self.stopping.is_set():
            name = str(uuid.uuid4())
            try:
                connection.request("PUT", f"{self.path}/{name}", body=self.body, headers=headers)
                answer = connection.getresponse()
                received = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(repr(error))
                connection.close()
                time.sleep(0.05)
                continue
            if answer.status == 201:
                self.acknowledged.append(name)
                self.pids.add(json.loads(received or b"{}").get("pid", 0))
                time.sleep(PAUSE)
            else:
                named = {key.lower(): value for key, value in answer.getheaders()}
                self.refused.append(Answer(answer.status, named, received))
                time.sleep(0.02)
        connection.close()


def eventually(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.05)

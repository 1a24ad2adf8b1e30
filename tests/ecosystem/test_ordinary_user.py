import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.ecosystem.garden import Project, make_project

NOBODY = 65_534  # initdb wants a user that the system knows
BECOME = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def _environment() -> dict[str, str]:
    """Return what makes any Python 3.11 find what ours finds."""
    return {"PATH": "/usr/bin:/bin", "HOME": "/", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _interpreter() -> str | None:
    """Return a Python of our version that an ordinary user can run and that finds this distribution."""
    names = (sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin"))
    for python in filter(None, names):
        proof = "import subprocess, sys, arnia.local.supervisor, uvicorn; subprocess.run([sys.executable, '-V'])"
        command = (*BECOME, python, "-c", proof)
        if subprocess.run(command, env=_environment(), cwd="/", capture_output=True, check=False).returncode == 0:
            return python
    return None


@pytest.fixture
def orchard_of_nobody() -> Iterator[Project]:
    """An ecosystem in a folder of an ordinary user, who also runs it."""
    if os.geteuid() != 0:
        pytest.skip("we are an ordinary user already: every other test is about that")
    if shutil.which("setpriv") is None:
        pytest.skip("only setpriv (util-linux) can make us an ordinary user")
    python = _interpreter()
    if python is None:
        pytest.skip("no Python that an ordinary user could run finds this distribution")
    root = Path(tempfile.mkdtemp())
    project = make_project(root)
    for path in (root, *root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield Project(project.root, project.data, prefix=(*BECOME, python), environment=_environment())
    shutil.rmtree(root)


def test_runs_for_an_ordinary_user(orchard_of_nobody: Project) -> None:
    """Who is not root gets the same: all processes run as that user, data is in their folder, `down` ends it."""
    project = orchard_of_nobody
    started = project.run("up", "--detach", "--port", "0", "--only", "apples")
    assert started.returncode == 0, started.stderr
    try:
        assert project.call("PUT", "/api/v1/apples/red").status == 201
        servers = [psutil.Process(one.pid) for one in project.state.servers.values() if one.pid]
        assert {process.uids().real for process in (*servers, *project.processes())} == {NOBODY}
        assert (project.data / "postgres" / "data" / "PG_VERSION").exists()
    finally:
        stopped = project.run("down")
    assert stopped.returncode == 0, stopped.stderr
    assert project.processes() == []

"""The passwords of those whom the first start makes: told once to whoever sits at a terminal."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ecosystem.garden import PATIENCE, Project

DECLARATION = """
from arnia.ecosystem import Ecosystem, Route, Service

identity = Service(name="identity", owner="tests", exposes=(Route(path="/token", public=True),))
ecosystem = Ecosystem(name="lodge", services=(identity,), issuer="identity")
"""
CTRL_C = b"\x03"


@pytest.fixture
def lodge(tmp_path: Path) -> Iterator[Project]:
    """An ecosystem of an issuer alone, which nobody has started yet."""
    (tmp_path / "ecosystem.py").write_text(DECLARATION)
    package = tmp_path / "services" / "identity" / "src" / "identity"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "main.py").write_text(Path(__file__).with_name("stand_in_issuer.py.txt").read_text())
    project = Project(tmp_path, tmp_path / ".arnia")
    try:
        yield project
    finally:
        project.remove()


def _watch(project: Project) -> str:
    """Return all that `arnia up` shows at a terminal until it is ready and was ended there."""
    person, terminal = pty.openpty()
    taking = (*project.prefix, "-c", "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])")
    command = (*taking, *project.command("up", "--port", "0"))
    up = subprocess.Popen(command, cwd=project.root, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = bytearray()
    asked = False
    try:
        while received := os.read(person, 65_536):
            shown += received
            if b"lodge is ready" in shown and not asked:
                asked = bool(os.write(person, CTRL_C))
    except OSError:  # what Linux says when the other end is closed
        os.close(person)
    up.wait(PATIENCE)
    assert asked, shown
    return shown.decode()


def _passwords(project: Project) -> list[str]:
    people = json.loads((project.data / "credentials.json").read_text())["users"]
    assert people.keys() == {"demo", "operator"}
    return [person["password"] for person in people.values()]


def test_a_terminal_is_told_once(lodge: Project) -> None:
    """The first start at a terminal shows each password once, the second none, and no log ever has one."""
    first = _watch(lodge)
    passwords = _passwords(lodge)
    second = _watch(lodge)
    assert _passwords(lodge) == passwords
    assert "lodge is ready" in second
    logged = [path.read_text(errors="replace") for path in (lodge.data / "logs").iterdir()]
    assert logged
    for password in passwords:
        assert (first.count(password), second.count(password)) == (1, 0)
        assert not any(password in text for text in logged)

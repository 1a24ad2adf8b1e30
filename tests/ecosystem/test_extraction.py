"""`arnia new service --from`: a domain becomes a service, and nobody before the edge notices. Through the program only.

The one edit by hand is to append to `ecosystem.py` what the program printed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.architecture.rules import RULES
from tests.ecosystem.apiary import DOMAINS, settle
from tests.ecosystem.garden import Project

from arnia.cli import main
from arnia.testing.issuer import TestIssuer

ROOT: Final = Path(__file__).resolve().parents[2]
JSON: Final = {"Content-Type": "application/json"}
STEPS: Final = (
    ("POST", "{all}", b'{"name": "first", "colour": 1}', 422),
    ("POST", "{all}", b'{"name": ', 400),
    ("GET", "{all}/00000000-0000-0000-0000-000000000001", b"", 404),
    ("GET", "{all}?name=first&limit=1", b"", 200),
    ("GET", "{all}?limit=none", b"", 422),
    ("DELETE", "{all}", b"", 405),
    ("OPTIONS", "{all}", b"", 204),
    ("GET", "{one}", b"", 200),
    ("PUT", "{one}", b'{"name": "second"}', 204),
    ("PATCH", "{one}", b'{"remark": "changed"}', 428),
    ("GET", "{one}", b"", 200),
    ("DELETE", "{one}", b"", 204),
    ("GET", "{one}", b"", 404),
)
"""What a client does in turn, and the status that it expects."""


def run(root: Path, *command: str, module: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a module of Python, or a program, in `root`; the services there are found but not installed."""
    sources = os.pathsep.join(str(path) for path in sorted(root.glob("services/*/src")))
    return subprocess.run(
        [sys.executable, *(["-m"] if module else []), *command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": sources, "MYPYPATH": sources},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def behave(project: Project, domain: str) -> None:
    """Be a client of `domain`, who knows of the edge and of nothing behind it."""
    collection = f"/api/v1/{domain}"
    made = project.call("POST", collection, b'{"name": "first"}', **JSON)
    assert made.status == 201, made.body
    assert project.call("GET", made.headers["location"]).json() == made.json()
    links = made.json()["_links"]
    assert links["self"]["href"] == made.headers["location"]
    for method, template, body, expected in STEPS:
        path = template.format(all=collection, one=made.headers["location"])
        tag = project.call("GET", path).headers.get("etag") if method in {"PUT", "DELETE"} else None
        headers = {**(JSON if body else {}), **({"If-Match": tag} if tag else {})}
        answer = project.call(method, path, body, **headers)
        assert answer.status == expected, (method, path, answer.body)


@pytest.fixture(scope="module")
def apiary(tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> Iterator[Project]:
    """An ecosystem whose one service has two domains."""
    root = tmp_path_factory.mktemp("apiary")
    settle(root)
    for name in ("pyproject.toml", "conftest.py"):
        (root / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    project = Project(root, root / ".arnia")
    scopes = tuple(f"{domain}:{what}" for domain in DOMAINS for what in ("read", "write"))
    project.trust(issuer, "hive", "queens", scopes=scopes)
    yield project
    project.remove()


@pytest.fixture(scope="module")
def extracted(apiary: Project) -> dict[str, Any]:
    """What the program said when it extracted a domain: before and after, clients were served alike."""
    start(apiary)
    for domain in DOMAINS:
        behave(apiary, domain)
    kept = apiary.call("POST", "/api/v1/queens", b'{"name": "old"}', **JSON)
    assert kept.status == 201, kept.body
    assert apiary.run("down").returncode == 0
    done = run(apiary.root, "arnia.cli", "new", "service", "queens", "--from", "hive", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = {**json.loads(done.stdout), "kept": kept}
    with (apiary.root / "ecosystem.py").open("a", encoding="utf-8") as declaration:
        declaration.write(f"\n{said['declare']}\n")
    return said


def start(project: Project) -> None:
    """Start everything that is declared, on the data of the last time."""
    started = project.run("up", "--detach", "--json", "--port", "0")
    assert started.returncode == 0, started.stdout + started.stderr


@pytest.fixture(scope="module")
def served(apiary: Project, extracted: dict[str, Any]) -> dict[str, Any]:
    """What the program said; both services run since."""
    start(apiary)
    return extracted


def test_a_client_notices_nothing(apiary: Project, served: dict[str, Any]) -> None:
    """The same client is served alike through the edge, by two services in place of one, without an edit by hand."""
    assert served["ok"]
    assert {apiary.process(name).group for name in ("hive", "queens")} == {"hive", "queens"}
    for domain in DOMAINS:
        behave(apiary, domain)


def test_the_printed_command_moves_the_rows(apiary: Project, served: dict[str, Any]) -> None:
    """What the program printed copies every row once, with its version; a second time it refuses."""
    kept = served["kept"]
    (note,) = (one for one in served["notes"] if "move_rows.py" in one)
    command = note.split("`")[1].split()
    assert command[0] == "python"
    assert apiary.call("GET", kept.headers["location"]).status == 404
    first, second = (run(apiary.root, *command[1:], module=False) for _ in range(2))
    assert (first.returncode, first.stdout) == (0, "1 rows copied.\n"), first.stderr
    assert (second.returncode, second.stdout) == (1, "")
    assert "copied before" in second.stderr
    found = apiary.call("GET", kept.headers["location"])
    assert (found.status, found.headers["etag"], found.json()) == (200, kept.headers["etag"], kept.json())


@pytest.mark.usefixtures("extracted")
def test_contracts_fit(apiary: Project) -> None:
    """What is declared is what both services' code promises."""
    done = run(apiary.root, "arnia.cli", "check", "--json")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("extracted")
def test_the_graph_shows_each_domain_where_it_is(apiary: Project) -> None:
    """After the move each service has its own domain, and its routers."""
    seen = json.loads(run(apiary.root, "arnia.cli", "graph", "--json").stdout)["ecosystem"]["services"]

    assert {service["name"]: service["domains"] for service in seen} == {
        "hive": [{"name": "workers", "routers": ["/api/v1/workers"]}],
        "queens": [{"name": "queens", "routers": ["/api/v1/queens"]}],
    }


@pytest.mark.usefixtures("extracted")
def test_tests_moved_along(apiary: Project) -> None:
    """The new service passes the tests that the domain had, and conformance; in the old one nothing drifted."""
    done = run(
        apiary.root,
        "pytest",
        "--quiet",
        "-p",
        "no:cacheprovider",
        "services/queens/tests/unit",
        "services/queens/tests/data",
        "services/queens/tests/test_conformance.py",
        "services/hive/tests/workers/data",
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.usefixtures("extracted")
def test_rules_are_kept(apiary: Project) -> None:
    """Both services have the anatomy that every service has, and the formatter finds nothing."""
    for rule in ("anatomy.faces", "anatomy.folders", "sizes.mains", "sizes.service_files"):
        assert RULES[rule](apiary.root) == []
    done = run(apiary.root, "ruff", "check", "--no-cache", "services/queens", "services/hive/src/hive/main.py")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("drones", "--from", "nest"), "nest"),
        (("drones", "--from", "hive"), "no domain 'drones'"),
        (("queens", "--from", "hive"), "exists already"),
        (("workers", "--from", "hive"), "no other domain"),
        (("workers", "--from", "hive", "--resource", "bee"), "leave the rest out"),
    ],
)
@pytest.mark.usefixtures("extracted")
def test_what_cannot_be_extracted(
    apiary: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    """A domain that is not there, or has nowhere to go, is refused in one sentence; nothing is written."""
    before = sorted((apiary.root / "services").rglob("*.py"))

    monkeypatch.chdir(apiary.root)

    code = main(["new", "service", *arguments])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
    assert sorted((apiary.root / "services").rglob("*.py")) == before

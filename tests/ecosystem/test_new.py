"""`arnia new`: what it writes works as it is written. Driven through the program only.

A new repository is proven here with the environment of this very run: what its bootstrap script installs from its
locked requirements is what this run was installed from.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from tests.architecture.rules import RULES
from tests.ecosystem.garden import Project

from arnia.local.servers.postgres import Postgres
from arnia.testing.issuer import TestIssuer

ROOT: Final = Path(__file__).resolve().parents[2]
FIRST: Final = ("--service", "order-intake", "--resource", "purchase-orders")
DECLARATION: Final = """from arnia.ecosystem import Ecosystem, Service

queen = Service(name="queen", owner="nobody")

ecosystem = Ecosystem(name="colony", services=(queen,))
"""
SERVICE_RULES: Final = (
    "anatomy.async_endpoints",
    "anatomy.folders",
    "anatomy.injection",
    "failures.broad_excepts",
    "failures.http_exceptions",
    "ignores.explained",
    "inertness.environment",
    "names.modules",
    "names.verbs",
    "persistence.commits",
    "persistence.statements",
    "proofs.mocks",
    "proofs.sentences",
    "sizes.functions",
    "sizes.mains",
    "sizes.service_files",
    "texts.addresses",
    "texts.promises",
)


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in `folder`, without a terminal; the new services are found but not installed."""
    sources = os.pathsep.join(str(path) for path in sorted(folder.glob("services/*/src")))
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": sources, "MYPYPATH": sources, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def arnia(folder: Path, *arguments: str, **variables: str) -> Any:
    """Run the program and return its JSON."""
    done = run(folder, "arnia.cli", *arguments, "--json", **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def colony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with the tools' settings of this repository and one new service, declared as the program said."""
    root = tmp_path_factory.mktemp("colony")
    for name in ("pyproject.toml", "conftest.py"):
        (root / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    (root / "ecosystem.py").write_text(DECLARATION, encoding="utf-8")
    (root / "wheels").mkdir()  # as a repository has it that was made by `arnia new ecosystem`
    made = arnia(root, "new", "service", "weather", "--resource", "forecast")
    lines = made["declare"].splitlines()
    missing = DECLARATION.replace("import Ecosystem, Service", "import Database, Ecosystem, Route, Service")
    assert lines[0] == "from arnia.ecosystem import Database, Route"
    text = missing + "\n" + "\n".join(lines[2:]) + "\n"
    (root / "ecosystem.py").write_text(text, encoding="utf-8")
    return root


def test_it_answers_through_the_edge(colony: Path, tmp_path: Path, issuer: TestIssuer) -> None:
    """Once it is declared the new service runs, and a client finds its way through the edge by links alone."""
    project = Project(colony, tmp_path / "data")
    project.trust(issuer, "weather", scopes=("weather:read", "weather:write"))
    try:
        started = project.run("up", "--detach", "--json", "--port", "0", "--only", "weather")
        assert started.returncode == 0, started.stderr
        headers = {"Content-Type": "application/json"}
        made = project.call("POST", "/api/v1/forecasts", b'{"name": "rain"}', **headers)
        assert made.status == 201, made.body
        links = made.json()["_links"]
        assert links["self"]["href"] == made.headers["location"]
        assert project.call("GET", links["self"]["href"]).json() == made.json()
        removed = project.call(links["remove"]["method"], links["remove"]["href"], If_Match=made.headers["etag"])
        assert removed.status == 204
        assert project.call("GET", links["collection"]["href"]).json()["items"] == []
        told = project.run("token", "--audience", "weather")
        assert (told.returncode, "believes an issuer of its own settings" in told.stderr) == (2, True)
    finally:
        project.run("down")
        Postgres(project.data / "postgres", port=1).remove()


def test_its_own_tests_pass(colony: Path) -> None:
    """Its unit tests, those of its tables and the whole conformance suite pass without an edit or an installation."""
    done = run(colony, "pytest", "--quiet", "-p", "no:cacheprovider", "services/weather", PYTHONPATH="")

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_the_formatter_finds_nothing(colony: Path) -> None:
    """With the service and with the statement that declares it, the tree is still formatted."""
    done = run(colony, "ruff", "format", "--no-cache", "--check", "services", "ecosystem.py")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contract_is_what_the_code_makes(colony: Path) -> None:
    """The contract that came with the service is the one that `arnia contract` would write."""
    assert arnia(colony, "contract", "weather", "--check")["ok"]


@pytest.mark.parametrize("name", SERVICE_RULES)
def test_it_keeps_the_rules(colony: Path, name: str) -> None:
    """Every rule of the tree that speaks of services is kept."""
    assert RULES[name](colony) == []


def test_nothing_is_overwritten(colony: Path) -> None:
    """A second service of the name is refused, and the first one left as it was."""
    readme = colony / "services/weather/README.md"
    before = readme.stat()

    done = run(colony, "arnia.cli", "new", "service", "weather", "--json")

    assert done.returncode == 2
    assert "exists already" in json.loads(done.stdout)["faults"][0]
    assert readme.stat() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("service", "fastapi"), "a distribution of this name is installed"),
        (("service", "yaml"), "a package yaml is installed"),
        (("service", "rain", "--service", "snow"), "belong to `arnia new ecosystem`"),
        (("service", "rain", "--directory", "nowhere"), "there is no such file"),
        (("service", "Rain"), "DNS label"),
        (("service", "rain", "--resource", "session"), "--resource"),
        (("ecosystem", "rain", "--directory", "."), "exist already"),
        (("ecosystem", "rain", "--wheel", "rain.whl"), "no wheel of Arnia"),
        (("ecosystem", "rain_"), "DNS label"),
    ],
)
def test_what_cannot_work_is_refused(colony: Path, arguments: tuple[str, ...], sentence: str) -> None:
    """A name or an option that would not work is refused in a sentence with exit 2, and nothing is written."""
    before = sorted(colony.rglob("*"))

    done = run(colony, "arnia.cli", "new", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(colony.rglob("*")) == before


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository outside this one, whose first service has a hyphen in its name."""
    folder = tmp_path_factory.mktemp("outside")
    made = arnia(folder, "new", "ecosystem", "acme", *FIRST)
    assert made["directory"] == str(folder / "acme")
    assert made["next"][-1] == "make up"
    return folder / "acme"


def test_a_new_repository_passes_its_tests(acme: Path) -> None:
    """The declaration holds, and the first service passes its tests."""
    done = run(acme, "pytest", "--quiet", "-p", "no:cacheprovider", "tests", "services/order-intake/tests/unit")

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_a_new_repository_runs_and_makes_its_own_tokens(acme: Path, tmp_path: Path) -> None:
    """With nothing told to it the first service starts, and takes what `arnia token` makes, and nothing else."""
    project = Project(acme, tmp_path / "data")
    try:
        started = project.run("up", "--detach", "--json", "--port", "0")
        assert started.returncode == 0, started.stderr
        path = str(project.state.exposed[0])
        assert project.call("GET", path).status == 401
        token = project.run("token").stdout.strip()
        assert project.call("GET", path, Authorization=f"Bearer {token}").status == 200
        narrow = project.run("token", "--user", "maia", "--scope", "nothing:read").stdout.strip()
        assert project.call("GET", path, Authorization=f"Bearer {narrow}").status == 403
        assert project.call("GET", path, Authorization=f"Bearer {token[:-8]}AAAAAAAA").status == 401
    finally:
        project.run("down")
        Postgres(project.data / "postgres", port=1).remove()


def test_a_new_repository_passes_its_checks(acme: Path) -> None:
    """Its own check script, with its own settings, finds nothing: formats, strict types, directions, contracts."""
    (acme / ".venv").symlink_to(sys.prefix)
    sources = str(acme / "services/order-intake/src")

    done = subprocess.run(
        ["scripts/check.sh"],
        cwd=acme,
        env={**os.environ, "PYTHONPATH": sources},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_repository_says_nothing_about_this_machine(acme: Path) -> None:
    """No address and no path leads from it to the place where it was made."""
    for name in ("texts.addresses", "texts.promises"):
        assert RULES[name](acme) == []
    made = [path for path in acme.rglob("*") if path.is_file() and not {".venv", ".mypy_cache"} & set(path.parts)]
    for path in made:
        assert str(ROOT).encode() not in path.read_bytes(), path


def test_the_wheel_makes_the_next_repository(acme: Path, tmp_path: Path) -> None:
    """The wheel holds every template, so that a repository can be made from it with no checkout at hand."""
    wheel = next((acme / "wheels").glob("arnia-*.whl"))

    done = run(tmp_path, "arnia.cli", "new", "ecosystem", "acme", *FIRST, PYTHONPATH=str(wheel))
    made = arnia(tmp_path, "new", "ecosystem", "acme", *FIRST, "--wheel", str(wheel), PYTHONPATH=str(wheel))

    assert done.returncode == 2
    assert "--wheel" in done.stderr
    assert f"wheels/{wheel.name}" in made["files"]
    for path in made["files"]:
        assert (tmp_path / "acme" / path).read_bytes() == (acme / path).read_bytes(), path


def test_help_shows_an_example() -> None:
    """The verb explains itself, with an example."""
    done = run(ROOT, "arnia.cli", "new", "--help")

    assert done.returncode == 0
    assert "Example: arnia new service weather" in done.stdout

"""`arnia new`: what it writes works as it is written. Driven through the program only.

A new repository is proven here with the environment of this very run: what its bootstrap script installs from its
locked requirements is what this run was installed from.
"""

import hmac
import json
import os
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from joserfc.jwk import ECKey
from tests.architecture.rules import RULES
from tests.ecosystem.garden import Project, call

from arnia.cli import main
from arnia.testing.forgeries import encoded, text
from arnia.testing.issuer import TestIssuer

ROOT: Final = Path(__file__).resolve().parents[2]
FIRST: Final = ("--service", "order-intake", "--resource", "purchase-orders")
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

CLIENT: Final = '''"""The clouds of another service."""

from arnia.chassis.client import Client, get
from arnia.chassis.schemas import View


class Cloud(View):
    """A cloud, as far as it matters here."""

    name: str


class Clouds(Client, service="clouds"):
    """The service of clouds."""

    @get("/clouds/{name}")
    async def read(self, name: str) -> Cloud: ...
'''


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


@dataclass(frozen=True)
class Made:
    """A repository outside this one.

    Attributes:
        root: Its folder.
        first: What was in its files before the second service, by path.
    """

    root: Path
    first: dict[str, bytes]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A repository whose first service has a hyphen in its name, with a second one, declared as the program said."""
    folder = tmp_path_factory.mktemp("outside")
    ecosystem = arnia(folder, "new", "ecosystem", "acme", *FIRST)
    root = folder / "acme"
    assert ecosystem["directory"] == str(root)
    assert ecosystem["next"][-1] == "make up"
    first = {path: (root / path).read_bytes() for path in ecosystem["files"]}
    service = arnia(root, "new", "service", "weather", "--resource", "forecast")
    with (root / "ecosystem.py").open("a", encoding="utf-8") as declaration:
        declaration.write(f"\n{service['declare']}\n")
    return Made(root, first)


@pytest.fixture
def acme(made: Made) -> Path:
    """Where that repository is."""
    return made.root


@pytest.fixture(scope="module")
def running(made: Made, tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> Iterator[Project]:
    """That repository runs; its second service was told to believe an issuer of its own."""
    project = Project(made.root, tmp_path_factory.mktemp("running") / "data")
    project.trust(issuer, "weather", scopes=("weather:read", "weather:write"))
    try:
        started = project.run("up", "--detach", "--json", "--port", "0")
        assert started.returncode == 0, started.stderr
        yield project
    finally:
        project.remove()


def test_it_answers_through_the_edge(running: Project) -> None:
    """Once it is declared the new service runs, and a client finds its way through the edge by links alone."""
    made = running.call("POST", "/api/v1/forecasts", b'{"name": "rain"}', Content_Type="application/json")
    assert made.status == 201, made.body
    links = made.json()["_links"]
    assert links["self"]["href"] == made.headers["location"]
    assert running.call("GET", links["self"]["href"]).json() == made.json()
    removed = running.call(links["remove"]["method"], links["remove"]["href"], If_Match=made.headers["etag"])
    assert removed.status == 204
    assert running.call("GET", links["collection"]["href"]).json()["items"] == []
    told = running.run("token", "--audience", "weather")
    assert (told.returncode, "believes an issuer of its own settings" in told.stderr) == (2, True)


def test_a_new_repository_runs_and_makes_its_own_tokens(running: Project) -> None:
    """With nothing told to it the first service starts, and takes what `arnia token` makes, and nothing else."""
    path = "/api/v1/purchase-orders"
    assert path in running.state.exposed
    assert call(running.port, "GET", path).status == 401
    token = running.run("token", "--audience", "order-intake").stdout.strip()
    assert running.call("GET", path, Authorization=f"Bearer {token}").status == 200
    told = running.run("token", "--audience", "order-intake", "--user", "maia", "--scope", "nothing:read")
    assert running.call("GET", path, Authorization=f"Bearer {told.stdout.strip()}").status == 403
    assert running.call("GET", path, Authorization=f"Bearer {token[:-8]}AAAAAAAA").status == 401


def test_a_new_repository_signs_with_a_key_that_no_service_has(running: Project) -> None:
    """Its tokens are ES256, the key's thumbprint their `kid`; HMACs keyed with what a service knows open nothing."""
    path = "/api/v1/purchase-orders"
    token = running.run("token", "--audience", "order-intake").stdout.strip()
    signing = running.data / "secrets" / "token-signing-key"
    key = ECKey.import_key(json.loads(signing.read_text(encoding="utf-8")))
    header, payload, _ = token.split(".")
    parameters = json.loads(urlsafe_b64decode(header + "=="))
    assert parameters == {"alg": "ES256", "typ": "at+jwt", "kid": key.thumbprint()}
    pem, public = key.as_pem(private=False), json.dumps(key.as_dict(private=False)).encode()
    forged = encoded(text({**parameters, "alg": "HS256"})) + b"." + payload.encode()
    for secret in (pem, pem.strip(), public, b"", key.thumbprint().encode()):
        mac = encoded(hmac.digest(secret, forged, "sha256"))
        assert running.call("GET", path, Authorization=f"Bearer {(forged + b'.' + mac).decode()}").status == 401
    handed = [file for file in (running.data / "secrets").rglob("*") if file.is_file() and file != signing]
    assert not [
        file for file in handed if "token" in file.name or str(key.as_dict(private=True)["d"]) in file.read_text()
    ]


def test_a_new_repository_shares_no_key_between_services(running: Project, tmp_path: Path) -> None:
    """A shared key for one of its two services ends `up` before anything starts."""
    told = {**running.environment, "ORDER_INTAKE_SHARED_TOKEN_KEY": "a secret of thirty-two characters"}
    second = Project(running.root, tmp_path / "data", environment=told)
    refused = second.run("up", "--detach", "--port", "0")
    assert refused.returncode == 2, refused.stderr
    assert "2 services take tokens, and ORDER_INTAKE_SHARED_TOKEN_KEY is set" in refused.stderr


def test_a_new_repository_passes_its_tests(acme: Path) -> None:
    """The declaration holds, and so do the tests of its services: use cases, tables, the whole conformance suite."""
    chosen = ("tests", "services/order-intake/tests/unit", "services/weather")

    done = run(acme, "pytest", "--quiet", "-p", "no:cacheprovider", *chosen)

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_a_new_repository_passes_its_checks(acme: Path) -> None:
    """Its own check script, with its own settings, finds nothing: formats, strict types, directions, contracts.

    Nor does it where somebody has declared a client since.
    """
    (acme / ".venv").symlink_to(sys.prefix)
    (acme / "services/weather/src/weather/repositories/clouds.py").write_text(CLIENT, encoding="utf-8")
    sources = os.pathsep.join(str(path) for path in sorted(acme.glob("services/*/src")))

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


def test_the_formatter_finds_nothing_here_either(acme: Path) -> None:
    """By the settings of this repository, too, the service and the statement that declares it are formatted."""
    settings = ("--config", str(ROOT / "pyproject.toml"))

    done = run(acme, "ruff", "format", "--no-cache", *settings, "--check", "services", "ecosystem.py")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SERVICE_RULES)
def test_it_keeps_the_rules(acme: Path, name: str) -> None:
    """Every rule of the tree that speaks of services is kept."""
    assert RULES[name](acme) == []


def test_nothing_is_overwritten(
    acme: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second service of the name is refused, and the first one left as it was."""
    readme = acme / "services/weather/README.md"
    before = readme.stat()
    monkeypatch.chdir(acme)

    code = main(["new", "service", "weather", "--json"])

    assert code == 2
    assert "exists already" in json.loads(capsys.readouterr().out)["faults"][0]
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
def test_what_cannot_work_is_refused(
    acme: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    """A name or an option that would not work is refused in a sentence with exit 2, and nothing is written."""
    before = sorted(acme.rglob("*"))

    monkeypatch.chdir(acme)

    code = main(["new", *arguments])

    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
    assert sorted(acme.rglob("*")) == before


def test_a_new_repository_says_nothing_about_this_machine(acme: Path) -> None:
    """No address and no path leads from it to the place where it was made."""
    for name in ("texts.addresses", "texts.promises"):
        assert RULES[name](acme) == []
    made = [path for path in acme.rglob("*") if path.is_file() and not {".venv", ".mypy_cache"} & set(path.parts)]
    for path in made:
        assert str(ROOT).encode() not in path.read_bytes(), path


def test_the_wheel_makes_the_next_repository(made: Made, tmp_path: Path) -> None:
    """The wheel holds every template, so that a repository can be made from it with no checkout at hand."""
    wheel = next((made.root / "wheels").glob("arnia-*.whl"))

    done = run(tmp_path, "arnia.cli", "new", "ecosystem", "acme", *FIRST, PYTHONPATH=str(wheel))
    again = arnia(tmp_path, "new", "ecosystem", "acme", *FIRST, "--wheel", str(wheel), PYTHONPATH=str(wheel))

    assert done.returncode == 2
    assert "--wheel" in done.stderr
    assert f"wheels/{wheel.name}" in again["files"]
    assert {path: (tmp_path / "acme" / path).read_bytes() for path in again["files"]} == made.first


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """The verb explains itself, with an example."""
    assert main(["new", "--help"]) == 0
    assert "Example: arnia new service weather" in capsys.readouterr().out

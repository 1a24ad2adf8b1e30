"""Templates: complete, pure, and valid for every name."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from arnia.commands.scaffold import artefacts, wheels
from arnia.commands.scaffold.words import Words
from arnia.ecosystem import Ecosystem, Service
from arnia.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
NAMES = [("weather", None), ("order-intake", "purchase-order"), ("aardvarks", None), ("z" * 40, "y" * 40), ("x", "q")]
ANATOMY = {"api", "config.py", "main.py", "models", "repositories", "schemas", "services", "__init__.py", "py.typed"}


@pytest.fixture(params=NAMES, ids=lambda names: names[0][:12])
def words(request: pytest.FixtureRequest) -> Words:
    """Return short names, long ones, and names that sort before and after Arnia's."""
    return Words.of(*request.param)


def test_the_tree_of_a_service(words: Words) -> None:
    """The tree is the blueprint's, to the folder."""
    package = words.values()["package"]
    paths = artefacts.of_service(words)

    inside = {path.split("/")[2] for path in paths if path.startswith(f"src/{package}/")}
    assert inside == ANATOMY
    assert {path.split("/")[0] for path in paths} == {"README.md", "migrations", "pyproject.toml", "src", "tests"}


def test_no_placeholder_is_left(words: Words) -> None:
    """Every placeholder is filled, in texts and in paths."""
    made = {**artefacts.of_service(words), **artefacts.of_ecosystem("acme", words)}
    for path, text in made.items():
        assert "<<" not in path + text.replace("<<'", ""), path
        assert "PACKAGE" not in path
        assert "RESOURCES" not in path


def test_the_same_twice(words: Words) -> None:
    """The same words give the same files, to the byte."""
    assert artefacts.of_service(words) == artefacts.of_service(words)


def test_every_module_is_python(words: Words) -> None:
    """Every Python file parses, and no file of a service is longer than a service's may be."""
    for path, text in artefacts.of_service(words).items():
        if path.endswith(".py"):
            ast.parse(text, path)
            assert len(text.splitlines()) <= 250


def test_ruff_finds_nothing(tmp_path: Path, words: Words) -> None:
    """After the formatter has broken the lines of long names, ruff finds nothing with every rule of this repository."""
    for path, text in artefacts.of_service(words).items():
        file = tmp_path / "services" / words.service / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for verb in (["check", "--select=I", "--fix"], ["format"]):
        subprocess.run([*ruff, *verb, "--no-cache", "--quiet", "."], cwd=tmp_path, check=True)

    judged = subprocess.run(
        [*ruff, "check", "--no-cache", "."], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("resource", ["place", "guard", "session", "error", "table", "query", "link", "sort"])
def test_a_resource_that_means_something_else_is_refused(resource: str) -> None:
    """A resource by the name of something in the templates' own code would hide it, and is refused."""
    with pytest.raises(UsageError, match="already means something"):
        artefacts.of_service(Words.of("weather", resource))


def test_usual_names_are_not_refused() -> None:
    """Words that only documentation uses are free."""
    for name in (
        "note",
        "order",
        "customer",
        "invoice",
        "user",
        "product",
        "report",
        "payment",
        "station",
        "city",
        "item",
    ):
        assert artefacts.of_service(Words.of(name))


def test_the_statement_declares_the_service(words: Words) -> None:
    """What is to be added to a declaration is valid, imports only what is missing, and adds service and database."""
    names: dict[str, object] = {"ecosystem": Ecosystem(name="acme", services=(Service(name="other", owner="others"),))}
    exec(artefacts.statement(words), names)  # noqa: S102 - it is what a person would paste
    declared = names["ecosystem"]

    assert isinstance(declared, Ecosystem)
    assert {service.name for service in declared.services} == {"other", words.service}
    assert declared.service(words.service).exposes[0].path == f"/api/v1/{words.plural}"
    assert artefacts.statement(words, frozenset({"Database", "Route", "Service"})).startswith("ecosystem =")
    assert artefacts.statement(words, frozenset({"Service"})).startswith(
        "from arnia.ecosystem import Database, Route\n"
    )


def test_the_declaration_of_a_new_ecosystem(words: Words) -> None:
    """The page of a new repository declares the ecosystem with its first service."""
    names: dict[str, object] = {}
    exec(artefacts.of_ecosystem("acme", words)["ecosystem.py"], names)  # noqa: S102 - it is what `arnia` would read
    declared = names["ecosystem"]

    assert isinstance(declared, Ecosystem)
    assert declared.name == "acme"
    assert [service.name for service in declared.services] == [words.service]


def test_nothing_of_this_machine(words: Words) -> None:
    """No path of a machine and no registry's address is in what is given away."""
    made = {**artefacts.of_ecosystem("acme", words), **wheels.locked(), **artefacts.of_service(words)}
    for path, text in made.items():
        assert str(ROOT) not in text, path
        assert "://" not in text.replace("http://127.0.0.1", ""), path


def test_what_is_brought_along_is_in_the_wheel() -> None:
    """Whatever a checkout gives to a new repository is listed in pyproject.toml, so that a wheel can give it too."""
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in wheels.locked():
        assert f'"{path}" = "arnia/commands/scaffold/brought/{path}"' in settings

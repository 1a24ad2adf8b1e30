"""Each example, run with real servers as its README says, prints exactly what it promises."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
PROMISED: Final = sorted(path.parent for path in EXAMPLES.glob("*/expected.txt"))
PATIENCE: Final = 120
EVENTS: Final = EXAMPLES / "03_events"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in `folder` and return what it said."""
    command = (sys.executable, *arguments)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture(params=PROMISED, ids=[path.name for path in PROMISED])
def example(request: pytest.FixtureRequest) -> Path:
    """Give the folder of each example."""
    folder: Path = request.param
    return folder


@pytest.fixture
def edge_url(example: Path, tmp_path: Path) -> Iterator[str]:
    """Give the address of an example that runs meanwhile."""
    data = tmp_path / "data"
    try:
        started = run("-m", "arnia.cli", "up", "--detach", "--json", "--port", "0", "--data", str(data), folder=example)
        assert started.returncode == 0, started.stdout + started.stderr
        yield json.loads(started.stdout)["state"]["edge_url"]
    finally:
        run("-m", "arnia.cli", "down", "--data", str(data), folder=example)


def test_an_example_prints_what_it_promises(example: Path, edge_url: str) -> None:
    """What the demo prints is what `expected.txt` says, to the letter."""
    told = run("demo.py", edge_url, folder=example)
    assert told.returncode == 0, told.stderr
    assert told.stdout == (example / "expected.txt").read_text()


def test_an_example_says_how_to_run_it(example: Path) -> None:
    """Its README has the two commands, and each of its links leads to a file."""
    text = (example / "README.md").read_text()
    assert "$ arnia up --ephemeral\n$ python demo.py http://127.0.0.1:8080" in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (example / target).is_file(), target


@pytest.mark.parametrize("name", [path.name for path in PROMISED])
def test_a_demo_without_its_ecosystem_is_one_sentence(name: str) -> None:
    """Where nothing answers, the demo says how to start it, and ends with 3."""
    told = run("demo.py", "http://127.0.0.1:1", folder=EXAMPLES / name)
    assert (told.returncode, told.stdout) == (3, "")
    assert (
        told.stderr == "Nothing answers at http://127.0.0.1:1: start it with `arnia up --ephemeral` in this folder.\n"
    )


def lines_of_code(page: Path) -> int:
    """Return how many lines are neither blank nor comments, imports or docstrings."""
    text = page.read_text()
    aside: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                aside.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    told = [line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in aside]
    return sum(bool(line) and not line.startswith("#") for line in told)


def test_events_need_forty_lines() -> None:
    """A service that tells, one that hears, and the page that declares them are as short as the README says."""
    pages = [EVENTS / "ecosystem.py", *EVENTS.glob("services/*/src/*/main.py")]
    assert len(pages) == 3
    assert sum(map(lines_of_code, pages)) == 40
    assert "40 lines besides imports" in (EVENTS / "README.md").read_text()


def test_there_are_examples() -> None:
    """The first example has one service, the second two."""
    assert [path.name for path in PROMISED][:2] == ["01_one_service", "02_two_services"]

"""The directions of imports: what `scripts/imports.py` lets pass, and what it does not."""

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = ("chassis", "cli", "commands", "contracts", "ecosystem", "gitops", "local", "synth", "testing")
LAYERS: Final = ("api", "models", "repositories", "schemas", "services")

# Where it is planted, what it imports, which contract it breaks.
PLANTS: Final = [
    ("src/arnia/chassis/links.py", "import arnia.ecosystem", "The platform has one direction"),
    ("src/arnia/ecosystem/graph.py", "import arnia.contracts", "The platform has one direction"),
    ("src/arnia/conventions.py", "import arnia.errors", "The platform has one direction"),
    ("src/arnia/conventions.py", "import pydantic", "The ground floor stands on the standard library"),
    ("src/arnia/errors.py", "import arnia.commands", "The platform has one direction"),
    ("src/arnia/testing/suites.py", "import arnia.cli", "The platform has one direction"),
    ("src/arnia/local/up.py", "import arnia.chassis", "Synthesis, releases and the laptop know no running service"),
    ("src/arnia/synth/edge.py", "import subprocess", "Declarations, contract files and synthesis do no I/O"),
    ("src/arnia/ecosystem/graph.py", "import httpx", "Declarations, contract files and synthesis do no I/O"),
    ("src/arnia/gitops/sync.py", "import arnia.local.servers", "Real servers are started by the supervisor"),
    ("src/arnia/commands/up.py", "import rain", "Commands reach a service through its process"),
    ("services/rain/src/rain/services/drops.py", "import rain.api", "rain: main, api, services"),
    ("services/rain/src/rain/models/drops.py", "import rain.repositories", "rain: main, api, services"),
    ("services/rain/src/rain/services/drops.py", "import fastapi", "rain: business logic knows neither"),
    ("services/rain/src/rain/services/drops.py", "import sqlalchemy", "rain: business logic knows neither"),
    ("services/rain/src/rain/api/drops.py", "import sqlalchemy", "rain: HTTP knows no database"),
    ("services/rain/src/rain/repositories/drops.py", "import fastapi", "rain: persistence knows no HTTP"),
    ("services/rain/src/rain/repositories/drops.py", "import rain.schemas", "rain: schemas belong to api and services"),
    ("services/rain/src/rain/api/drops.py", "import snow", "rain: no other service"),
    ("services/rain/src/rain/main.py", "import arnia.ecosystem", "rain: no other service"),
    ("services/hive/src/hive/wax/api/cells.py", "import hive.bees.models", "hive.bees: other domains know its face"),
    ("services/hive/src/hive/wax/services/cells.py", "import hive.wax.api", "hive.wax: main, api, services"),
    ("services/hive/src/hive/wax/models/cells.py", "import fastapi", "hive.wax: persistence knows no HTTP"),
]


def grow(root: Path, plants: list[tuple[str, str, str]]) -> Path:
    """Write an empty platform with three empty services, one of domains, the contracts, and what is planted."""
    for name in ("conventions", "errors", *(f"{part}/__init__" for part in PARTS), "local/servers/__init__"):
        write(root / f"src/arnia/{name}.py", "")
    write(root / "src/arnia/__init__.py", "")
    for service in ("rain", "snow"):
        for name in ("__init__", "main", *(f"{layer}/__init__" for layer in LAYERS)):
            write(root / f"services/{service}/src/{service}/{name}.py", "")
    for name in ("__init__", "main", *(f"{at}/__init__" for at in ("bees", "wax"))):
        write(root / f"services/hive/src/hive/{name}.py", "")
    for domain, layer in itertools.product(("bees", "wax"), LAYERS):
        write(root / f"services/hive/src/hive/{domain}/{layer}/__init__.py", "")
    write(root / "services/hive/src/hive/main.py", "import hive.bees.api, hive.wax.api\n")
    write(root / "services/hive/src/hive/wax/services/combs.py", "from hive import bees\n")
    write(root / "pyproject.toml", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for place in {path for path, _, _ in plants}:
        write(root / place, "".join(f"{text}\n" for path, text, _ in plants if path == place))
    return root


def write(path: Path, text: str) -> None:
    """Write `text` to `path`, below folders that may not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the check on `root` as `make check` does."""
    command = [sys.executable, str(ROOT / "scripts/imports.py"), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=root, timeout=60)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """What the check says of a tree with everything that is planted: it names each import by itself."""
    return check(grow(tmp_path_factory.mktemp("planted"), PLANTS))


def sections(report: str) -> dict[str, str]:
    """Return what the report says of each broken contract, by the contract's name."""
    _, _, broken = report.partition("\nBroken contracts\n")
    pieces = re.split(r"\n(\S.*)\n-{4,}\n", broken)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_a_tree_without_a_wrong_import_passes(tmp_path: Path) -> None:
    """An empty platform with services that import only what they may keeps every contract."""
    outcome = check(grow(tmp_path, []))

    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize(("path", "text", "contract"), PLANTS)
def test_a_planted_import_breaks_its_contract(
    planted: subprocess.CompletedProcess[str], path: str, text: str, contract: str
) -> None:
    """An import against the direction is named in the report of the contract that it breaks."""
    importer = path.partition("src/")[2].removesuffix(".py").replace("/", ".")
    named = re.compile(rf"-\s+{re.escape(importer)} -> {re.escape(text.removeprefix('import '))} \(l\.\d+\)")

    told = [found for name, found in sections(planted.stderr).items() if name.startswith(contract)]
    assert planted.returncode == 1, planted.stderr
    assert any(named.search(found) for found in told), planted.stderr

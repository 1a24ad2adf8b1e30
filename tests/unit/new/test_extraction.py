"""What keeps a domain from becoming a service is said in a sentence, before anything is written."""

from pathlib import Path

import pytest
from tests.ecosystem.apiary import settle

from arnia.commands import new
from arnia.commands.actions import Kind
from arnia.errors import OutsideError, UsageError

PARTING = "services/hive/src/hive/workers/services/workers.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An ecosystem whose one service has two domains."""
    settle(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "line", "sentence"),
    [
        (
            "services/hive/src/hive/queens/services/queens.py",
            "from hive.workers.models.workers import Worker",
            r"queens\.py:1 uses hive\.workers\.models\.workers, which is no part",
        ),
        (
            "services/hive/src/hive/queens/services/queens.py",
            "from hive.workers import Worker",
            "call the other domain's API",
        ),
        (PARTING, "from hive.queens import Queen", r"uses hive\.queens\.Queen, and stays"),
        (PARTING, "from ...queens import Queen", r"workers\.py:1 uses hive\.queens\.Queen, and stays"),
        ("services/hive/tests/conftest.py", "import hive.queens.models", r"conftest\.py:1 uses hive\.queens"),
        ("services/hive/tests/queens/conftest.py", "", r"has a conftest\.py and so has queens"),
        ("services/queens/README.md", "", "exists already"),
        (PARTING, "def (", r"workers\.py:1 is no Python"),
    ],
)
def test_ties_are_named_first(root: Path, path: str, line: str, sentence: str) -> None:
    """A domain that uses another, or is used, is refused with the place where that happens; all stays as it is."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{line}\n{file.read_text(encoding='utf-8') if file.exists() else ''}", encoding="utf-8")
    before = _written(root)

    with pytest.raises(UsageError, match=sentence):
        new(Kind.SERVICE, "queens", source="hive", directory=root)

    assert _written(root) == before


def _written(root: Path) -> dict[Path, bytes]:
    """Return every file that a person wrote."""
    return {one: one.read_bytes() for one in root.rglob("*") if one.is_file() and one.parent.name != "__pycache__"}


@pytest.mark.parametrize(("domain", "other"), [("queens", "workers"), ("workers", "queens")])
def test_tables_that_refer_to_each_other_do_not_part(root: Path, domain: str, other: str) -> None:
    """A foreign key between two domains shows when the services are tried aside, and nothing is written."""
    tables = root / f"services/hive/src/hive/{domain}/models/tables.py"
    text = tables.read_text(encoding="utf-8").replace("import Index, Text", "import ForeignKey, Index, Text")
    column = f'    other: Mapped[str] = mapped_column(ForeignKey("{other}.id"))\n'
    tables.write_text(text.replace("    remark:", column + "    remark:"), encoding="utf-8")

    with pytest.raises(OutsideError, match=f"could not find table '{other}'"):
        new(Kind.SERVICE, "queens", source="hive", directory=root)

    assert not (root / "services/queens").exists()
    assert (root / "services/hive/src/hive/queens").is_dir()


def test_a_route_of_both_domains_is_divided_first(root: Path) -> None:
    """A route that leads to the domain and to more cannot be given to one of the two services."""
    declaration = (root / "ecosystem.py").read_text(encoding="utf-8")
    wide = declaration.replace('Route(path="/api/v1/queens"), Route(path="/api/v1/workers")', 'Route(path="/api/v1"),')
    (root / "ecosystem.py").write_text(wide, encoding="utf-8")

    with pytest.raises(UsageError, match="exposes /api/v1, which leads to queens and to more"):
        new(Kind.SERVICE, "queens", source="hive", directory=root)

    assert not (root / "services/queens").exists()


def test_a_service_without_domain_packages_has_nothing_to_extract(root: Path) -> None:
    """A service of five layers is one domain: there is nothing to take out of it."""
    for domain in ("queens", "workers"):
        (root / "services/hive/src/hive" / domain).rename(root / domain)

    with pytest.raises(UsageError, match="it has no domain packages"):
        new(Kind.SERVICE, "queens", source="hive", directory=root)

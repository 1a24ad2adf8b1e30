"""Finding and reading `ecosystem.py`."""

import re
from pathlib import Path

import pytest

from arnia.commands.declaration import find, load
from arnia.errors import DeclarationError, UsageError

PAGE = 'from arnia.ecosystem import Ecosystem, Service\n{}ecosystem = Ecosystem(name="x", services={})\n'
SERVICES = '(Service(name="a", owner="us"),)'


def write(folder: Path, before: str = "", services: str = SERVICES) -> Path:
    """Write a declaration into `folder` and return its path."""
    page = folder / "ecosystem.py"
    page.write_text(PAGE.format(before, services), encoding="utf-8")
    return page


def test_nearest_page_upward_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder below, the page is found without being named."""
    page = write(tmp_path)
    below = tmp_path / "services" / "a"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    declaration = load()
    assert declaration.file == page
    assert declaration.root == tmp_path
    assert declaration.state == tmp_path / ".arnia"
    assert declaration.contract_folder("a") == below / "contract"
    assert declaration.ecosystem.name == "x"


def test_page_may_be_named_by_file_or_folder(tmp_path: Path) -> None:
    """The file itself, under any name, or the folder that holds it is as good."""
    page = write(tmp_path)
    other = page.rename(tmp_path / "hive.py")
    assert find(other) == other
    page = write(tmp_path)
    assert find(tmp_path) == page


def test_no_page_is_a_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is found the sentence says where was looked and what to do."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="name it with --file"):
        load()
    with pytest.raises(UsageError, match="there is no such file"):
        load(tmp_path / "nowhere.py")
    (tmp_path / "page.txt").touch()
    with pytest.raises(UsageError, match="no Python file"):
        load(tmp_path / "page.txt")


@pytest.mark.parametrize(
    ("before", "fault"),
    [
        ("x = (\n", r"ecosystem\.py: line 2: .*never closed"),
        ("import nowhere\n", r"line 2: ModuleNotFoundError: No module named 'nowhere'"),
        ("\n\nunknown\n", r"line 4: NameError: name 'unknown' is not defined"),
    ],
)
def test_page_that_does_not_run_is_a_fault_with_its_line(tmp_path: Path, before: str, fault: str) -> None:
    """A mistake in the page is one sentence with the line, not a traceback."""
    with pytest.raises(DeclarationError, match=fault):
        load(write(tmp_path, before))


def test_page_without_ecosystem_is_a_fault(tmp_path: Path) -> None:
    """A page must end with the name `ecosystem`."""
    page = tmp_path / "ecosystem.py"
    page.write_text("hive = 1\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match=re.escape("end it with `ecosystem = Ecosystem(...)`")):
        load(page)


def test_faults_of_the_declaration_pass_through(tmp_path: Path) -> None:
    """What the ecosystem finds wrong with itself arrives complete."""
    with pytest.raises(DeclarationError) as caught:
        load(write(tmp_path, services='(Service(name="A", owner=""),)'))
    assert len(caught.value.faults) == 2


def test_every_wrong_value_of_a_page_is_told_at_once(tmp_path: Path) -> None:
    """The page is read to its end, or to where it breaks off: the faults of all its values are one error."""
    values = 'a = Service(name="A", owner="us", uses="db", expose=("/x",))\nb = Service(name="b", calls=("c",))\n'
    with pytest.raises(DeclarationError) as caught:
        load(write(tmp_path, values, services="(a, b)"))
    starts = [fault.split(":", 1)[0] for fault in caught.value.faults]
    assert starts == ["service 'A'"] * 3 + ["service 'b'"] * 2 + ["service 'A'"] * 2 + ["service 'b'"]
    with pytest.raises(DeclarationError) as caught:
        load(write(tmp_path, values + "unknown\n"))
    assert len(caught.value.faults) == 6
    assert "line 4: NameError" in caught.value.faults[-1]

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ecosystem.garden import Project, make_project


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A running ecosystem: apples v1 and v2 in processes of their own, and two pears."""
    project = make_project(tmp_path_factory.mktemp("garden"))
    wishes = ("--only", "apples", "--only", "pears", "--split", "--replicas", "pears=2")
    try:
        started = project.run("up", "--detach", "--json", "--port", "0", *wishes)
        assert started.returncode == 0, started.stderr
        yield project
    finally:
        project.remove()


@pytest.fixture
def orchard(tmp_path: Path) -> Iterator[Project]:
    """An ecosystem that a test starts and stops as it likes."""
    project = make_project(tmp_path)
    yield project
    project.remove()

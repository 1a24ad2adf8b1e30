"""The order of the tests: what takes longest begins first, so that the processes of a run end together."""

from pathlib import Path
from typing import Final

import psutil
import pytest

ROOT: Final = Path(__file__).resolve().parents[3]


@pytest.fixture
def longest(pytestconfig: pytest.Config) -> tuple[str, ...]:
    """Return the files that the repository's conftest puts first."""
    found: tuple[str, ...] = pytestconfig.pluginmanager.getplugin(str(ROOT / "conftest.py")).LONGEST
    return found


def test_what_takes_longest_is_there(longest: tuple[str, ...]) -> None:
    """Each file that is put first exists: one that was renamed would be left to its place in the alphabet."""
    assert [path for path in longest if not (ROOT / path).is_file()] == []


def test_what_takes_longest_begins_first(request: pytest.FixtureRequest, longest: tuple[str, ...]) -> None:
    """Of what this run has collected, those files come first, in their order."""
    order = list(dict.fromkeys(item.nodeid.partition("::")[0] for item in request.session.items))
    first = [path for path in longest if path in order]

    assert order[: len(first)] == first


def test_what_is_short_comes_last(request: pytest.FixtureRequest, longest: tuple[str, ...]) -> None:
    """Behind the first test of a short file there is no other: all processes find something to do until the end."""
    paths = [item.nodeid.partition("::")[0] for item in request.session.items]
    order = [path.startswith("tests/unit/") for path in paths if path not in longest]

    assert all(order[order.index(True) :])


def test_the_run_keeps_the_order() -> None:
    """`make test` tells pytest-xdist to leave it: by itself it begins with the files that have the most tests."""
    assert "--dist loadfile --no-loadscope-reorder" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_more_processes_than_cores(pytestconfig: pytest.Config) -> None:
    """`--numprocesses auto` keeps every core busy while some tests wait for their servers."""
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    assert pytestconfig.hook.pytest_xdist_auto_num_workers(config=pytestconfig) == cores + cores // 2

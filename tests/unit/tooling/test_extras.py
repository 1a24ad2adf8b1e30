"""What a part of the distribution imports is named in the extra that brings it."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import read

ROOT: Final = Path(__file__).resolve().parents[3]
BORROWED: Final = {"rich": "cli", "confluent_kafka": "events"}
"""What only the terminal shows, and what only the broker of its kind needs, comes by another extra."""


def test_the_laptop_installs_what_it_imports() -> None:
    """`arnia[local]` alone starts an ecosystem: nothing that it imports is there by the grace of another extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {
        extra: {re.split(r"[\[<>=;~! ]", need)[0] for need in (*project["dependencies"], *needs)}
        for extra, needs in project["optional-dependencies"].items()
    }
    libraries = {
        name.split(".")[0] for source in read(ROOT, ("src/arnia/local/**/*.py",)) for _, name in source.imported()
    } - {*sys.stdlib_module_names, "arnia", "typing_extensions"}
    brought = packages_distributions()
    missing = {one for one in libraries if named[BORROWED.get(one, "local")].isdisjoint(brought[one])}
    assert not missing
    assert libraries > BORROWED.keys()

"""The tree keeps its rules. What each rule finds in a tree that breaks it is in `test_plants.py`."""

from pathlib import Path

import pytest
from tests.architecture.rules import RULES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", RULES)
def test_the_tree_keeps_its_rules(name: str) -> None:
    """No file of the repository breaks the rule."""
    faults = RULES[name](ROOT)

    assert not faults, "\n".join(["", *faults])

"""What the program loads before it knows which verb it is asked for."""

import ast
from pathlib import Path
from typing import Final

import pytest

import arnia.cli

PAGES: Final = sorted(Path(arnia.cli.__file__).parent.glob("*.py"))
LIGHT: Final = {"arnia.commands", "arnia.commands.actions", "arnia.commands.result"}


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_no_verb_pays_for_another(page: Path) -> None:
    """No page of the program imports the room of a verb: each is loaded by the first use of its verb."""
    statements = [one for one in ast.parse(page.read_text()).body if isinstance(one, ast.ImportFrom)]
    rooms = {one.module for one in statements if one.module and one.module.startswith("arnia.commands")}

    assert rooms <= LIGHT

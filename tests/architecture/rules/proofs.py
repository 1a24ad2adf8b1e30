"""Tests say what they prove, with fakes; types are proven by the type checker."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.rules import doors
from tests.architecture.rules.sources import EVERYTHING, SERVICES, TESTS, Function, read

__all__ = ["mocks", "sentences", "typed_doors"]

TYPING: Final = ("typing_tests/*.py",)


def sentences(root: Path) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name} has no docstring of one sentence."
        for source in read(root, TESTS)
        if Path(source.path).name.startswith("test_")
        for function in source.functions
        if function.name.startswith("test_") and not _is_sentence(function)
    ]


def mocks(root: Path) -> list[str]:
    return [
        f"{source.path}:{line} imports {name}; write a fake that passes the conformance suite."
        for source in read(root, EVERYTHING)
        for line, name in source.imported()
        if name.startswith(("unittest.mock", "mock.", "pytest_mock"))
    ]


def typed_doors(root: Path) -> list[str]:
    """What declares, what operates, and what services build upon is in `typing_tests/`, where mypy judges its types."""
    handed_out = {name for name in doors.names(root) if name.startswith(("arnia.ecosystem.", "arnia.commands."))}
    built_upon = {
        name for source in read(root, SERVICES) for _, name in source.imported() if name.startswith("arnia.chassis.")
    }
    shown = {name for source in read(root, TYPING) for _, name in source.imported()}
    return [
        f"typing_tests/ says nothing of {name}: show a right use, and a wrong one that mypy refuses."
        for name in sorted((handed_out | built_upon) - shown)
    ]


def _is_sentence(function: Function) -> bool:
    text = ast.get_docstring(function) or ""
    return len(text.split()) > 2 and text.split("\n\n", maxsplit=1)[0].rstrip().endswith(".")

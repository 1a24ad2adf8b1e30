"""Tests say what they prove, with fakes."""

import ast
from pathlib import Path

from tests.architecture.rules.sources import EVERYTHING, TESTS, Function, read

__all__ = ["mocks", "sentences"]


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


def _is_sentence(function: Function) -> bool:
    text = ast.get_docstring(function) or ""
    return len(text.split()) > 2 and text.split("\n\n", maxsplit=1)[0].rstrip().endswith(".")

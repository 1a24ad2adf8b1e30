"""What the rules read: Python files by region, parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final, TypeAlias

PLATFORM: Final = ("src/arnia/**/*.py",)
SERVICES: Final = ("services/*/src/**/*.py",)
CODE: Final = PLATFORM + SERVICES
TESTS: Final = ("tests/**/*.py", "services/*/tests/**/*.py")
EVERYTHING: Final = (
    *CODE,
    *TESTS,
    "typing_tests/*.py",
    "scripts/*.py",
    "benchmarks/**/*.py",
    "examples/**/*.py",
    "*.py",
)

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: where it lies below the root, its lines and its syntax tree."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module

    @property
    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))

    @property
    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def imported(self) -> Iterator[tuple[int, str]]:
        """Yield the line and the dotted name of everything that the file imports."""
        return iter(self._imports)

    @cached_property
    def _imports(self) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found += ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found += ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        return found

    def at(self, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
        return f"{self.path}:{node.lineno}"


@cache
def _parse(root: Path, path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(root).as_posix(), tuple(text.splitlines()), ast.parse(text))


def read(root: Path, patterns: tuple[str, ...]) -> list[Source]:
    """Return the Python files below `root` that match one of `patterns`, in order of their paths."""
    paths = {path for pattern in patterns for path in root.glob(pattern) if "__pycache__" not in path.parts}
    return [_parse(root, path) for path in sorted(paths)]


def tracked(root: Path) -> list[Path]:
    """Return the files that git knows or would take in below `root`; outside a repository, every file."""
    if not (root / ".git").exists():
        return sorted(path for path in root.rglob("*") if path.is_file())
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    paths = (root / name for name in listed.split("\0") if name)
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())

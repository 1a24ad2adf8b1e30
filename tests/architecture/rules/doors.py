"""Four doors, and a list of what each hands out. `python tests/architecture/rules/doors.py` writes the list anew."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["public_api", "versions_only"]

LIST: Final = "tests/architecture/public_api.txt"
DOORS: Final = ("ecosystem/__init__.py", "chassis/*.py", "testing/__init__.py", "commands/__init__.py")


def public_api(root: Path) -> list[str]:
    page = root / LIST
    written = set(page.read_text(encoding="utf-8").split()) if page.is_file() else set()
    found = set(names(root))
    return [f"{name} is public and not on {LIST}." for name in sorted(found - written)] + [
        f"{name} is on {LIST} and not public." for name in sorted(written - found)
    ]


def versions_only(root: Path) -> list[str]:
    """`import arnia` runs this file in every service: it holds the version and imports nothing."""
    path = root / "src/arnia/__init__.py"
    body = _body(path) if path.is_file() else []
    return [
        f"src/arnia/__init__.py:{node.lineno} holds more than the version."
        for node in body
        if not isinstance(node, ast.Expr) and not ast.unparse(node).startswith("__version__")
    ]


def names(root: Path) -> Iterator[str]:
    """Yield the dotted name of all that the doors hand out: `__all__`, or what is defined without an underscore."""
    for door in _doors(root):
        module = ".".join(door.relative_to(root / "src").with_suffix("").parts).removesuffix(".__init__")
        body = _body(door)
        exported = _declared(body)
        yield from (f"{module}.{name}" for name in (exported if exported is not None else _defined(body)))


def _doors(root: Path) -> list[Path]:
    found = {path for door in DOORS for path in (root / "src/arnia").glob(door)}
    return sorted(path for path in found if not path.name.startswith("_") or path.name == "__init__.py")


def _body(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body


def _declared(body: list[ast.stmt]) -> list[str] | None:
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            name = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
        else:
            continue
        if name.isidentifier() and not name.startswith("_"):
            yield name


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[3]
    (here / LIST).write_text("".join(f"{name}\n" for name in sorted(names(here))), encoding="utf-8")

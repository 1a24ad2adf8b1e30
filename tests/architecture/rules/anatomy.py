"""The same inside every service, and nothing in it that blocks."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import SERVICES, Function, read

__all__ = ["async_endpoints", "folders", "injection"]

INSIDE: Final = frozenset({"api", "config.py", "main.py", "models", "repositories", "schemas", "services"})
OPTIONAL: Final = frozenset({"__init__.py", "__main__.py", "py.typed"})
BESIDE: Final = ("README.md", "contract", "migrations", "pyproject.toml", "tests")
METHODS: Final = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "route"})
# What a handler is given by Depends and never makes itself.
GIVEN: Final = frozenset({"AsyncSession", "Database", "Session", "create_async_engine", "create_pool"})


def folders(root: Path) -> list[str]:
    faults = []
    for init in sorted(root.glob("services/*/src/*/__init__.py")):
        inside, service = init.parent, init.parents[2]
        found = {path.name for path in inside.iterdir() if path.name != "__pycache__"}
        name = inside.relative_to(root).as_posix()
        faults += [f"{name} lacks {part}, which every service has." for part in sorted(INSIDE - found)]
        faults += [f"{name} has {part}, which no other service has." for part in sorted(found - INSIDE - OPTIONAL)]
        faults += [f"{service.relative_to(root)} lacks {part}." for part in BESIDE if not (service / part).exists()]
    return faults


def async_endpoints(root: Path) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name} is a sync endpoint; all I/O is async def."
        for source in read(root, SERVICES)
        for function in source.functions
        if isinstance(function, ast.FunctionDef) and _is_endpoint(function)
    ]


def injection(root: Path) -> list[str]:
    return [
        f"{source.at(call)} makes a {ast.unparse(call.func)}; a handler is given it by Depends."
        for source in read(root, ("services/*/src/*/api/**/*.py",))
        for call in source.calls
        if ast.unparse(call.func).split(".")[-1] in GIVEN
    ]


def _is_endpoint(function: Function) -> bool:
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in METHODS
        and "router" in ast.unparse(decorator.func.value)
        for decorator in function.decorator_list
    )

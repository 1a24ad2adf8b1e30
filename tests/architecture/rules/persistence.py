"""SQL only in repositories, commit only at the boundary, and no row of a table in the API."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import CODE, SERVICES, Function, Source, read

__all__ = ["commits", "rows", "statements"]

# The layers of a service that may speak SQL, and the methods of a Session that carry it out.
LAYERS: Final = frozenset({"models", "repositories"})
VERBS: Final = frozenset(
    {"execute", "execute_emitting", "executemany", "fetch_all", "fetch_one", "fetchrow", "fetchval"}
)
# Where a session is opened, it is ended: around a request, around a block, around a migration.
BOUNDARY: Final = frozenset(
    {
        "src/arnia/chassis/alembic_runs.py",
        "src/arnia/chassis/brokers/kafka_intake.py",  # offsets
        "src/arnia/chassis/context.py",
        "src/arnia/chassis/session.py",
    }
)
# Who may know the tables: what writes SQL, and what names the metadata to the process.
KNOWING: Final = frozenset({"main.py", "repositories", "tables.py"})
ROW: Final = "Row"


def statements(root: Path) -> list[str]:
    faults = []
    for source in read(root, SERVICES):
        if LAYERS.intersection(Path(source.path).parts):
            continue
        faults += [
            f"{source.path}:{line} imports {name}; SQL is written in repositories."
            for line, name in source.imported()
            if name.split(".")[0] in {"sqlalchemy", "asyncpg"} or name == "arnia.chassis.statements.Statement"
        ]
        faults += [
            f"{source.at(call)} calls {method}; statements are run in repositories."
            for call in source.calls
            if (method := _method(call)) in VERBS
        ]
    return faults


def commits(root: Path) -> list[str]:
    return [
        f"{source.at(call)} calls {_method(call)}; only the chassis ends a transaction."
        for source in read(root, CODE)
        if source.path not in BOUNDARY and not _below(source, "src/arnia/gitops")
        for call in source.calls
        if _method(call) in {"commit", "rollback"}
    ]


def rows(root: Path) -> list[str]:
    """Keep columns below the API: what it shows is a schema of its own, built value by value from the domain."""
    faults = []
    for source in read(root, SERVICES):
        parts = frozenset(Path(source.path).parts)
        if not KNOWING & parts:
            faults += [
                f"{source.path}:{line} imports {name}; tables and rows are known to repositories only."
                for line, name in source.imported()
                if "models.tables" in name or name.endswith("." + ROW) or name.startswith("arnia.chassis.models.")
            ]
        if "repositories" in parts:
            faults += [
                f"{source.at(function)} {function.name} hands out a row; what leaves a repository is of the domain."
                for function in source.functions
                if not function.name.startswith("_") and function.returns is not None and _speaks_of_rows(function)
            ]
        faults += [
            f"{source.path}:{line} takes attributes as they come; a schema is built value by value."
            for line in _adopted_attributes(source)
        ]
        domain = {name.rpartition(".")[2] for _, name in source.imported() if _of_domain(name)}
        faults += [
            f"{source.path}:{line} shows {name} as it is; what the API shows is a schema of its own."
            for line, name in _shown(source, parts)
            if name in domain
        ]
    return faults


def _speaks_of_rows(function: Function) -> bool:
    return any(name.endswith(ROW) for name in _names(function.returns))


def _adopted_attributes(source: Source) -> Iterator[int]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.keyword) and node.arg == "from_attributes":
            yield node.value.lineno
        elif isinstance(node, ast.Constant) and node.value == "from_attributes":
            yield node.lineno


def _of_domain(name: str) -> bool:
    return bool({"models", "repositories"} & set(name.split(".")[:-1])) and not name.startswith("arnia.")


def _shown(source: Source, parts: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield the names of what answers are: in `Reply[...]`, as `response_model`, as base of a schema."""
    for node in ast.walk(source.tree):
        shown: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Reply":
            shown = [node.slice]
        elif isinstance(node, ast.keyword) and node.arg == "response_model":
            shown = [node.value]
        elif isinstance(node, ast.ClassDef) and "schemas" in parts:
            shown = node.bases
        for expression in shown:
            yield from ((expression.lineno, name) for name in _names(expression))


def _names(expression: ast.expr | None) -> Iterator[str]:
    for node in ast.walk(expression) if expression is not None else ():
        if isinstance(node, ast.Name | ast.Attribute):
            yield ast.unparse(node).rpartition(".")[2]


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _below(source: Source, folder: str) -> bool:
    return source.path.startswith(folder + "/")

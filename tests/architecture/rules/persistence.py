"""SQL only in repositories, commit only at the boundary."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import CODE, SERVICES, Source, read

__all__ = ["commits", "statements"]

# The layers of a service that may speak SQL, and the methods of a Session that carry it out.
LAYERS: Final = frozenset({"models", "repositories"})
VERBS: Final = frozenset(
    {"execute", "execute_emitting", "executemany", "fetch_all", "fetch_one", "fetchrow", "fetchval"}
)
# Where a session is opened, it is ended: around a request, around a block, around a migration.
BOUNDARY: Final = frozenset(
    {
        "src/arnia/chassis/alembic_runs.py",
        "src/arnia/chassis/context.py",
        "src/arnia/chassis/session.py",
    }
)


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


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _below(source: Source, folder: str) -> bool:
    return source.path.startswith(folder + "/")

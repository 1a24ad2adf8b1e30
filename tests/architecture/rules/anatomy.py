"""The same inside every service, and nothing in it that blocks."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import SERVICES, Function, Source, read

__all__ = ["async_endpoints", "faces", "folders", "injection"]

LAYERS: Final = frozenset({"api", "models", "repositories", "schemas", "services"})
ROOT: Final = frozenset({"config.py", "main.py"})
OPTIONAL: Final = frozenset({"__init__.py", "__main__.py", "py.typed"})
BESIDE: Final = ("README.md", "contract", "pyproject.toml", "tests")
TABLES: Final = "models/tables.py"
"""Who has it has migrations too; who owns no data has neither."""
METHODS: Final = frozenset({"delete", "get", "head", "options", "patch", "post", "put", "route"})
# What a handler is given by Depends and never makes itself.
GIVEN: Final = frozenset({"AsyncSession", "Database", "Session", "create_async_engine", "create_pool"})


def folders(root: Path) -> list[str]:
    """Hold every service against one of two forms: five layers, or domains of five layers each."""
    faults = []
    for init in sorted(root.glob("services/*/src/*/__init__.py")):
        inside, service = init.parent, init.parents[2]
        found, name = _entries(inside), inside.relative_to(root).as_posix()
        domains = _domains(inside)
        wanted = ROOT if domains else ROOT | LAYERS
        faults += [f"{name} lacks {part}, which every service has." for part in sorted(wanted - found)]
        extra = found - wanted - OPTIONAL - {domain.name for domain in domains}
        faults += [f"{name} has {part}, which no other service has." for part in sorted(extra)]
        for domain in domains:
            found, name = _entries(domain), domain.relative_to(root).as_posix()
            wanted = LAYERS | {"__init__.py"}
            faults += [f"{name} lacks {part}, which every domain has." for part in sorted(wanted - found)]
            faults += [f"{name} has {part}, which no other domain has." for part in sorted(found - wanted)]
        has_tables = (inside / TABLES).is_file() or any((domain / TABLES).is_file() for domain in domains)
        beside = (*BESIDE, "migrations") if has_tables else BESIDE
        faults += [f"{service.relative_to(root)} lacks {part}." for part in beside if not (service / part).exists()]
        if not has_tables and (service / "migrations").exists():
            faults.append(f"{service.relative_to(root)} has migrations, and no {TABLES} that they belong to.")
    return faults


def faces(root: Path) -> list[str]:
    """A domain says what it hands to the others of its service in `__all__`; they take nothing else of it."""
    faults = []
    for init in sorted(root.glob("services/*/src/*/__init__.py")):
        service = init.parent
        domains = {domain.name: _handed_out(domain / "__init__.py") for domain in _domains(service)}
        where = service.relative_to(root).as_posix()
        faults += [f"{where}/{name} hands out nothing by `__all__`." for name, face in domains.items() if face is None]
        for own in domains:
            faults += [
                f"{source.path}:{line} reaches inside the domain {name}; `{service.name}.{name}` hands out the rest."
                for source in read(root, (f"{where}/{own}/**/*.py",))
                for line, name, wanted in _crossing(source, service, own)
                if name in domains and wanted not in (domains[name] or ())
            ]
    return faults


def _entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != "__pycache__"}


def _domains(inside: Path) -> list[Path]:
    """Return the packages of a service that hold a layer and are none."""
    held = {layer.parent for name in LAYERS for layer in inside.glob(f"*/{name}") if layer.is_dir()}
    return sorted(folder for folder in held if folder.name not in LAYERS)


def _handed_out(face: Path) -> tuple[str, ...] | None:
    body = ast.parse(face.read_text(encoding="utf-8")).body if face.is_file() else []
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return tuple(ast.literal_eval(node.value))
    return None


def _crossing(source: Source, service: Path, own: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the domain and the rest of the name of whatever is imported from another domain."""
    package = [service.name, *source.path.partition(f"/src/{service.name}/")[2].split("/")[:-1]]
    for node in ast.walk(source.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            names = [".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names]
        for name in names:
            root, _, rest = name.partition(".")
            domain, _, wanted = rest.partition(".")
            # The face as a whole is no inside: `from hive import queens` and `import hive.queens`.
            if wanted and root == service.name and domain != own and isinstance(node, ast.stmt):
                yield node.lineno, domain, wanted


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
        for source in read(root, ("services/*/src/*/api/**/*.py", "services/*/src/*/*/api/**/*.py"))
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

"""One error tree, drawn; nothing swallowed."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import CODE, SERVICES, Source, read

__all__ = ["broad_excepts", "drawn_tree", "http_exceptions"]

BROAD: Final = frozenset({"BaseException", "Exception"})
# The top of a process's loop, where an unexpected error must not end the process.
LOOP_TOPS: Final = frozenset(
    f"src/arnia/chassis/{room}.py"
    for room in (
        "spine",
        "relay",
        "consumers",
        "housekeeping",
        "inbox",
        "backlog",
        "handling",
        "carriage",
        "brokers/kafka_thread",
    )
)


def http_exceptions(root: Path) -> list[str]:
    return [
        f"{source.path}:{line} imports {name}; raise a leaf of arnia.errors."
        for source in read(root, SERVICES)
        for line, name in source.imported()
        if name.endswith("HTTPException")
    ]


def broad_excepts(root: Path) -> list[str]:
    return [
        f"{source.at(handler)} catches everything; name what is expected."
        for source in read(root, CODE)
        if source.path not in LOOP_TOPS
        for handler in ast.walk(source.tree)
        if isinstance(handler, ast.ExceptHandler) and _is_broad(handler) and not _passes_on(handler)
    ]


def drawn_tree(root: Path) -> list[str]:
    sources = read(root, ("src/arnia/errors.py",))
    return [fault for source in sources for fault in _undrawn(source)]


def _undrawn(source: Source) -> list[str]:
    drawing = (ast.get_docstring(source.tree) or "").split()
    inner = {ast.unparse(base) for node in source.tree.body if isinstance(node, ast.ClassDef) for base in node.bases}
    return [
        f"{source.at(node)} {node.name} is missing from the tree in the module's docstring."
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
        and node.bases
        and node.name not in drawing
        and not (node.name == "FaultsError" and node.name in inner)
    ]


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind) in BROAD for kind in caught)


def _passes_on(handler: ast.ExceptHandler) -> bool:
    """Whether the handler ends by raising the same error again: it cleans up, and swallows nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None

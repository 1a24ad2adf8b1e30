"""A service's `main.py` without some of its domains: what comes from them leaves the lists that it stands in."""

import ast
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from arnia.commands.scaffold.passages import Passages, origin, statements
from arnia.errors import UsageError

MERGED: Final = "together"
"""The function of the chassis that makes one metadata of the domains' own."""
LEFT: Final = "left"
ADVICE: Final = (
    "name the routers, events and tables of a domain as elements of a list, or of `together(...)`, and nowhere else."
)


def prune(text: str, package: str, domains: Collection[str], *, where: str, left: Sequence[str] = ()) -> str:
    """Return `text` without what comes from `domains`.

    Args:
        text: The `main.py` of a service.
        package: The service's package.
        domains: The packages of the domains that go.
        where: The file's path, for messages.
        left: The tables that stay behind in the database without a model.

    Raises:
        UsageError: Something of those domains is used where it cannot be taken out.
    """
    passages = Passages(text)
    bound = dict(_bound(passages.tree, package))
    gone = {name for name, domain in bound.items() if domain in domains}
    stay = bound.keys() - gone
    merged = False
    for node in ast.walk(passages.tree):
        if isinstance(node, ast.List | ast.Tuple) and isinstance(node.ctx, ast.Load):
            _prune_elements(passages, node, gone, stay)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == MERGED:
            merged = True
            _prune_arguments(passages, node, gone, left)
    if left and not merged:
        raise UsageError(f"{where} merges no tables by `{MERGED}(...)` of arnia.chassis.models: {ADVICE}")
    _prune_imports(passages, package, domains)
    pruned = passages.result()
    for node in ast.walk(ast.parse(pruned)):
        if isinstance(node, ast.Name) and node.id in gone:
            raise UsageError(f"{where}: {node.id} cannot be taken out by itself: {ADVICE}")
    return pruned


def _bound(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """Yield each name that an import binds to something of a domain, and the domain."""
    for node in statements(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                domain = _domain(node, alias, package)
                if domain:
                    whole = alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]
                    yield alias.asname or whole, domain


def _domain(node: ast.Import | ast.ImportFrom, alias: ast.alias, package: str) -> str:
    """Return the first name below `package` of what is imported; empty when it is from elsewhere."""
    above = origin(node, package) if isinstance(node, ast.ImportFrom) else ""
    name = f"{above}.{alias.name}" if above else alias.name
    return name.removeprefix(f"{package}.").partition(".")[0] if name.startswith(f"{package}.") else ""


def _mentions(node: ast.expr, names: Collection[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def _prune_elements(
    passages: Passages, node: ast.List | ast.Tuple, gone: Collection[str], stay: Collection[str]
) -> None:
    kept = [passages.read(one) for one in node.elts if not _mentions(one, gone) or _mentions(one, stay)]
    if len(kept) == len(node.elts):
        return
    inside = ", ".join(kept)
    comma = "," if len(kept) == 1 else ""
    passages.replace(node, f"[{inside}]" if isinstance(node, ast.List) else f"({inside}{comma})")


def _prune_arguments(passages: Passages, node: ast.Call, gone: Collection[str], left: Sequence[str]) -> None:
    kept = [passages.read(one) for one in node.args if not _mentions(one, gone)]
    before = [ast.literal_eval(one.value) for one in node.keywords if one.arg == LEFT]
    tables = [*(table for one in before for table in one), *left] if left else []
    named = "".join(f'"{table}", ' for table in tables)
    keyword = [f"{LEFT}=({named})"] if tables else []
    passages.replace(node, f"{passages.read(node.func)}({', '.join([*kept, *keyword])})")


def _prune_imports(passages: Passages, package: str, domains: Collection[str]) -> None:
    for node in statements(passages.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            kept = [alias for alias in node.names if _domain(node, alias, package) not in domains]
            if not kept:
                passages.remove(node)
            elif len(kept) < len(node.names):
                written = ", ".join(passages.read(alias) for alias in kept)
                from_where = f"from {'.' * node.level}{node.module or ''} " if isinstance(node, ast.ImportFrom) else ""
                passages.replace(node, f"{from_where}import {written}")

"""Python of a domain becomes Python of a service of its own: what names the old place names the new one."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from arnia.commands.scaffold.passages import Passages, imported, origin, statements
from arnia.errors import UsageError

SHARED: Final = ("config", "main")
"""The modules of a service that every domain may use, and that every service has."""
MODULE_OF_FROM: Final = re.compile(r"from\s+(\.*\s*[\w.]*)\s+import\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A domain's way out of a service.

    Attributes:
        source: The package of the service that the domain leaves.
        domain: The domain's package in there; by itself, it is the package of the new service.
        words: Other words that mean the new place, by what they were in the old one.
    """

    source: str
    domain: str
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def inside(self) -> str:
        """The dotted name of the domain where it is now."""
        return f"{self.source}.{self.domain}"

    def translate(self, name: str) -> str | None:
        """Return what `name`, a dotted name below the old service, is from now on; None when it stays behind."""
        first, _, rest = name.removeprefix(f"{self.source}.").partition(".")
        if first == self.domain:
            return f"{self.domain}.{rest}" if rest else self.domain
        return f"{self.domain}.{name.removeprefix(f'{self.source}.')}" if first in SHARED else None


def rename(text: str, move: Move, *, where: str, package: str = "") -> str:
    """Return `text` with every import, dotted name and word of `move` in its new form.

    Args:
        text: A Python module.
        move: What moves.
        where: The module's path, for messages.
        package: The dotted package that the module is in now; empty where nothing is imported relative to it.

    Raises:
        UsageError: The module uses something of the old service that is neither of the domain nor shared.
    """
    passages = Passages(text)
    bound = False
    for node in statements(passages.tree):
        if isinstance(node, ast.Import):
            bound |= _rename_import(passages, node, move, where)
        elif isinstance(node, ast.ImportFrom):
            _rename_from(passages, node, move, where, package)
    if bound:
        _rename_chains(passages, move, where)
    _rename_words(passages, {move.inside: move.domain, **move.words})
    return passages.result()


def uses(text: str, name: str, package: str = "") -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of each import of `name`, or of something below it, in `text`."""
    for node in statements(ast.parse(text)):
        for one in imported(node, package):
            if one == name or one.startswith(f"{name}."):
                yield node.lineno, one


def slugs(text: str, prefix: str) -> Iterator[str]:
    """Yield the slugs of problems in `text` that begin with `prefix`."""
    bodies = (node.body for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef))
    for part in (part for body in bodies for part in body):
        match part:
            case (
                ast.Assign(targets=[ast.Name(id="slug")], value=ast.Constant(value=str(slug)))
                | ast.AnnAssign(target=ast.Name(id="slug"), value=ast.Constant(value=str(slug)))
            ) if slug.startswith(prefix):
                yield slug


def _rename_import(passages: Passages, node: ast.Import, move: Move, where: str) -> bool:
    """Return whether the old package itself got a name in this module."""
    bound = False
    for alias in node.names:
        if alias.name.partition(".")[0] == move.source:
            new = _translated(alias.name, move, where, node)
            passages.replace(alias, f"{new} as {alias.asname}" if alias.asname else new)
            bound |= alias.asname is None
    return bound


def _rename_from(passages: Passages, node: ast.ImportFrom, move: Move, where: str, package: str) -> None:
    module = origin(node, package)
    if module.partition(".")[0] != move.source:
        return
    if module == move.source:
        lines = [_rename_member(alias, move, where, node) for alias in node.names]
        passages.replace(node, ("\n" + " " * node.col_offset).join(lines))
    elif not (node.level and f"{module}.".startswith(f"{move.inside}.")):  # relative inside the domain: as it was
        new, written = _translated(module, move, where, node), passages.read(node)
        start, end = next(MODULE_OF_FROM.finditer(written)).span(1)
        passages.replace(node, written[:start] + new + written[end:])


def _rename_member(alias: ast.alias, move: Move, where: str, node: ast.stmt) -> str:
    """Return the statement that imports what `from <old service> import <alias>` did."""
    new = _translated(f"{move.source}.{alias.name}", move, where, node)
    renamed = f" as {alias.asname}" if alias.asname else ""
    above, _, last = new.rpartition(".")
    return f"from {above} import {last}{renamed}" if above else f"import {last}{renamed}"


def _rename_chains(passages: Passages, move: Move, where: str) -> None:
    below: set[ast.expr] = set()
    # What is in an f-string is a word of it.
    inside = {part for one in ast.walk(passages.tree) if isinstance(one, ast.JoinedStr) for part in ast.walk(one)}
    for node in ast.walk(passages.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == move.source:
            below.add(node.value)
            if node not in inside:
                passages.replace(node, _translated(f"{move.source}.{node.attr}", move, where, node))
    for node in ast.walk(passages.tree):
        if isinstance(node, ast.Name) and node.id == move.source and node not in below:
            _translated(move.source, move, where, node)


def _rename_words(passages: Passages, words: Mapping[str, str]) -> None:
    either = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    # A word that ends with an underscore begins the name of a variable.
    whole = re.compile(rf"(?<![\w.-])({either})((?<=_)|(?![\w-]))")
    for node in _strings(passages.tree):
        written = passages.read(node)
        if whole.search(written):
            passages.replace(node, whole.sub(lambda found: words[found[1]], written))


def _strings(node: ast.AST) -> Iterator[ast.expr]:
    """Yield literal strings and, as a whole, f-strings: before Python 3.12 their parts do not know where they are."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child
        else:
            yield from _strings(child)


def _translated(name: str, move: Move, where: str, node: ast.stmt | ast.expr) -> str:
    new = None if name == move.source else move.translate(name)
    if new is None:
        raise UsageError(
            f"{where}:{node.lineno} uses {name}, which is no part of the domain {move.domain}: "
            "let it do without, or call the other domain's API, and extract it then."
        )
    return new

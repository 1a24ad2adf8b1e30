"""Changing passages of Python text where its syntax tree says they are; all that is between them stays as it is."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Passages:
    """A Python text, its tree, and what is to be replaced in it.

    Raises:
        SyntaxError: It is no Python.
    """

    text: str
    tree: ast.Module = field(init=False)
    _raw: bytes = field(init=False)
    _starts: list[int] = field(init=False)
    _edits: dict[tuple[int, int], str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.text)
        # Positions in a tree count bytes of UTF-8.
        self._raw = self.text.encode()
        self._starts = [0]
        for line in self._raw.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.stmt | ast.expr | ast.alias) -> tuple[int, int]:
        """Return where `node` begins and ends."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end_column

    def read(self, node: ast.stmt | ast.expr | ast.alias) -> str:
        """Return `node` as it is written."""
        start, end = self.span(node)
        return self._raw[start:end].decode()

    def replace(self, node: ast.stmt | ast.expr | ast.alias, text: str) -> None:
        """Write `text` where `node` is."""
        self._edits[self.span(node)] = text

    def remove(self, statement: ast.stmt) -> None:
        """Take out the lines of `statement`."""
        end = self._starts[statement.end_lineno or statement.lineno]
        self._edits[self._starts[statement.lineno - 1], end] = ""

    def result(self) -> str:
        """Return the text with every replacement made."""
        return b"".join(self._parts()).decode()

    def _parts(self) -> Iterator[bytes]:
        at = 0
        for (start, end), text in sorted(self._edits.items(), key=lambda edit: (edit[0][0], -edit[0][1])):
            if start >= at:  # what is inside a passage goes with it
                yield self._raw[at:start]
                yield text.encode()
                at = end
        yield self._raw[at:]


def imported(node: ast.stmt, package: str = "") -> list[str]:
    """Return the absolute dotted names that an import statement in a module of `package` names; else nothing."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [".".join(filter(None, [origin(node, package), alias.name])) for alias in node.names]
    return []


def origin(node: ast.ImportFrom, package: str) -> str:
    """Return the absolute dotted name of the module that `node`, in a module of `package`, imports from."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield every statement, however deep."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.stmt))

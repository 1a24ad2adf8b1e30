"""The verb `graph`: the ecosystem as a picture, a text or data."""

from collections.abc import Callable
from pathlib import Path

from typing_extensions import override

from arnia.commands.actions import Format
from arnia.commands.declaration import load
from arnia.commands.drawing.listing import list_ecosystem
from arnia.commands.drawing.mermaid import draw_mermaid
from arnia.commands.drawing.svg import draw_svg
from arnia.commands.drawing.view import View, look
from arnia.commands.promises import committed
from arnia.commands.result import Result
from arnia.errors import UsageError


class GraphResult(Result):
    """The ecosystem as seen from its declaration and its committed contracts.

    Attributes:
        ecosystem: Everything there is to see, as data.
        format: How `text()` draws it.
    """

    ecosystem: View
    format: Format

    @override
    def text(self) -> str:
        return _DRAWERS[self.format](self.ecosystem)


def graph(*, file: Path | None = None, format: Format | str = Format.TEXT) -> GraphResult:  # noqa: A002 - the option
    """Draw the ecosystem, with owners, domains, routers and the consumers of each API version.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        format: How to draw it: `text`, `mermaid`, `svg` or `json`.

    Raises:
        UsageError: The format is unknown, there is no declaration, or a committed document cannot be read.
        DeclarationError: The declaration does not add up.
    """
    if format not in set(Format):
        raise UsageError(f"{format!r} is no format of a graph: use {', '.join(Format)}.")
    declaration = load(file)
    return GraphResult(ecosystem=look(declaration.ecosystem, committed(declaration)), format=Format(format))


def _dump(view: View) -> str:
    return view.model_dump_json(indent=2)


_DRAWERS: dict[Format, Callable[[View], str]] = {
    Format.TEXT: list_ecosystem,
    Format.MERMAID: draw_mermaid,
    Format.SVG: draw_svg,
    Format.JSON: _dump,
}

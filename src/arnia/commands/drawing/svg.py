"""An ecosystem as SVG: no fonts or scripts from elsewhere, readable on light and dark pages, the same to the byte."""

from collections.abc import Iterator
from html import escape

from arnia.commands.drawing.cards import HEAD, LINE, PADDING, Line
from arnia.commands.drawing.layout import EDGE_HEIGHT, MARGIN, Layout, PlacedCard, Point, Wire, lay_out
from arnia.commands.drawing.view import EDGE, View
from arnia.commands.result import count

_ACCENTS = ("#d97706", "#0d9488", "#7c3aed", "#db2777", "#2563eb", "#65a30d", "#dc2626", "#0891b2")
"""One colour for each owner, in the order of their names; each stands out on white and on near-black."""
_CORNER = 7.0
_SPOKEN = 'role="img" aria-labelledby="title"'

_STYLE = """
text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-size: 12px; }
.page { fill: #fffdf8; }
.card, .edge { fill: #ffffff; stroke: #d6d3d1; }
.title { font-size: 18px; font-weight: 700; fill: #1c1917; }
.name { font-size: 15px; font-weight: 700; fill: #1c1917; }
.owner, .label, .faint { fill: #78716c; }
.plain, .code { fill: #292524; }
.code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 11.5px; }
.icon { fill: none; stroke: #78716c; stroke-width: 1.3; }
.wire { fill: none; stroke: #a8a29e; stroke-width: 1.6; }
.calls { stroke: #2563eb; } .hears { stroke: #d97706; stroke-dasharray: 5 4; }
.tip { fill: #a8a29e; } .tip.calls { fill: #2563eb; } .tip.hears { fill: #d97706; }
.tip { stroke: none; }
.halo { stroke: #fffdf8; stroke-width: 4px; paint-order: stroke; }
@media (prefers-color-scheme: dark) {
  .page { fill: #171412; } .card, .edge { fill: #231f1c; stroke: #57534e; }
  .title, .name { fill: #fafaf9; } .plain, .code { fill: #e7e5e4; }
  .owner, .label, .faint { fill: #a8a29e; } .icon { stroke: #a8a29e; }
  .wire { stroke: #8a827c; } .tip { fill: #8a827c; } .halo { stroke: #171412; }
  .wire.calls { stroke: #60a5fa; } .tip.calls { fill: #60a5fa; }
  .wire.hears { stroke: #fbbf24; } .tip.hears { fill: #fbbf24; }
}
""".strip()

_ICONS = {
    "database": "M0 3c0-4 12-4 12 0v6c0 4-12 4-12 0zM0 3c0 4 12 4 12 0",
    "cache": "M7 0L1 7h4l-1 5 7-7H7z",
    "broker": "M0 2h12v8H0zM0 2l6 5 6-5",
    "secrets": "M1 6h10v6H1zM3 6V3c0-4 6-4 6 0v3",
}


def draw_svg(view: View) -> str:
    """Return `view` as an SVG document, without a newline at the end."""
    layout = lay_out(view)
    owners = sorted({service.owner for service in view.services})
    accents = {owner: _ACCENTS[position % len(_ACCENTS)] for position, owner in enumerate(owners)}
    width, height = _number(layout.width), _number(layout.height)
    size = f'width="{width}" height="{height}"'
    services = count(len(view.services), "service")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size} {_SPOKEN}>',
        f'<title id="title">{escape(view.name)}: {services}</title>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="page" {size} rx="12"/>',
        _text(MARGIN, MARGIN + 16, "title", view.name),
        *_legend(layout),
        *_edge(layout),
    ]
    for wire in layout.wires:
        lines.extend(_wire(wire))
    for card in layout.cards:
        lines.extend(_card(card, accents[card.card.owner], _card_width(layout)))
    for wire in layout.wires:
        lines.extend(_label(wire))
    return "\n".join([*lines, "</svg>"])


def _card_width(layout: Layout) -> float:
    return max(placed.card.width for placed in layout.cards)


def _legend(layout: Layout) -> Iterator[str]:
    drawn = {wire.link.kind for wire in layout.wires}
    x = layout.width - MARGIN
    for kind in ("hears", "calls"):
        if kind in drawn:
            yield f'<path class="wire {kind}" d="M{_number(x - 64)} {MARGIN + 12}h24"/>'
            yield _text(x - 34, MARGIN + 16, "owner", kind)
            x -= 84


def _edge(layout: Layout) -> Iterator[str]:
    size = f'width="{_number(layout.width - 2 * MARGIN)}" height="{EDGE_HEIGHT}"'
    yield f'<rect class="edge" x="{MARGIN}" y="{_number(layout.edge_y)}" {size} rx="8"/>'
    yield _text(MARGIN + PADDING, layout.edge_y + 27, "name", EDGE)
    yield _text(MARGIN + PADDING + 52, layout.edge_y + 27, "owner", "everything exposed, and nothing else")


def _wire(wire: Wire) -> Iterator[str]:
    kind = wire.link.kind
    x, y = wire.points[-1]
    yield f'<g><title>{escape(wire.link.title)}</title><path class="wire {kind}" d="{_path(wire.points)}"/>'
    yield f'<path class="tip {kind}" d="M{_number(x)} {_number(y)}l-4.5-8h9z"/></g>'


def _label(wire: Wire) -> Iterator[str]:
    if wire.link.label:
        x, y = wire.points[-1]
        yield _text(x + 7, y - 6, "label halo", wire.link.label)


def _card(placed: PlacedCard, accent: str, width: float) -> Iterator[str]:
    card, x, y = placed.card, placed.x, placed.y
    size = f'width="{_number(width)}" height="{_number(card.height)}"'
    yield f'<g id="service-{card.name}"><rect class="card" x="{_number(x)}" y="{_number(y)}" {size} rx="8"/>'
    yield f'<rect x="{_number(x)}" y="{_number(y + 8)}" width="4" height="{HEAD - 16}" rx="2" fill="{accent}"/>'
    yield _text(x + PADDING, y + 23, "name", card.name)
    yield _text(x + PADDING, y + 40, "owner", card.owner)
    y += HEAD + 12
    for line in card.lines:
        yield from _line(line, x, y)
        y += LINE
    for name, kind in card.resources:
        yield f'<path class="icon" d="{_ICONS[kind]}" transform="translate({_number(x + PADDING)} {_number(y - 10)})"/>'
        yield _text(x + PADDING + 58, y, "plain", name)
        y += LINE
    yield "</g>"


def _line(line: Line, x: float, y: float) -> Iterator[str]:
    if line.label:
        yield _text(x + PADDING, y, "label", line.label)
    yield _text(x + PADDING + 58, y, line.style, line.text)


def _path(points: tuple[Point, ...]) -> str:
    """Return the path through `points` with rounded corners."""
    parts = [f"M{_pair(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        parts.append(f"L{_pair(_towards(corner, before))}Q{_pair(corner)} {_pair(_towards(corner, after))}")
    return "".join([*parts, f"L{_pair(points[-1])}"])


def _towards(corner: Point, point: Point) -> Point:
    """Return where the rounding of `corner` meets the line to `point`."""
    away = (point[0] - corner[0], point[1] - corner[1])
    length = abs(away[0]) + abs(away[1])
    reach = min(_CORNER, length / 2) / length
    return (corner[0] + away[0] * reach, corner[1] + away[1] * reach)


def _text(x: float, y: float, style: str, text: str) -> str:
    return f'<text class="{style}" x="{_number(x)}" y="{_number(y)}">{escape(text)}</text>'


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")

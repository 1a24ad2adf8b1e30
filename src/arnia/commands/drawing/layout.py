"""Where everything lies in the picture: cards in rows, and wires that run between them at right angles.

Callers stand above those whom they call, the edge above everybody. A wire leaves a card at its bottom, runs in the
gap below it, through the gutter between two columns where it has to pass a row, and enters a card at its top; every
wire has a lane of its own in each gap and gutter, so that no two lie on each other. All numbers are pixels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from arnia.commands.drawing.cards import Card, build_card
from arnia.commands.drawing.view import EDGE, EventView, View, spell

MARGIN = 32
TITLE_HEIGHT = 40
EDGE_HEIGHT = 44
GAP = 44
"""Height of the empty space between two rows, besides its lanes."""
GUTTER = 40
"""Width of the empty space between two columns, besides its lanes."""
LANE = 12
MOST_COLUMNS = 4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Link:
    """A wire before it is laid: from whom to whom, and what it says.

    Attributes:
        source: A service, or the edge.
        target: A service.
        kind: `exposes`, `calls` or `hears`.
        label: A few letters beside its end.
        title: What a pointer resting on it shows.
    """

    source: str
    target: str
    kind: str
    label: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A link and the points that it runs through."""

    link: Link
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCard:
    """A card and its upper left corner."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The whole picture, ready to be written down."""

    width: float
    height: float
    edge_y: float
    cards: tuple[PlacedCard, ...]
    wires: tuple[Wire, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Rows and columns: the cell of each card, and how many lanes each gap and gutter has.

    Gap `n` is above row `n`; gutter `n` is left of column `n`.
    """

    cells: Mapping[str, tuple[int, int]]
    tops: tuple[float, ...]
    gap_tops: tuple[float, ...]
    lefts: tuple[float, ...]
    gutter_lefts: tuple[float, ...]
    card_width: float


def lay_out(view: View) -> Layout:
    """Return where everything of `view` lies; equal views have equal layouts."""
    links = find_links(view)
    cards = {service.name: build_card(service, view) for service in view.services}
    cells = _place(view)
    routes = {link: _route(link, cells) for link in links}
    grid = _measure(cells, cards, routes)
    placed = tuple(
        PlacedCard(card=card, x=grid.lefts[cells[name][1]], y=grid.tops[cells[name][0]]) for name, card in cards.items()
    )
    wires = _lay_wires(links, routes, grid, cards)
    return Layout(
        width=grid.gutter_lefts[-1] + MARGIN,
        height=max(one.y + one.card.height for one in placed) + _lowest(routes, grid) + MARGIN,
        edge_y=MARGIN + TITLE_HEIGHT,
        cards=placed,
        wires=wires,
    )


def find_links(view: View) -> list[Link]:
    """Return the links of `view`: one from the edge to each exposed service, one a call, one from emitter to hearer."""
    links = [
        Link(source=EDGE, target=one.name, kind="exposes", label="", title=", ".join(one.exposes))
        for one in view.services
        if one.exposes
    ]
    links += [
        Link(source=one.name, target=name, kind="calls", label=f"v{major}", title=f"{one.name} calls {name} v{major}")
        for one in view.services
        for name, major in one.calls.items()
    ]
    heard: dict[tuple[str, str], list[EventView]] = {}
    for event in view.events:
        for hearer in event.hearers:
            heard.setdefault((event.emitter, hearer), []).append(event)
    links += [
        Link(
            source=emitter,
            target=hearer,
            kind="hears",
            label=spell(major for event in events for major in event.heard(hearer)),
            title=f"{hearer} hears {', '.join(event.told(hearer) for event in events)}",
        )
        for (emitter, hearer), events in heard.items()
    ]
    return sorted(links)


def _place(view: View) -> dict[str, tuple[int, int]]:
    """Return row and column of each service: a caller stands in an earlier row than those whom it calls."""
    callers: dict[str, set[str]] = {service.name: set() for service in view.services}
    for service in view.services:
        for name in service.calls:
            callers[name].add(service.name)
    depth: dict[str, int] = {}
    for name in TopologicalSorter({name: sorted(callers[name]) for name in sorted(callers)}).static_order():
        depth[name] = max((depth[caller] + 1 for caller in callers[name]), default=0)
    cells: dict[str, tuple[int, int]] = {}
    row = 0
    for level in sorted(set(depth.values())):
        names = sorted(name for name, each in depth.items() if each == level)
        rows = -(-len(names) // MOST_COLUMNS)
        columns = -(-len(names) // rows)
        for position, name in enumerate(names):
            cells[name] = (row + position // columns, position % columns)
        row += rows
    return cells


@dataclass(frozen=True, slots=True)
class Route:
    """Which gaps a link runs in, and the gutter between them (None where one gap is enough)."""

    leaves: int
    gutter: int | None
    enters: int


def _route(link: Link, cells: Mapping[str, tuple[int, int]]) -> Route:
    row, column = cells[link.target]
    leaves = 0 if link.source == EDGE else cells[link.source][0] + 1
    return Route(leaves, None if leaves == row else column, row)


def _measure(cells: Mapping[str, tuple[int, int]], cards: Mapping[str, Card], routes: Mapping[Link, Route]) -> Grid:
    rows = 1 + max(row for row, _ in cells.values())
    columns = 1 + max(column for _, column in cells.values())
    card_width = max(card.width for card in cards.values())
    lanes = [_count(route.gutter == n for route in routes.values()) for n in range(columns)]
    gutters = [LANE * count + (2 * _inset(n) if n else LANE * bool(count)) for n, count in enumerate(lanes)]
    gaps = [
        GAP + LANE * _count(n in {route.leaves, route.enters} for route in routes.values()) for n in range(rows + 1)
    ]
    gutter_lefts, lefts, x = [], [], float(MARGIN)
    for gutter in gutters:
        gutter_lefts.append(x)
        lefts.append(x + gutter)
        x += gutter + card_width
    gap_tops, tops, y = [], [], float(MARGIN + TITLE_HEIGHT + EDGE_HEIGHT)
    for row in range(rows):
        gap_tops.append(y)
        tops.append(y + gaps[row])
        y += gaps[row] + max(cards[name].height for name, cell in cells.items() if cell[0] == row)
    return Grid(
        cells=cells,
        tops=tuple(tops),
        gap_tops=(*gap_tops, y),
        lefts=tuple(lefts),
        gutter_lefts=(*gutter_lefts, x),
        card_width=card_width,
    )


def _lay_wires(
    links: Sequence[Link], routes: Mapping[Link, Route], grid: Grid, cards: Mapping[str, Card]
) -> tuple[Wire, ...]:
    leaving = {link: _port(link, [one for one in links if one.source == link.source], grid) for link in links}
    entering = {link: _port(link, [one for one in links if one.target == link.target], grid) for link in links}
    wires = []
    for link in links:
        route = routes[link]
        row, column = grid.cells[link.target]
        end_x = grid.lefts[column] + entering[link]
        end = (end_x, grid.tops[row])
        enters_y = grid.gap_tops[route.enters] + _lane(link, routes, "enters", route.enters)
        gutter_x = None if route.gutter is None else _gutter_x(link, routes, grid, route.gutter)
        if link.source == EDGE:
            # The edge is a bar over the whole width: a wire starts right above the place that it goes to.
            start_x = end_x if gutter_x is None else gutter_x
            start = (start_x, grid.gap_tops[0])
        else:
            source_row, source_column = grid.cells[link.source]
            bottom = grid.tops[source_row] + cards[link.source].height
            start = (grid.lefts[source_column] + leaving[link], bottom)
        leaves_y = grid.gap_tops[route.leaves] + _lane(link, routes, "leaves", route.leaves)
        middle: list[Point]
        if gutter_x is None:
            middle = [(start[0], enters_y), (end_x, enters_y)]
        else:
            middle = [(start[0], leaves_y), (gutter_x, leaves_y), (gutter_x, enters_y), (end_x, enters_y)]
        wires.append(Wire(link=link, points=_straighten([start, *middle, end])))
    return tuple(wires)


def _port(link: Link, siblings: Sequence[Link], grid: Grid) -> float:
    """Return how far from a card's left side `link` touches it: its siblings share the width evenly."""
    return round(grid.card_width * (siblings.index(link) + 1) / (len(siblings) + 1), 1)


def _lane(link: Link, routes: Mapping[Link, Route], end: str, gap: int) -> float:
    """Return how far below the top of `gap` the lane of `link` runs."""
    sharing = [one for one, route in routes.items() if gap in {route.leaves, route.enters}]
    return GAP / 2 + LANE * (sharing.index(link) + (0.5 if end == "enters" else 0))


def _gutter_x(link: Link, routes: Mapping[Link, Route], grid: Grid, gutter: int) -> float:
    sharing = [one for one, route in routes.items() if route.gutter == gutter]
    return grid.gutter_lefts[gutter] + _inset(gutter) + LANE * (sharing.index(link) + 0.5)


def _inset(gutter: int) -> float:
    """Return the empty space on each side of the lanes of `gutter`; the margin is enough left of the first."""
    return GUTTER / 2 if gutter else 0


def _lowest(routes: Mapping[Link, Route], grid: Grid) -> float:
    """Return how much room the wires need below the last row."""
    last = len(grid.tops)
    lanes = _count(last in {route.leaves, route.enters} for route in routes.values())
    return GAP / 2 + LANE * lanes if lanes else 0


def _straighten(points: Sequence[Point]) -> tuple[Point, ...]:
    """Drop points that repeat the one before, or lie on the line between their neighbours."""
    kept: list[Point] = []
    for point in points:
        if kept and point == kept[-1]:
            continue
        if len(kept) > 1 and any(kept[-2][axis] == kept[-1][axis] == point[axis] for axis in (0, 1)):
            kept.pop()
        kept.append(point)
    return tuple(kept)


def _count(facts: Iterable[bool]) -> int:
    return sum(facts)

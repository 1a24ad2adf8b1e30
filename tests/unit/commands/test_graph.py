"""`graph`: the same ecosystem as text, mermaid, SVG and JSON, the same to the byte."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arnia import commands
from arnia.commands.drawing.layout import find_links, lay_out
from arnia.commands.drawing.listing import list_ecosystem
from arnia.commands.drawing.mermaid import draw_mermaid
from arnia.commands.drawing.svg import draw_svg
from arnia.commands.drawing.view import View, look
from arnia.contracts import Contract
from arnia.ecosystem import Broker, Cache, Database, Ecosystem, Route, Service
from arnia.errors import UsageError

HIVE = Path(__file__).resolve().parents[2] / "snapshots" / "graph" / "hive"
SNAPSHOTS = {"text": "hive.txt", "mermaid": "hive.mmd", "svg": "hive.svg", "json": "hive.json"}


@pytest.mark.parametrize("drawing", SNAPSHOTS)
def test_drawing_is_the_committed_one(drawing: str) -> None:
    """Each format draws the larger ecosystem exactly as its snapshot shows it."""
    # To accept a change: `arnia graph --file tests/snapshots/graph/hive --format svg > tests/snapshots/graph/hive.svg`.
    drawn = commands.graph(file=HIVE, format=drawing).text() + "\n"
    assert drawn == (HIVE.parent / SNAPSHOTS[drawing]).read_text(encoding="utf-8")


def test_json_shows_owners_consumers_domains_and_routers() -> None:
    """The data names who owns a service, who consumes each version of it, and which router belongs to which domain."""
    data = json.loads(commands.graph(file=HIVE).model_dump_json())["ecosystem"]
    delivery = next(service for service in data["services"] if service["name"] == "delivery")
    assert delivery["owner"] == "logistics"
    assert [(one["version"], one["deprecated"], one["consumers"]) for one in delivery["versions"]] == [
        (1, True, ["edge"]),
        (2, False, ["edge", "bff"]),
    ]
    assert delivery["domains"] == [{"name": "deliveries", "routers": ["/api/v1/deliveries", "/api/v2/deliveries"]}]


def test_who_hears_which_version_of_an_event_is_shown() -> None:
    """Text, Mermaid, picture and data tell of each event its major versions, and who hears which of them."""
    view = commands.graph(file=HIVE).ecosystem
    created = next(event for event in view.events if event.type == "delivery.created")
    assert [(one.version, one.hearers) for one in created.versions] == [
        (1, ("notification",)),
        (2, ("notification", "scheduler")),
    ]
    text = list_ecosystem(view).splitlines()
    assert "  delivery.created v2 from delivery to notification, scheduler" in text
    assert "  hears delivery.created v2" in text
    assert 'n_delivery -. "delivery.created v1+v2" .-> n_notification' in draw_mermaid(view)
    links = {(one.source, one.target): (one.label, one.title) for one in find_links(view) if one.kind == "hears"}
    assert links["delivery", "scheduler"] == ("v2", "scheduler hears delivery.created v2")
    assert links["delivery", "notification"][0] == "v1+v2"
    assert ">delivery.created v1+v2</text>" in draw_svg(view)


def test_a_version_that_no_contract_says_is_not_made_up() -> None:
    """A service without a contract is shown with the events that are declared, and with no version of them."""
    contracts = {"a": Contract.read("a", {"asyncapi.json": sends("a.made")})}
    services = (
        Service(name="a", owner="us", uses=("a-db", "events"), emits=("a.made",)),
        Service(name="b", owner="us", uses=("b-db", "events"), hears=("a.made",)),
    )
    resources = (Broker(name="events"), Database(name="a-db"), Database(name="b-db"))
    ecosystem = Ecosystem(name="x", services=services, resources=resources)
    text = list_ecosystem(look(ecosystem, contracts)).splitlines()
    assert "  a.made v3 from a to nobody" in text
    assert "  a.made from a to b, whose contract does not say which version" in text
    assert "  a.made from a to b" in list_ecosystem(look(ecosystem, {})).splitlines()


def sends(topic: str) -> dict[str, object]:
    """Return an AsyncAPI document that sends the third version of `topic`."""
    name = f"{topic}.v3"
    operation = {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
    return {"channels": {name: {"address": name, "messages": {}}}, "operations": {name: operation}}


def test_what_takes_no_token_is_told_apart() -> None:
    """The list names what is exposed, marks what takes no token, and counts the edge as a consumer."""
    routes = (Route(path="/bff/web"), Route(path="/token", public=True), Route(path="/api/v2/a"))
    text = list_ecosystem(look(Ecosystem(name="x", services=(Service(name="a", owner="us", exposes=routes),)), {}))
    assert [line.strip() for line in text.splitlines() if "exposes" in line] == [
        "exposes /api/v2/a",
        "exposes /bff/web",
        "exposes /token (public)",
    ]
    assert "api v2, consumers: edge" in text


def test_an_unknown_format_is_a_wrong_use() -> None:
    """A format that there is not is answered with those that there are."""
    with pytest.raises(UsageError, match="use text, mermaid, svg, json"):
        commands.graph(file=HIVE, format="png")


def test_text_in_names_is_escaped() -> None:
    """What an owner is called cannot break out of the picture."""
    ecosystem = Ecosystem(name="x", services=(Service(name="a", owner='<b> & "co" #1'),))
    view = look(ecosystem, {})
    assert "&lt;b&gt; &amp; &quot;co&quot; #1" in draw_svg(view)
    assert "#60;b#62; #38; #34;co#34; #35;1" in draw_mermaid(view)


NAMES = [f"s{number}" for number in range(9)]


@st.composite
def views(draw: st.DrawFn) -> View:
    """Draw the view of an ecosystem without cycles."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    services = [
        Service(
            name=name,
            owner=draw(st.sampled_from(["us", "them"])),
            uses=(*["cache"][: draw(st.integers(0, 1))], "bus", f"{name}-db"),
            calls=dict.fromkeys(
                draw(st.sets(st.sampled_from(names[position + 1 :]))) if names[position + 1 :] else (), 1
            ),
            emits=(f"{name}.x",),
            hears=tuple(f"{other}.x" for other in draw(st.sets(st.sampled_from(names)))),
            exposes=(Route(path=f"/api/v1/{name}"),) * draw(st.integers(0, 1)),
        )
        for position, name in enumerate(names)
    ]
    order = draw(st.permutations(services))
    databases = [Database(name=f"{name}-db") for name in names]
    shared = Broker(name="bus"), Cache(name="cache")
    return look(Ecosystem(name="x", services=tuple(order), resources=(*shared, *databases)), {})


@settings(max_examples=40, deadline=None)
@given(view=views())
def test_pictures_are_sound(view: View) -> None:
    """Cards never overlap, wires run at right angles, cross no card, and everything lies inside the picture."""
    layout = lay_out(view)
    width = max(placed.card.width for placed in layout.cards)
    boxes = [(one.x, one.y, one.x + width, one.y + one.card.height) for one in layout.cards]
    assert len({(box[0], box[1]) for box in boxes}) == len(boxes) == len(view.services)
    assert all(left >= 0 and right <= layout.width and bottom <= layout.height for left, _, right, bottom in boxes)
    assert [wire.link for wire in layout.wires] == find_links(view)
    for wire in layout.wires:
        for (x1, y1), (x2, y2) in pairwise(wire.points):
            assert x1 == x2 or y1 == y2
            assert 0 <= min(x1, x2) <= max(x1, x2) <= layout.width
            assert max(y1, y2) <= layout.height
            for left, top, right, bottom in boxes:
                crosses_x = min(x1, x2) < right and max(x1, x2) > left
                crosses_y = min(y1, y2) < bottom and max(y1, y2) > top
                assert not (crosses_x and crosses_y)
    drawn = draw_svg(view)
    assert drawn == draw_svg(view)
    root: Any = ET.fromstring(drawn)  # noqa: S314 - our own text
    assert root.tag.endswith("svg")

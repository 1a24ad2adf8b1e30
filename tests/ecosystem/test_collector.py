"""What a collector sees of an order and of all that follows from it: one tree, whose parents are all there."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.ecosystem.garden import Project, eventually
from tests.unit.chassis_observing.collector import Collector, collecting

PIZZERIA: Final = Path(__file__).parents[2] / "examples" / "03_events"
SERVER: Final = 2
CONSUMER: Final = 5


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Give a collector that takes everything."""
    with collecting() as collector:
        yield collector


@pytest.fixture
def pizzeria(tmp_path: Path, collector: Collector) -> Iterator[Project]:
    """Run a shop that tells and a kitchen that hears; both tell the collector of every trace."""
    project = Project(PIZZERIA, tmp_path / "data", prefix=(sys.executable,))
    for service in ("SHOP", "KITCHEN"):
        project.environment |= {f"{service}_OTLP_ENDPOINT": collector.url, f"{service}_TRACE_RATIO": "1"}
    started = project.run("up", "--detach", "--port", "0")
    assert started.returncode == 0, started.stderr
    yield project
    project.remove()


def test_what_is_heard_stands_below_the_request_that_told_of_it(pizzeria: Project, collector: Collector) -> None:
    """The kitchen's work with an order is a span of the order's trace, right below the request at the shop."""
    pizzeria.call("POST", "/api/v1/orders/marinara")
    eventually(lambda: any(span.kind == CONSUMER for span in collector.spans))
    heard = next(span for span in collector.spans if span.kind == CONSUMER)
    eventually(lambda: any(span.span_id == heard.parent_id for span in collector.spans))
    told = next(span for span in collector.spans if span.span_id == heard.parent_id)
    assert (told.kind, told.resource["service.name"], told.trace_id) == (SERVER, "shop", heard.trace_id)
    assert told.name.startswith("POST /api/v1/orders/")
    assert (heard.name, heard.failed, heard.resource["service.name"]) == ("process order.placed", False, "kitchen")
    assert heard.attributes.pop("messaging.message.id")
    assert heard.attributes == {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "order.placed",
        "messaging.consumer.group.name": "kitchen",
    }

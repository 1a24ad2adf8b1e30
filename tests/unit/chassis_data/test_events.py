"""Events say what happened, to whom, in which version; and UUIDs that sort by time."""

import uuid
from typing import ClassVar

import orjson
import pytest
from pydantic import ValidationError

from arnia.chassis.events import Event, EventSink
from arnia.chassis.hearers import Heard
from arnia.chassis.outbox import DEADLINE_HEADER, batch, event_headers, single, with_event
from arnia.chassis.traces import Trace, continue_trace
from arnia.chassis.uuids import uuid7
from arnia.testing.parcels import PUT, ParcelWeighed

PARCEL = uuid.UUID(int=7)
TRACE = Trace("0" * 31 + "1")


class Sink:
    """Keeps what it takes."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event, /) -> None:
        """Take an event."""
        self.events.append(event)


def test_uuid7() -> None:
    """Identifiers are standard UUIDs of version 7 and rise strictly."""
    made = [uuid7() for _ in range(1000)]
    assert {type(one) for one in made} == {uuid.UUID}
    assert {one.version for one in made} == {7}
    assert made == sorted(set(made))


def test_payload() -> None:
    """The payload is the event's fields, identity included."""
    event = ParcelWeighed(aggregate_id=PARCEL, grams=3)
    assert orjson.loads(event.payload()) == {"aggregate_id": str(PARCEL), "grams": 3}


def test_frozen_and_closed() -> None:
    """An event never changes and has no field that it did not declare."""
    event = ParcelWeighed(aggregate_id=PARCEL, grams=3)
    with pytest.raises(ValidationError):
        event.grams = 4  # type: ignore[misc]  # the mistake under test
    with pytest.raises(ValidationError):
        ParcelWeighed.model_validate({"aggregate_id": PARCEL, "grams": 3, "colour": "red"})


def test_sink() -> None:
    """A list in a test takes events where a session would."""
    sink = Sink()
    taker: EventSink = sink
    taker.emit(ParcelWeighed(aggregate_id=PARCEL, grams=3))
    assert len(sink.events) == 1


@pytest.mark.parametrize(
    ("topic", "aggregate_type"),
    [("parcel", "parcel"), ("Parcel.weighed", "Parcel"), ("parcel.", "parcel"), ("drone.weighed", "parcel"), ("", "")],
)
def test_unroutable(topic: str, aggregate_type: str) -> None:
    """An event class whose topic does not say its aggregate is refused when it is defined."""
    with pytest.raises(TypeError, match="topic"):
        type("Wrong", (Event,), {"topic": topic, "aggregate_type": aggregate_type, "__module__": __name__})


def test_aggregate_type() -> None:
    """An event is about what its topic begins with, unless its class says what else; a hearer reads it the same way."""

    class WingMeasured(Event):
        topic = "bee.wing.measured"

    class WingSeen(Heard):
        topic = "bee.wing.measured"

    class BeeMeasured(Event):
        topic = "bee.wing.measured"
        aggregate_type = "bee"

    assert (WingMeasured.aggregate_type, WingSeen.aggregate_type, BeeMeasured.aggregate_type) == (
        "bee.wing",
        "bee.wing",
        "bee",
    )


def test_version() -> None:
    """An event class starts at version 1 and may be raised."""

    class ParcelLost(Event):
        topic: ClassVar[str] = "parcel.lost"
        aggregate_type: ClassVar[str] = "parcel"
        version: ClassVar[int] = 2

    assert (ParcelWeighed.version, ParcelLost.version) == (1, 2)


def test_headers() -> None:
    """Trace and deadline travel with the event only when there are any."""
    assert event_headers(None, None) == {}
    assert event_headers(TRACE, None) == {"traceparent": TRACE.traceparent}
    parent = f"00-{TRACE.trace_id}-{'b' * 16}-01".encode()
    stated = continue_trace(parent, b"vendor=1 , other=2")
    assert event_headers(stated, None) == {"traceparent": stated.traceparent, "tracestate": "vendor=1,other=2"}
    assert not event_headers(continue_trace(parent, b"no list"), None).keys() - {"traceparent"}
    assert event_headers(None, 1.0).keys() == {DEADLINE_HEADER}


def test_arguments() -> None:
    """A batch is one document with a new identity for each event; a single one is seven values."""
    events = [ParcelWeighed(aggregate_id=PARCEL, grams=grams) for grams in (1, 2)]
    (document,) = batch([(event, event.payload(), {"a": "b"}) for event in events])
    assert isinstance(document, bytes)
    rows = orjson.loads(document)
    assert [row["payload"]["grams"] for row in rows] == [1, 2]
    assert rows[0]["id"] < rows[1]["id"]
    assert [row["headers"] for row in rows] == [{"a": "b"}] * 2
    assert single(events[0], {})[1:4] == ["parcel", PARCEL, "parcel.weighed"]


def test_one_text() -> None:
    """A change and its event are one text, in which the event's parameters follow the change's."""
    sql = with_event(PUT)
    assert PUT.sql in sql
    assert f"${len(PUT.names) + 7}" in sql
    assert f"${len(PUT.names) + 8}" not in sql
    assert with_event(PUT) is sql

"""What no database could keep is no event."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest

from arnia.chassis.brokers.rabbitmq_intake import prefix_of
from arnia.chassis.messages import Undecodable, read

GIVEN: Mapping[str, str] = {
    "specversion": "1.0",
    "id": str(UUID(int=1)),
    "source": "/services/scales",
    "type": "parcel.weighed",
    "subject": str(UUID(int=2)),
    "time": "2026-01-02T03:04:05Z",
    "aggregatetype": "parcel",
    "sequence": "7",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sequence", "-1"),
        ("sequence", str(2**63)),
        ("eventversion", "0"),
        ("eventversion", str(2**31)),
        ("type", "a\0b"),
        ("type", "\ud800"),
        ("source", "/services/"),
        ("traceparent", "00-\0"),
        ("time", "yesterday"),
        ("subject", "7"),
    ],
)
def test_no_event(name: str, value: str) -> None:
    """An attribute that no table holds makes it undecodable, and is not repeated."""
    with pytest.raises(Undecodable) as raised:
        read({**GIVEN, name: value}, b"{}")
    assert value not in str(raised.value)


def test_an_event_without_a_zone() -> None:
    """A time without a zone is read as UTC."""
    assert read({**GIVEN, "time": "2026-01-02T03:04:05"}, b"{}").time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_", "cloudevents:", "CLOUDEVENTS_"])
def test_either_prefix(prefix: str) -> None:
    """Attributes are found by either prefix of the AMQP binding, in any case."""
    headers = {"x-other": "1"} | {f"{prefix}{name}": value for name, value in GIVEN.items()}
    assert read(headers, b"{}", prefix=prefix_of(headers)).type == "parcel.weighed"


def test_no_prefix() -> None:
    """Headers without any attribute are no event, and it is said which is missing."""
    assert prefix_of({"id": "1"}) == "cloudevents:"
    with pytest.raises(Undecodable, match="specversion"):
        read({"id": "1"}, b"{}", prefix="cloudevents:")

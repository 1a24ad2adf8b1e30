"""An event on its way: what is written is read back, by others too, and what is no event is told without its values."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final
from uuid import UUID

import pytest
from cloudevents.core.bindings.amqp import AMQPMessage, from_amqp_event
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event, to_binary_event, to_structured_event
from hypothesis import given, settings
from hypothesis import strategies as st

from arnia.chassis.messages import MOST_SEQUENCE, MOST_VERSION, Message, Undecodable, attributes, read

STRUCTURED: Final = "application/cloudevents+json; charset=utf-8"
NAMES: Final = st.from_regex(r"[a-z][a-z0-9_-]{0,9}", fullmatch=True)
FIELDS: Final = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9), max_size=3)
TRACE: Final = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Draw a message that a service could send."""
    kind = draw(NAMES)
    carried = {"traceparent": TRACE, "tracestate": "vendor=1", "deadline": "1894.5"}
    zone = timezone(timedelta(minutes=draw(st.integers(-800, 800))))
    return Message(
        id=draw(st.uuids()),
        type=f"{kind}.{draw(NAMES)}",
        version=draw(st.integers(1, MOST_VERSION)),
        aggregate_type=kind,
        aggregate_id=draw(st.uuids()),
        sequence=draw(st.integers(0, MOST_SEQUENCE)),
        source=draw(NAMES),
        time=draw(st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1))).replace(tzinfo=zone),  # noqa: DTZ001 - drawn
        payload=json.dumps(draw(FIELDS)).encode(),
        headers={name: carried[name] for name in draw(st.sets(st.sampled_from(sorted(carried))))},
    )


def structured(message: Message) -> dict[str, Any]:
    """Return the event in the JSON format."""
    return {**attributes(message), "data": json.loads(message.payload)}


@settings(deadline=None)
@given(message=messages())
def test_what_is_written_is_read_back(message: Message) -> None:
    """In binary mode nothing is lost, whatever the case of the names; another reader's attributes are ignored."""
    assert read(attributes(message), message.payload) == message
    shouted = {name.upper(): value for name, value in attributes(message).items()}
    assert read({**shouted, "colour": "red"}, message.payload) == message


@settings(deadline=None)
@given(message=messages())
def test_structured_mode_is_read_alike(message: Message) -> None:
    """One JSON object carries the same event, whether numbers are numbers or texts, and data is plain or in base 64."""
    plain = structured(message)
    numbers = {**plain, "sequence": message.sequence, "eventversion": message.version, "other": None}
    coded = {**attributes(message), "data_base64": base64.b64encode(message.payload).decode()}
    for document in (plain, numbers, coded):
        found = read({"id": "ignored"}, json.dumps(document).encode(), content_type=STRUCTURED)
        assert (attributes(found), json.loads(found.payload)) == (attributes(message), json.loads(message.payload))


@settings(deadline=None)
@given(message=messages())
def test_the_names_of_attributes_are_those_that_the_specification_allows(message: Message) -> None:
    """Lower-case letters and digits, twenty at most; texts without control characters; a time with its zone."""
    for name, value in attributes(message).items():
        assert re.fullmatch(r"[a-z0-9]{1,20}", name)
        assert value.isprintable()
    assert attributes(message)["time"].endswith("Z")


@settings(deadline=None)
@given(message=messages())
def test_the_sdk_of_cloudevents_reads_what_we_write(message: Message) -> None:
    """An independent reader finds the same event in the headers of Kafka and in the properties of AMQP."""
    carried = attributes(message)
    kind, body = carried.pop("datacontenttype"), message.payload
    headers = {"content-type": kind.encode(), **{f"ce_{name}": value.encode() for name, value in carried.items()}}
    properties: dict[str, Any] = {f"cloudEvents:{name}": value for name, value in carried.items()}
    amqp = AMQPMessage(properties={"content-type": kind}, application_properties=properties, application_data=body)
    for event in (from_kafka_event(KafkaMessage(headers=headers, key=None, value=body)), from_amqp_event(amqp)):
        assert (event.get_id(), event.get_type(), event.get_specversion()) == (str(message.id), message.type, "1.0")
        assert event.get_time() == message.time
        assert event.get_data() == json.loads(body)
        assert event.get_extension("sequence") == str(message.sequence)


@settings(deadline=None)
@given(message=messages())
def test_we_read_what_the_sdk_of_cloudevents_writes(message: Message) -> None:
    """What it makes of our event is the same event, in both modes."""
    carried = {f"ce_{name}": value.encode() for name, value in attributes(message).items()}
    carried["content-type"] = carried.pop("ce_datacontenttype")
    event = from_kafka_event(KafkaMessage(headers=carried, key=None, value=message.payload))
    for write in (to_binary_event, to_structured_event):
        made = write(event)
        names = {name.removeprefix("ce_"): value.decode() for name, value in made.headers.items()}
        assert made.value is not None
        found = read(names, bytes(made.value), content_type=names.get("content-type", ""))
        assert attributes(found) == attributes(message)
        assert json.loads(found.payload) == json.loads(message.payload)


SOUND: Final = Message(
    id=UUID(int=1),
    type="parcel.weighed",
    version=1,
    aggregate_type="parcel",
    aggregate_id=UUID(int=7),
    sequence=3,
    source="scales",
    time=datetime(2031, 5, 17, 8, 30, tzinfo=UTC),
    payload=b'{"grams": 3}',
)
SECRET: Final = "4711-tell-nobody"
REQUIRED: Final = ("id", "type", "aggregatetype", "subject", "source", "time")
WRONG: Final[dict[str, tuple[str, ...]]] = {
    "id": ("", SECRET, "None"),
    "subject": ("", SECRET),
    "type": ("", f"{SECRET}\0", "\ud800"),
    "aggregatetype": ("", f"{SECRET}\0"),
    "source": ("", "/services/"),
    "time": ("", SECRET, "2031-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    "eventversion": ("", SECRET, "0", "-1", "1.0", "1_0", "\u0663", " 7", "9" * 5000, str(MOST_VERSION + 1)),
    "sequence": ("", SECRET, "-1", "+1", str(MOST_SEQUENCE + 1)),
    "specversion": ("", "0.3", "1.0.2", SECRET),
}


def refused(attempt: Callable[[], Message]) -> str:
    """Return the sentence with which a message is refused."""
    with pytest.raises(Undecodable) as caught:
        attempt()
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_attribute_is_undecodable(name: str, value: str) -> None:
    """In both modes; the sentence says what is wrong, and not with which value."""
    carried = {**attributes(SOUND), name: value}
    body = json.dumps({**carried, "data": {}}).encode()
    assert SECRET not in refused(lambda: read(carried, SOUND.payload))
    assert SECRET not in refused(lambda: read({}, body, content_type=STRUCTURED))


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_attribute_is_named(name: str) -> None:
    """Whoever looks at an undecodable message finds what it lacks."""
    carried = attributes(SOUND)
    del carried[name]
    assert refused(lambda: read(carried, SOUND.payload)) == f"its attribute {name} is missing"
    body = json.dumps({**carried, name: None, "data": {}}).encode()
    assert refused(lambda: read({}, body, content_type=STRUCTURED)) == f"its attribute {name} is missing"


@pytest.mark.parametrize("value", [7, 1.0, True, [SECRET], {"a": SECRET}])
@pytest.mark.parametrize("name", ["id", "type", "source", "subject", "time", "specversion", "aggregatetype"])
def test_an_attribute_of_another_type_is_undecodable(name: str, value: object) -> None:
    """In the JSON format texts are texts: nothing is made into one."""
    body = json.dumps({**structured(SOUND), name: value}).encode()
    assert SECRET not in refused(lambda: read({}, body, content_type=STRUCTURED))


BODIES: Final = [b"", b"null", b"[]", b"7", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 9000, SECRET.encode(), b"{} {}"]


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_no_object_is_undecodable(body: bytes) -> None:
    """Neither as fields, nor as a whole event, nor as its data."""
    carried: Mapping[str, str] = attributes(SOUND)
    assert refused(lambda: read(carried, body)) == "its body is no JSON object"
    assert refused(lambda: read({}, body, content_type=STRUCTURED)).endswith("its body is no JSON object")
    coded = {**carried, "data_base64": base64.b64encode(body).decode()}
    told = refused(lambda: read({}, json.dumps(coded).encode(), content_type=STRUCTURED))
    assert told == "its body is no JSON object"
    refused(lambda: read({}, json.dumps({**coded, "data_base64": f"{SECRET}!"}).encode(), content_type=STRUCTURED))


@settings(deadline=None)
@given(
    given=st.dictionaries(st.sampled_from([*attributes(SOUND), "x"]), st.text(max_size=9)), body=st.binary(max_size=40)
)
def test_whatever_comes_is_a_message_or_undecodable(given: dict[str, str], body: bytes) -> None:
    """No header and no body of anybody's ends in another error."""
    for carried, kind in ((given, ""), ({**attributes(SOUND), **given}, ""), (given, STRUCTURED)):
        try:
            assert attributes(read(carried, body, content_type=kind))
        except Undecodable:
            continue

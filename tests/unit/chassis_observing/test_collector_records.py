"""Log records as they go to a collector: what protobuf's own library reads in them is what was said."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from arnia.chassis.collector_messages import Messages, Said
from arnia.chassis.origin import Origin

MESSAGES = Messages(Origin("bees", "1", "test", "0192d3a4-0000-7000-8000-000000000001"))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)
LARGEST = 2**63 - 1
VALUES = st.one_of(TEXTS, st.integers(-LARGEST - 1, LARGEST), st.floats(allow_nan=False), st.booleans())
SEVERITIES = {
    10: SeverityNumber.SEVERITY_NUMBER_DEBUG,
    20: SeverityNumber.SEVERITY_NUMBER_INFO,
    30: SeverityNumber.SEVERITY_NUMBER_WARN,
    40: SeverityNumber.SEVERITY_NUMBER_ERROR,
    50: SeverityNumber.SEVERITY_NUMBER_FATAL,
}
IDS = st.tuples(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1))


@st.composite
def sayings(draw: st.DrawFn) -> Said:
    """Draw one record, within a trace or outside of any."""
    ids = draw(st.none() | IDS)
    return Said(
        at_ns=draw(st.integers(0, LARGEST)),
        level=draw(st.sampled_from(list(SEVERITIES))),
        level_name=draw(TEXTS),
        body=draw(TEXTS),
        attributes=draw(st.dictionaries(TEXTS, VALUES, max_size=6)),
        trace_id="" if ids is None else f"{ids[0]:032x}",
        span_id="" if ids is None else f"{ids[1]:016x}",
        flags=draw(st.integers(0, 3)),
    )


@settings(max_examples=40)
@given(st.lists(sayings(), max_size=4))
def test_the_records_are_those_that_the_library_would_write(said: list[Said]) -> None:
    """Whatever is said, long or short, of each kind of value, is read again, in order and in full."""
    request = ExportLogsServiceRequest.FromString(MESSAGES.logs(said))
    (resource,) = request.resource_logs
    (scope,) = resource.scope_logs
    assert {each.key: each.value.string_value for each in resource.resource.attributes}["service.name"] == "bees"
    assert scope.scope.name == "arnia"
    assert list(scope.log_records) == [by_the_library(each) for each in said]


def by_the_library(said: Said) -> LogRecord:
    """Return the message that protobuf's library makes of a record."""
    return LogRecord(
        time_unix_nano=said.at_ns,
        observed_time_unix_nano=said.at_ns,
        severity_number=SEVERITIES[said.level],
        severity_text=said.level_name,
        body=AnyValue(string_value=said.body),
        attributes=[KeyValue(key=name, value=by_kind(value)) for name, value in said.attributes.items()],
        trace_id=bytes.fromhex(said.trace_id),
        span_id=bytes.fromhex(said.span_id),
        flags=said.flags,
    )


def by_kind(value: str | float) -> AnyValue:
    """Return the value in the member that its type has."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=value)


def test_half_a_character_is_said_as_a_question_mark() -> None:
    """A name that is no text, such as a strange file's, does not keep its record from being told."""
    said = Said(1, 20, "info", "read \ud800", {"file": "a\udcff", "half \ud800": 1})
    (record,) = ExportLogsServiceRequest.FromString(MESSAGES.logs([said])).resource_logs[0].scope_logs[0].log_records
    assert record.body.string_value == "read ?"
    assert [(each.key, each.value.string_value) for each in record.attributes] == [("file", "a?"), ("half ?", "")]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_protobuf_has_not_is_refused(number: int) -> None:
    """An integer beyond 64 bits raises what the sender takes for a batch that nobody can say."""
    with pytest.raises(ValueError, match="range"):
        MESSAGES.logs([Said(1, 20, "info", "counted", {"number": number})])

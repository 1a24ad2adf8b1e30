"""What a collector is told, as OTLP's messages (version 1 of the protocol, in protobuf): spans, log records, metrics.

Loaded by the processes that are told where a collector is, and by no other. Encoding is done in the sender's thread.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, SpanFlags, Status

import arnia
from arnia.chassis.collector_metrics import Snapshot, encode_metrics
from arnia.chassis.collector_records import Said, Values, export_records, text_of, value_of
from arnia.chassis.origin import Origin

__all__ = ["Ended", "Kind", "Messages", "Said", "Values"]

Export = ExportTraceServiceRequest | ExportMetricsServiceRequest

_SCOPE: Final = InstrumentationScope(name="arnia", version=arnia.__version__)


class Kind(StrEnum):
    """What a span is to the others of its trace, as OTLP names it."""

    INTERNAL = "SPAN_KIND_INTERNAL"
    SERVER = "SPAN_KIND_SERVER"
    CLIENT = "SPAN_KIND_CLIENT"
    CONSUMER = "SPAN_KIND_CONSUMER"


_BEGUN_ELSEWHERE: Final = frozenset({Kind.SERVER, Kind.CONSUMER})


class Ended(NamedTuple):
    """A span that is over."""

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str
    flags: int
    state: str
    failed: bool
    started_ns: int
    ended_ns: int
    attributes: Values


class Messages:
    """Makes the bodies of exports that one process sends."""

    def __init__(self, origin: Origin) -> None:
        self._resource = Resource(attributes=_attributes(dict(origin.attributes)))

    def spans(self, ended: Sequence[Ended]) -> bytes:
        """Return an ExportTraceServiceRequest."""
        scoped = ScopeSpans(scope=_SCOPE, spans=map(_span, ended))
        told = ResourceSpans(resource=self._resource, scope_spans=[scoped])
        return _bytes(ExportTraceServiceRequest(resource_spans=[told]))

    def logs(self, said: Sequence[Said]) -> bytes:
        """Return an ExportLogsServiceRequest."""
        return export_records(self._resource, _SCOPE, said)

    def metrics(self, snapshots: Sequence[Snapshot]) -> bytes:
        """Return an ExportMetricsServiceRequest."""
        metrics = [metric for each in snapshots for metric in encode_metrics(each)]
        told = ResourceMetrics(resource=self._resource, scope_metrics=[ScopeMetrics(scope=_SCOPE, metrics=metrics)])
        return _bytes(ExportMetricsServiceRequest(resource_metrics=[told]))


def _bytes(message: Export) -> bytes:
    written: bytes = message.SerializeToString()
    return written


def _span(ended: Ended) -> Span:
    known = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
    elsewhere = ended.parent_id and ended.kind in _BEGUN_ELSEWHERE
    remote = SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK if elsewhere else 0
    return Span(
        name=text_of(ended.name),
        kind=Span.SpanKind.Value(ended.kind),
        trace_id=bytes.fromhex(ended.trace_id),
        span_id=bytes.fromhex(ended.span_id),
        parent_span_id=bytes.fromhex(ended.parent_id),
        flags=ended.flags | known | remote,
        trace_state=ended.state,
        start_time_unix_nano=ended.started_ns,
        end_time_unix_nano=ended.ended_ns,
        attributes=_attributes(ended.attributes),
        status=Status(code=Status.STATUS_CODE_ERROR if ended.failed else Status.STATUS_CODE_UNSET),
    )


def _attributes(values: Values) -> Iterable[KeyValue]:
    return [KeyValue(key=name, value=value_of(value)) for name, value in values.items()]

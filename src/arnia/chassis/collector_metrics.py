"""The metrics of a process as OTLP's: the same that `/metrics` shows, cumulative since the start of the process.

A family that OpenTelemetry's semantic conventions know has the name and the labels that it has there; Prometheus'
exporters make of them what `/metrics` says. The others keep their names.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Exemplar,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)
from prometheus_client.core import Metric as Family
from prometheus_client.core import Sample

__all__ = ["Snapshot", "encode_metrics"]

NANOSECONDS: Final = 1_000_000_000

_CONVENTIONS: Final = {
    "http_server_request_duration_seconds": ("http.server.request.duration", "s"),
    "http_server_active_requests": ("http.server.active_requests", "{request}"),
    "http_client_request_duration_seconds": ("http.client.request.duration", "s"),
}
_LABELS: Final = {
    "http_request_method": "http.request.method",
    "http_response_status_code": "http.response.status_code",
    "http_route": "http.route",
    "server": "server.address",
}
_NUMBERS: Final = frozenset({"http_response_status_code"})
_CUMULATIVE: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


class Snapshot(NamedTuple):
    """What was counted up to a moment, and since when."""

    families: Sequence[Family]
    started_ns: int
    at_ns: int


def encode_metrics(snapshot: Snapshot) -> Iterator[Metric]:
    """Yield the metrics of `snapshot`. Information about the process is not among them: that is their resource."""
    for family in snapshot.families:
        name, unit = _CONVENTIONS.get(family.name, (family.name, ""))
        if family.type == "histogram":
            points = list(_histogram(family.samples, snapshot))
            told = Histogram(data_points=points, aggregation_temporality=_CUMULATIVE)
            yield Metric(name=name, description=family.documentation, unit=unit, histogram=told)
        elif family.type == "counter":
            counted = [_number(each, snapshot, since=True) for each in family.samples]
            total = Sum(data_points=counted, aggregation_temporality=_CUMULATIVE, is_monotonic=True)
            yield Metric(name=name, description=family.documentation, unit=unit, sum=total)
        elif family.type == "gauge":
            gauge = Gauge(data_points=[_number(each, snapshot, since=False) for each in family.samples])
            yield Metric(name=name, description=family.documentation, unit=unit, gauge=gauge)


def _number(sample: Sample, snapshot: Snapshot, *, since: bool) -> NumberDataPoint:
    return NumberDataPoint(
        attributes=_attributes(sample.labels.items()),
        start_time_unix_nano=snapshot.started_ns if since else 0,
        time_unix_nano=snapshot.at_ns,
        as_double=sample.value,
    )


def _histogram(samples: Sequence[Sample], snapshot: Snapshot) -> Iterator[HistogramDataPoint]:
    """Yield a point for each set of labels: its samples follow each other, buckets first, the sum last."""
    point, below = HistogramDataPoint(), 0.0
    for sample in samples:
        if sample.name.endswith("_bucket"):
            bound = float(sample.labels["le"])
            point.bucket_counts.append(int(sample.value - below))
            below = sample.value
            if not math.isinf(bound):
                point.explicit_bounds.append(bound)
            if sample.exemplar is not None:
                point.exemplars.append(_exemplar(sample))
        elif sample.name.endswith("_count"):
            point.count = int(sample.value)
        elif sample.name.endswith("_sum"):
            point.sum = sample.value
            point.attributes.extend(_attributes(sample.labels.items()))
            point.start_time_unix_nano, point.time_unix_nano = snapshot.started_ns, snapshot.at_ns
            yield point
            point, below = HistogramDataPoint(), 0.0


def _exemplar(sample: Sample) -> Exemplar:
    found = sample.exemplar
    if found is None:
        return Exemplar()
    return Exemplar(
        time_unix_nano=int(float(found.timestamp or 0) * NANOSECONDS),
        as_double=found.value,
        trace_id=bytes.fromhex(found.labels["trace_id"]),
        span_id=bytes.fromhex(found.labels["span_id"]),
    )


def _attributes(labels: Iterable[tuple[str, str]]) -> list[KeyValue]:
    return [
        KeyValue(
            key=_LABELS.get(name, name),
            value=AnyValue(int_value=int(value)) if name in _NUMBERS else AnyValue(string_value=value),
        )
        for name, value in labels
        if name != "le"
    ]

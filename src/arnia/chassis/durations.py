"""How long requests took: a histogram by method, route template and status, with an exemplar for each bucket.

It is written by hand in both of Prometheus' formats, since it is nearly all that `/metrics` says: prometheus-client
takes ten times as long, for labels that never change. A test holds each byte against what that library writes.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import Exemplar, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from arnia.chassis.traces import Trace

__all__ = ["BUCKETS", "Durations"]

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds."""
NAME: Final = "http_server_request_duration_seconds"
MEANING: Final = "Duration of HTTP requests."
LABELS: Final = ("http_request_method", "http_route", "http_response_status_code")

_number: Final[Callable[[float], str]] = floatToGoString
_BOUNDS: Final = (*map(str, BUCKETS), "+Inf")
_HEAD: Final = f"# HELP {NAME} {MEANING}\n# TYPE {NAME} histogram\n"

Key = tuple[str, str, int]


class Durations:
    """The durations of all requests."""

    def __init__(self) -> None:
        self._rows: dict[Key, list[float]] = {}
        self._exemplars: dict[Key, dict[int, Exemplar]] = {}
        self._heads: dict[Key, tuple[str, ...]] = {}

    def observe(self, method: str, template: str, status: int, seconds: float, sampled: Trace | None = None) -> None:
        """Record one finished request, and the place in its trace, where that is sampled."""
        key = (method, template, status)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = [0.0] * (len(BUCKETS) + 2)
        bucket = bisect_left(BUCKETS, seconds)
        row[bucket] += 1
        row[-1] += seconds
        if sampled is not None:
            ids = {"trace_id": sampled.trace_id, "span_id": sampled.span_id}
            self._exemplars.setdefault(key, {})[bucket] = Exemplar(ids, seconds, time.time())

    def family(self) -> HistogramMetricFamily:
        """Return everything recorded, in prometheus-client's terms."""
        histogram = HistogramMetricFamily(NAME, MEANING, labels=LABELS)
        for key, row in self._rows.items():
            method, template, status = key
            exemplars, total = self._exemplars.get(key, {}), 0.0
            buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            for place, bound in enumerate(_BOUNDS):
                total += row[place]
                buckets.append((bound, total, exemplars[place]) if place in exemplars else (bound, total))
            histogram.add_metric((method, template, str(status)), buckets, row[-1])
        return histogram

    def write(self, *, openmetrics: bool) -> str:
        """Return the same as text; only OpenMetrics has a place for exemplars."""
        lines = [_HEAD]
        for key, row in self._rows.items():
            heads = self._heads.get(key)
            if heads is None:
                heads = self._heads[key] = tuple(_heads(*key))
            exemplars = self._exemplars.get(key, {}) if openmetrics else {}
            total = 0.0
            for place in range(len(_BOUNDS)):
                total += row[place]
                said = _write_exemplar(exemplars[place]) if place in exemplars else ""
                lines.append(f"{heads[place]}{_number(total)}{said}\n")
            lines.append(f"{heads[-2]}{_number(total)}\n{heads[-1]}{_number(row[-1])}\n")
        return "".join(lines)


def _heads(method: str, template: str, status: int) -> Iterator[str]:
    """Yield how each line of a row begins: its buckets, its count, its sum."""
    fixed = (
        f'http_request_method="{_escaped(method)}",http_response_status_code="{status}",'
        f'http_route="{_escaped(template)}"'
    )
    for bound in _BOUNDS:
        yield f'{NAME}_bucket{{{fixed},le="{bound}"}} '
    yield f"{NAME}_count{{{fixed}}} "
    yield f"{NAME}_sum{{{fixed}}} "


def _write_exemplar(exemplar: Exemplar) -> str:
    ids = ",".join(f'{name}="{value}"' for name, value in sorted(exemplar.labels.items()))
    return f" # {{{ids}}} {_number(exemplar.value)} {exemplar.timestamp}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

"""Prometheus metrics of a process: cheap to record, rendered by prometheus-client when somebody asks."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

__all__ = ["Metrics"]

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds."""


class Metrics(Collector):
    """Durations of requests by method, route template and status, requests in flight, and gauges of others."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.failures = 0
        self.refusals: dict[str, int] = {}
        """How many access tokens were refused, by reason."""
        self.over_budget: dict[tuple[str, str], int] = {}
        """How often a route took longer than something should that its caller waits for."""
        self.started_at = time.time()
        self._durations: dict[tuple[str, str, int], list[float]] = {}
        self._gauges: dict[str, tuple[str, float]] = {}
        self.others: list[Callable[[], Iterable[Metric]]] = []
        """What else is collected when somebody asks."""

    def observe(self, method: str, template: str, status: int, seconds: float) -> None:
        """Record one finished request."""
        key = (method, template, status)
        row = self._durations.get(key)
        if row is None:
            row = self._durations[key] = [0.0] * (len(BUCKETS) + 2)
        row[bisect_left(BUCKETS, seconds)] += 1
        row[-1] += seconds

    def exceeded(self, method: str, template: str) -> None:
        """Record that a caller waited for longer than the budget."""
        self.over_budget[method, template] = self.over_budget.get((method, template), 0) + 1

    def gauge(self, name: str, description: str, value: float) -> None:
        """Set a gauge that is shown from now on."""
        self._gauges[name] = (description, value)

    @override
    def collect(self) -> Iterable[Metric]:
        """Return everything recorded, in prometheus-client's terms."""
        histogram = HistogramMetricFamily(
            "http_server_request_duration_seconds",
            "Duration of HTTP requests.",
            labels=("http_request_method", "http_route", "http_response_status_code"),
        )
        for (method, template, status), row in self._durations.items():
            buckets, total = [], 0.0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), row, strict=False):
                total += count
                buckets.append((bound, total))
            histogram.add_metric((method, template, str(status)), buckets, row[-1])
        yield histogram
        yield GaugeMetricFamily("http_server_active_requests", "Requests in flight.", value=self.in_flight)
        yield GaugeMetricFamily("process_start_time_seconds", "Start, in seconds since 1970.", value=self.started_at)
        yield CounterMetricFamily(
            "http_server_faults", "Answers that a fault of the service caused.", value=self.failures
        )
        refused = CounterMetricFamily("access_token_refusals", "Access tokens not believed.", labels=("reason",))
        for reason, count in sorted(self.refusals.items()):
            refused.add_metric((reason,), count)
        yield refused
        late = CounterMetricFamily(
            "arnia_sync_budget_exceeded",
            "Answers that took longer than what is waited for should.",
            labels=("http_request_method", "http_route"),
        )
        for route, count in sorted(self.over_budget.items()):
            late.add_metric(route, count)
        yield late
        for name, (description, value) in sorted(self._gauges.items()):
            yield GaugeMetricFamily(name, description, value=value)
        for collect in self.others:
            yield from collect()

    def render(self) -> bytes:
        """Return the text exposition format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

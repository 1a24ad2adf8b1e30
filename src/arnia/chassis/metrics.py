"""Prometheus metrics of a process: cheap to record, rendered by prometheus-client when somebody asks."""

import time
from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, choose_encoder
from prometheus_client.registry import Collector
from typing_extensions import override

from arnia.chassis.durations import Durations
from arnia.chassis.origin import Origin

__all__ = ["OPENMETRICS", "PLAIN", "Metrics"]

PLAIN: Final = CONTENT_TYPE_PLAIN_0_0_4
_write_openmetrics, OPENMETRICS = choose_encoder("application/openmetrics-text")
"""The media types of both formats."""


class Metrics(Collector):
    """Durations of requests by method, route template and status, requests in flight, and gauges of others."""

    def __init__(self, origin: Origin | None = None) -> None:
        self.durations = Durations()
        self.in_flight = 0
        self.failures = 0
        self.refusals: dict[str, int] = {}
        """How many access tokens were refused, by reason."""
        self.over_budget: dict[tuple[str, str], int] = {}
        """How often a route took longer than something should that its caller waits for."""
        self.started_at = time.time()
        self._origin = origin
        self._gauges: dict[str, tuple[str, float]] = {}
        self.others: list[Callable[[], Iterable[Metric]]] = []
        """What else is collected when somebody asks."""

    def exceeded(self, method: str, template: str) -> None:
        """Record that a caller waited for longer than the budget."""
        self.over_budget[method, template] = self.over_budget.get((method, template), 0) + 1

    def gauge(self, name: str, description: str, value: float) -> None:
        """Set a gauge that is shown from now on."""
        self._gauges[name] = (description, value)

    @override
    def collect(self) -> Iterable[Metric]:
        """Return everything recorded, in prometheus-client's terms."""
        yield self.durations.family()
        yield from self._rest()

    def _rest(self) -> Iterable[Metric]:
        if self._origin is not None:
            named = {name.replace(".", "_"): value for name, value in self._origin.attributes.items()}
            yield InfoMetricFamily("target", "Who tells this: the resource of its spans and logs.", value=named)
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

    def render(self, *, openmetrics: bool = False) -> bytes:
        """Return Prometheus' text format 0.0.4, or OpenMetrics 1.0.0.

        Only the latter says exemplars: the place in its trace of the last sampled request in each bucket.
        """
        rest = _Collected(list(self._rest()))
        written = _write_openmetrics(rest) if openmetrics else generate_latest(rest)
        return self.durations.write(openmetrics=openmetrics).encode() + written


class _Collected(Collector):
    """What is to be written: no registry, which would ask for it twice."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    @override
    def collect(self) -> Iterable[Metric]:
        return self._metrics

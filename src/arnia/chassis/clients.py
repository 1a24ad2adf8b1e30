"""The declared clients of a process: opened with it, closed with it, seen in its metrics and in `/readyz`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from arnia.chassis.answer_cache import AnswerCache
from arnia.chassis.breaker import BreakerState
from arnia.chassis.call_policy import SECOND, CallPolicy
from arnia.chassis.calls import Caller
from arnia.chassis.client import Client
from arnia.chassis.dependency import Dependency
from arnia.chassis.durations import BUCKETS
from arnia.chassis.service_tokens import OAuthClient, ServiceTokens
from arnia.chassis.settings import ServiceSettings
from arnia.chassis.transport_pyreqwest import PyreqwestTransport
from arnia.chassis.transports import Transport, TransportOptions
from arnia.chassis.upstreams import CallingSettings, Upstream
from arnia.conventions import package, variable
from arnia.errors import SettingsError

__all__ = ["Clients"]

STATES: Final = tuple(BreakerState)


class Clients:
    """Holds a caller for each service that is called."""

    def __init__(self, callers: Mapping[str, Caller], tokens: ServiceTokens | None = None) -> None:
        self.callers = dict(callers)
        self._tokens = tokens

    @classmethod
    def open(
        cls,
        service: str,
        kinds: Sequence[type[Client]],
        settings: ServiceSettings,
        transports: Mapping[str, Transport] | None = None,
    ) -> Self:
        """Return the callers of the clients `kinds` of `service`; `transports` are a test's own, by service.

        Raises:
            SettingsError: a client needs a token, and the settings do not say from where.
        """
        given = dict(transports or {})
        tokens = _tokens(service, kinds, settings)
        callers = {}
        for kind in kinds:
            upstream: Upstream = getattr(settings, package(kind.service))
            policy = kind.policy.overridden(upstream)
            transport = given.get(kind.service) or _transport(upstream, policy)
            callers[kind.service] = Caller(Dependency(kind.service, policy), transport, tokens, AnswerCache())
        return cls(callers, tokens)

    async def close(self) -> None:
        """Close every connection."""
        for caller in self.callers.values():
            await caller.close()
        if self._tokens is not None:
            await self._tokens.close()

    def states(self) -> dict[str, dict[str, object]]:
        """Return how each service that is called has been lately, for operators."""
        return {name: _state(caller.dependency) for name, caller in sorted(self.callers.items())}

    def collect(self) -> Iterable[Metric]:
        """Return what is known of the calls, in prometheus-client's terms."""
        durations = HistogramMetricFamily(
            "http_client_request_duration_seconds",
            "Duration of calls of other services, retries included.",
            labels=("server", "operation", "outcome"),
        )
        states = GaugeMetricFamily("arnia_breaker_state", "1 for the state it is in.", labels=("server", "state"))
        openings = CounterMetricFamily("arnia_breaker_openings", "Times that it opened.", labels=("server",))
        retries = CounterMetricFamily("arnia_call_retries", "Attempts after the first.", labels=("server",))
        hedges = CounterMetricFamily("arnia_call_hedges", "Attempts beside a slow one.", labels=("server",))
        cached = CounterMetricFamily("arnia_call_cached", "Calls that a kept answer answered.", labels=("server",))
        rejected = CounterMetricFamily("arnia_call_rejected", "Calls that were not made.", labels=("server", "reason"))
        under_way = GaugeMetricFamily("arnia_calls_in_flight", "Attempts under way.", labels=("server",))
        for name, caller in sorted(self.callers.items()):
            dependency = caller.dependency
            records = dependency.records
            for (operation, outcome), row in records.durations.items():
                durations.add_metric((name, operation, outcome), _buckets(row), row[-1])
            for state in STATES:
                states.add_metric((name, state.value), float(dependency.breaker.state is state))
            openings.add_metric((name,), dependency.breaker.openings)
            retries.add_metric((name,), records.retries)
            hedges.add_metric((name,), records.hedges)
            cached.add_metric((name,), records.cached)
            for reason in ("full", "open"):
                rejected.add_metric((name, reason), records.rejected[reason])
            under_way.add_metric((name,), dependency.bulkhead.taken)
        return (durations, states, openings, retries, hedges, cached, rejected, under_way)


def _buckets(row: Sequence[float]) -> list[tuple[str, float]]:
    buckets, total = [], 0.0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), row, strict=False):
        total += count
        buckets.append((bound, total))
    return buckets


def _state(dependency: Dependency) -> dict[str, object]:
    calls, failures, slow = dependency.breaker.counts()
    return {
        "breaker": dependency.breaker.state.value,
        "calls": calls,
        "failures": failures,
        "slow": slow,
        "in_flight": dependency.bulkhead.taken,
    }


def _transport(upstream: Upstream, policy: CallPolicy) -> Transport:
    options = TransportOptions(
        url=upstream.url,
        connect_seconds=policy.connect_timeout_ms / SECOND,
        max_connections=policy.max_in_flight,
        max_body_bytes=policy.max_body_bytes,
    )
    if upstream.transport == "pyreqwest":
        return PyreqwestTransport(options)
    from arnia.chassis.transport_httpx import HttpxTransport  # noqa: PLC0415 - a third of a second, for whoever asks

    return HttpxTransport(options)


def _tokens(service: str, kinds: Sequence[type[Client]], settings: ServiceSettings) -> ServiceTokens | None:
    if not isinstance(settings, CallingSettings):
        message = f"the settings of {service} are no CallingSettings, and it declares clients"
        raise TypeError(message)
    if any(each.declared.scopes or each.declared.as_user for kind in kinds for each in kind.operations):
        told = {"token_url": settings.token_url, "client_secret": settings.client_secret.get_secret_value()}
        if missing := [variable(service, name) for name, value in told.items() if not value]:
            raise SettingsError([f"{name} is missing: calls of other services need a token" for name in missing])
    if not settings.token_url:
        return None
    address = TransportOptions(url=origin_of(settings.token_url), max_connections=4, max_body_bytes=65_536)
    client = OAuthClient(
        token_url=settings.token_url,
        client_id=settings.client_id or service,
        client_secret=settings.client_secret,
    )
    return ServiceTokens(client, PyreqwestTransport(address))


def origin_of(url: str) -> str:
    """Return scheme, host and port of `url`."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"

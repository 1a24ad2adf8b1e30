"""Overload: how many requests a process works on at once, so that it goes on answering as many as it can.

Two things make a caller wait here: the turn of its request on the event loop, and the work itself with what that waits
for. While answers take about as long as they do on a quiet day, nothing is limited: a burst is only a queue. Once they
have taken much longer for half a second, the process is overloaded. From then on the number of requests in flight is
held by a gradient (Netflix' concurrency-limits, "Gradient2"; Envoy's adaptive concurrency filter): a tenth of a second
at a time, limit x target / latency, or a square root on top to find out whether more is possible. Who would
wait for the event loop for longer than `TURN_SECONDS` is refused too, and at once: by the time spent in a queue, as
CoDel does it (RFC 8289), but before it is spent. After three seconds without a refusal nothing is limited any more.

A route's quiet latency is learned from requests that had the process nearly to themselves, so that overload, be it ever
so long, never passes for normal.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable
from typing import Final

import orjson
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.types import Scope, Send

from arnia.chassis.traces import continue_trace
from arnia.chassis.turns import Turns
from arnia.conventions import PROBLEM_MEDIA_TYPE, PROBLEM_PREFIX, REQUEST_ID_HEADER
from arnia.errors import Unavailable

__all__ = ["ARRIVED", "Overload", "Shedding"]

ARRIVED: Final = "arnia.arrived"
"""Where in a scope the server leaves the second, by `time.perf_counter()`, in which the request's head was read."""

WINDOW_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 0.5
"""So long answers have to be slow before a burst counts as overload."""
BURST: Final = 128
BURST_SECONDS: Final = 0.5
"""What of a burst, in number and time, is taken in meanwhile: nobody waits for the rest of it."""
CALM_SECONDS: Final = 3.0
TOLERANCE: Final = 2.0
SLACK_SECONDS: Final = 0.01
"""Answers may take twice as long as on a quiet day, and this."""
TURN_SECONDS: Final = 0.02
LEAST: Final = 4
"""In flight at once at least; with so few, latency says how long the work takes and not how long the queue is."""
QUIET_TURN_SECONDS: Final = 0.002
SMOOTHING: Final = 0.1
STEEPEST: Final = 0.5
"""The limit is at most halved at once."""
GENTLY: Final = 0.3

log: Final = logging.getLogger("arnia.overload")


class Overload:
    """Decides who is served; told of every beginning and end."""

    __slots__ = (
        "_bad_since",
        "_base_sum",
        "_clock",
        "_count",
        "_most",
        "_quiet",
        "_refused_at",
        "_sum",
        "_turns",
        "_window_ends",
        "in_flight",
        "limit",
        "refused",
        "turns",
    )

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.in_flight = 0
        self.refused = 0
        self.limit: float | None = None
        """How many may be in flight; None while nothing is limited."""
        self.turns = Turns()
        self._clock = clock
        self._quiet: dict[tuple[str, str], float] = {}
        self._window_ends = 0.0
        self._count = self._most = 0
        self._sum = self._base_sum = self._turns = 0.0
        self._bad_since: float | None = None
        self._refused_at = 0.0

    def arrives(self, now: float) -> bool:
        """Let a request wait for its turn; False where it must be refused."""
        self.turns.notice()
        return self._has_room(self.turns.expected, TURN_SECONDS, now)

    def enters(self, arrived: float, now: float, ticket: int | None = None) -> bool:
        """Take in a request that arrived at one moment and has its turn now; False where it must be refused.

        Args:
            arrived: When its head was read.
            now: The moment.
            ticket: The number of its turn, where it was let wait; then it may have waited for as long as a burst does.
        """
        turn = now - arrived
        if ticket is not None:
            self.turns.begins(ticket, now)
        if not self._has_room(turn, TURN_SECONDS if ticket is None else BURST_SECONDS, now):
            return False
        self.in_flight += 1
        self._most = max(self._most, self.in_flight)
        self._turns += turn
        return True

    def _has_room(self, wait: float, patience: float, now: float) -> bool:
        if self._bad_since is not None:
            limit, patience = (BURST, BURST_SECONDS) if self.limit is None else (self.limit, patience)
            if self.in_flight >= limit or wait > patience:
                self._refuse(now)
                return False
        return True

    def leaves(self, route: tuple[str, str], began: float, *, alone: bool, counts: bool) -> None:
        """Take note that a request of `route` was answered.

        Args:
            route: Its method and template.
            began: When it had its turn.
            alone: Whether it had the process nearly to itself when it began.
            counts: Whether it did the route's work: one that was refused for what it said is quick, and tells nothing.
        """
        now = self._clock()
        self.in_flight -= 1
        if counts:
            self._learn(route, now - began, alone=alone)
        if now >= self._window_ends:
            self._judge(now)

    def quiet(self, arrived: float, now: float) -> bool:
        """Tell whether a request that begins now has the process nearly to itself."""
        return self.in_flight <= LEAST and now - arrived < QUIET_TURN_SECONDS

    def _learn(self, route: tuple[str, str], seconds: float, *, alone: bool) -> None:
        base = self._quiet.get(route)
        if alone:
            base = seconds if base is None else base + SMOOTHING * (seconds - base)
            self._quiet[route] = base
        if base is not None:
            self._count += 1
            self._sum += seconds
            self._base_sum += base

    def _judge(self, now: float) -> None:
        self.turns.forget()
        count, most = self._count, self._most
        if count:
            latency = self._sum / count
            target = TOLERANCE * self._base_sum / count + SLACK_SECONDS
            slow = (latency > target and most > 2 * LEAST) or self._turns / count > SLACK_SECONDS
            if self.limit is None:
                self._watch(now, most, target / latency, slow=slow)
            else:
                self._hold(now, most, target / latency)
        self._window_ends = now + WINDOW_SECONDS
        self._count, self._most = 0, self.in_flight
        self._sum = self._base_sum = self._turns = 0.0

    def _watch(self, now: float, most: int, gradient: float, *, slow: bool) -> None:
        if not slow:
            self._bad_since = None
        elif self._bad_since is None:
            self._bad_since = now
        elif now - self._bad_since >= PATIENCE_SECONDS:
            self.limit = max(LEAST, most * max(STEEPEST, gradient))
            self._refused_at = now
            log.warning("overloaded: no more than %d requests at once, and 503 for the rest", self.limit)

    def _hold(self, now: float, most: int, gradient: float) -> None:
        limit = self.limit or LEAST
        if now - self._refused_at > CALM_SECONDS:
            self.limit = self._bad_since = None
            log.info("not overloaded any more")
        elif gradient < 1:
            # Answers tell of the limit that was there when they began: what is a little too much is taken back gently.
            share = 1 if gradient < STEEPEST else GENTLY
            self.limit = max(LEAST, limit * (1 - share * (1 - max(STEEPEST, gradient))))
        elif most >= limit / 2:
            self.limit = limit + math.sqrt(limit)

    def _refuse(self, now: float) -> None:
        self.refused += 1
        self._refused_at = now
        if now >= self._window_ends:
            self._judge(now)

    def collect(self) -> Iterable[Metric]:
        """Return what is limited, in prometheus-client's terms."""
        yield GaugeMetricFamily("arnia_requests_in_service", "Requests in flight that are limited.", self.in_flight)
        limit = math.inf if self.limit is None else math.floor(self.limit)
        yield GaugeMetricFamily("arnia_requests_in_service_limit", "How many there may be.", value=limit)
        yield CounterMetricFamily("arnia_requests_shed", "Requests refused because of overload.", value=self.refused)


class Shedding:
    """Refuses a request for what it costs to write one answer: all of it but the trace id is made beforehand."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        error = Unavailable("The service has more to do than it can; nothing was started.")
        problem = {
            "type": f"{PROBLEM_PREFIX}/{error.slug}",
            "title": error.title,
            "status": error.status,
            "detail": error.detail,
            "trace_id": "",
        }
        self._status = error.status
        self._body = orjson.dumps(problem).removesuffix(b'"}')
        self._headers = [
            (b"content-type", PROBLEM_MEDIA_TYPE.encode()),
            (b"content-length", str(len(self._body) + len("0" * 32) + 2).encode()),
            *((name.lower().encode(), value.encode()) for name, value in error.headers.items()),
            *headers,
        ]
        self._request_id = REQUEST_ID_HEADER.lower().encode()

    async def refuse(self, scope: Scope, send: Send) -> None:
        """Answer 503 with Retry-After."""
        parent = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
        trace_id = continue_trace(parent).trace_id.encode()
        headers = [*self._headers, (self._request_id, trace_id)]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body + trace_id + b'"}'})

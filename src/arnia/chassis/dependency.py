"""One service that is called, and how it has been lately: where calls are retried, held back and given up.

Retries: full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015), within a budget, and only where a second
time does no harm. Nothing below this retries: not the transport, not Envoy, not a service further down, since the
request tells it not to.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from arnia.chassis.breaker import Breaker, BreakerState, Ticket
from arnia.chassis.budget import RetryBudget
from arnia.chassis.bulkhead import Bulkhead
from arnia.chassis.call_policy import SECOND, CallPolicy
from arnia.chassis.call_records import CallRecords
from arnia.chassis.transports import Failure, Incoming, TransportFailure
from arnia.chassis.upstream_problems import is_under_way
from arnia.conventions import RETRY_HEADER, RETRY_NEVER
from arnia.errors import DeadlineExceeded

__all__ = ["Attempt", "Care", "Dependency", "seconds_of"]

Attempt = Callable[[float], Awaitable[Incoming]]
"""Sends the request once, to be answered within so many seconds."""

TRANSIENT: Final = frozenset({500, 502, 503, 504})
FAILED: Final = 500
GATEWAY_TIMEOUT: Final = 504
MARGIN: Final = 0.02
"""Seconds of a request's deadline that are left for the caller itself, to tell its own caller what happened."""

log: Final = logging.getLogger("arnia.calls")


class Care(NamedTuple):
    """What may be done about one call.

    Attributes:
        deadline: When it must be over, by the dependency's clock.
        repeatable: Whether it does no harm to send it twice.
        retried_above: Whether whoever called us retries: then we do not.
        hedged: Whether a second attempt may be sent beside a slow one.
    """

    deadline: float
    repeatable: bool = False
    retried_above: bool = False
    hedged: bool = False


class Dependency:
    """Applies a policy to the calls of one service."""

    def __init__(
        self,
        name: str,
        policy: CallPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.name = name
        self.policy = policy
        self.breaker = Breaker(policy.breaker, clock=clock, changed=self._tell)
        self.budget = RetryBudget(policy.retry_budget, policy.retry_reserve)
        self.bulkhead = Bulkhead(policy.max_in_flight)
        self.records = CallRecords()
        self._clock = clock
        self._sleep = sleep
        self._uniform = uniform
        self._timeout = policy.timeout_ms / SECOND
        self._enough = min(policy.timeout_ms, policy.breaker_slow_ms) / SECOND
        self._queue = policy.queue_ms / SECOND

    async def call(self, attempt: Attempt, care: Care) -> Incoming:
        """Return an answer to `attempt`, which is made again where that may help and does no harm.

        Raises:
            TransportFailure: there is no answer.
            Opened: the breaker lets nobody through.
            BulkheadFull: too many calls are under way.
            DeadlineExceeded: no time is left.
        """
        self.budget.earn()
        tries = 0
        while True:
            failure: TransportFailure | None = None
            answer: Incoming | None = None
            try:
                answer = await (self._hedged if care.hedged else self._once)(attempt, care)
                if answer.status not in TRANSIENT and not is_under_way(answer):
                    return answer
            except TransportFailure as error:
                failure = error
            pause = self._pause(failure, answer, care, tries)
            if pause is not None:
                tries += 1
                self.records.retries += 1
                await self._sleep(pause)
            elif answer is not None:
                return answer
            elif failure is not None:
                raise failure

    async def _once(self, attempt: Attempt, care: Care, *, patience: float | None = None) -> Incoming:
        left = self._left(care)
        waited = not self.bulkhead.take_free()
        if waited:
            await self.bulkhead.take(min(left, self._queue if patience is None else patience))
        try:
            seconds = min(self._timeout, self._left(care) if waited else left)
            ticket = self.breaker.enter()
            try:
                answer = await attempt(seconds)
            except TransportFailure as error:
                self._judge(ticket, seconds, failure=error.failure)
                raise
            except BaseException:
                ticket.abandoned()
                raise
            if answer.status < FAILED:
                ticket.succeeded()
            else:
                self._judge(ticket, seconds, status=answer.status)
            self.records.answered(self._clock() - ticket.started)
            return answer
        finally:
            self.bulkhead.give()

    async def _hedged(self, attempt: Attempt, care: Care) -> Incoming:
        """Send a second attempt beside one that is slower than nearly all, and take whichever is answered first."""
        delay = self.records.slowest_twentieth
        if delay is None or care.retried_above:
            return await self._once(attempt, care)
        tasks = {asyncio.ensure_future(self._once(attempt, care))}
        try:
            answered, _ = await asyncio.wait(tasks, timeout=delay)
            if not answered and self.breaker.state is BreakerState.CLOSED and self.budget.spend():
                self.records.hedges += 1
                tasks.add(asyncio.ensure_future(self._once(attempt, care, patience=0.0)))
            return await _first(tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _left(self, care: Care) -> float:
        left = care.deadline - self._clock() - MARGIN
        if left <= 0:
            detail = f"No time is left to call {self.name}."
            raise DeadlineExceeded(detail)
        return left

    def _judge(self, ticket: Ticket, seconds: float, *, failure: Failure | None = None, status: int = 0) -> None:
        """Tell the breaker what a call says about the service: nothing, where its caller had little time for it."""
        hurried = seconds < self._enough and (failure is Failure.TIMEOUT or status == GATEWAY_TIMEOUT)
        if hurried or failure is Failure.NO_CONNECTION:
            ticket.abandoned()
        elif failure is not None or status >= FAILED:
            ticket.failed()
        else:
            ticket.succeeded()

    def _pause(self, failure: TransportFailure | None, answer: Incoming | None, care: Care, tries: int) -> float | None:
        """Return after how many seconds to try again; None for not at all."""
        if care.retried_above or tries >= self.policy.retries:
            return None
        if not care.repeatable and not (failure is not None and failure.failure.unsent):
            return None
        if failure is not None and failure.failure is Failure.TOO_LARGE:
            return None
        asked = 0.0
        if answer is not None:
            if answer.headers.get(RETRY_HEADER.lower()) == RETRY_NEVER:
                return None
            asked = seconds_of(answer.headers.get("retry-after"))
        limit = self.policy.backoff_limit_ms / SECOND
        pause = asked + self._uniform(0.0, min(limit, self.policy.backoff_ms / SECOND * 2**tries))
        if asked > limit or self._clock() + pause + MARGIN >= care.deadline or not self.budget.spend():
            return None
        return pause

    def _tell(self, state: BreakerState) -> None:
        log.warning("the breaker of %s is %s", self.name, state)


async def _first(tasks: Collection[asyncio.Task[Incoming]]) -> Incoming:
    """Return the first good answer, or what the last attempt came to."""
    waiting: Collection[asyncio.Task[Incoming]] = tasks
    while True:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        results = [task for task in done if task.exception() is None and task.result().status not in TRANSIENT]
        if results or not waiting:
            return (results or list(done))[0].result()


def seconds_of(retry_after: str | None) -> float:
    """Return how many seconds a Retry-After field asks for (RFC 9110, 10.2.3): a number, or a date; else 0."""
    if retry_after is None:
        return 0.0
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0

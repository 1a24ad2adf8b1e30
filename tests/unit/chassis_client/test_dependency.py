"""The policy of one dependency as a whole, with time and chance in a test's hand."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.chassis_client.timekeeping import Clock
from tests.unit.chassis_client.upstream import POLICY, Upstream, care, dependency, say

from arnia.chassis.breaker import BreakerState, Opened
from arnia.chassis.bulkhead import BulkheadFull
from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.dependency import MARGIN, Dependency, seconds_of
from arnia.chassis.transports import Failure, Incoming, TransportFailure
from arnia.errors import DeadlineExceeded


async def test_pauses_double_up_to_a_limit() -> None:
    """The jitter's upper bound doubles with each attempt and stops at the limit."""
    clock = Clock()
    calls = dependency(clock, POLICY.model_copy(update={"retries": 6}))
    await calls.call(Upstream(clock, *[say(503)] * 6, say(200)), care(clock))
    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


async def test_pauses_are_spread() -> None:
    """Full jitter: of those who failed together, some come back soon, some late, and none after the bound."""
    clock = Clock()
    policy = POLICY.model_copy(update={"retry_budget": 1.0, "breaker_calls": 1_000})
    calls = Dependency("nursery", policy, clock=clock, sleep=clock.sleep)
    for _ in range(50):
        await calls.call(Upstream(clock, Failure.ENDED, say(200)), care(clock))
    assert len(clock.slept) == 50
    assert min(clock.slept) < 0.03
    assert 0.07 < max(clock.slept) <= 0.1


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from([*Failure, 200, 404, 500, 503]), min_size=1, max_size=8),
    st.tuples(st.booleans(), st.booleans()),
    st.floats(0.05, 3),
    st.integers(0, 5),
)
def test_what_never_happens(
    script: list[Failure | int], flags: tuple[bool, bool], patience: float, retries: int
) -> None:
    """Never more attempts than allowed, none after the deadline, none twice that does harm, none if retried above."""
    repeatable, retried_above = flags
    clock = Clock()
    said = [each if isinstance(each, Failure) else say(each) for each in script]
    upstream = Upstream(clock, *said, seconds=0.05)
    calls = dependency(clock, POLICY.model_copy(update={"retries": retries}))
    given = care(clock, patience, repeatable=repeatable, retried_above=retried_above)

    async def once() -> None:
        with suppress(TransportFailure, DeadlineExceeded):
            await calls.call(upstream, given)

    asyncio.run(once())
    attempts = len(upstream.allowed)
    assert attempts <= 1 + retries
    assert all(seconds > 0 for seconds in upstream.allowed)
    assert sum(clock.slept) <= patience
    if retried_above:
        assert attempts <= 1
    if not repeatable:
        assert all(isinstance(each, Failure) and each.unsent for each in said[: attempts - 1])
    assert calls.bulkhead.taken == 0


async def test_attempts_stay_inside_the_deadline() -> None:
    """Each attempt may take what is left and no more than the policy allows; a little is kept for the caller."""
    clock = Clock()
    calls = dependency(clock, POLICY.model_copy(update={"timeout_ms": 1_000}))
    upstream = Upstream(clock, Failure.TIMEOUT, seconds=0.7)
    with pytest.raises(TransportFailure):
        await calls.call(upstream, care(clock, 1.8))
    assert upstream.allowed == pytest.approx([1.0, 0.98, 0.08])
    with pytest.raises(DeadlineExceeded):
        await calls.call(upstream, care(clock, 0.01))
    assert len(upstream.allowed) == 3


@pytest.mark.parametrize(
    ("headers", "slept", "attempts"),
    [
        ({"retry_after": "1"}, [1.1], 2),
        ({"retry_after": "2"}, [], 1),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, [0.1], 2),
        ({"retry_after": "soon"}, [0.1], 2),
        ({"arnia_retry": "never"}, [], 1),
    ],
)
async def test_what_an_answer_says_of_retries(headers: Mapping[str, str], slept: list[float], attempts: int) -> None:
    """Retry-After is the least that is waited; one beyond the limit, and a "never", are obeyed by giving up."""
    clock = Clock()
    upstream = Upstream(clock, say(503, **headers), say(200))
    await dependency(clock).call(upstream, care(clock))
    assert clock.slept == pytest.approx(slept)
    assert len(upstream.allowed) == attempts


def test_retry_after_as_a_date() -> None:
    """A date in the future is so many seconds, however they are written."""
    assert seconds_of("Fri, 31 Dec 9999 23:59:59 GMT") > 1e9
    assert seconds_of("7") == 7
    assert seconds_of(None) == seconds_of("x") == seconds_of("-1") == 0


async def test_refusals_are_no_failures() -> None:
    """A hundred 4xx neither open the breaker nor are they retried."""
    clock = Clock()
    calls = dependency(clock)
    upstream = Upstream(clock, say(404))
    for _ in range(100):
        assert (await calls.call(upstream, care(clock))).status == 404
    assert calls.breaker.state.value == BreakerState.CLOSED
    assert len(upstream.allowed) == 100


async def test_a_hurried_caller_does_not_open_the_breaker_for_others() -> None:
    """Timeouts of calls whose deadline left them next to no time say nothing about the service."""
    clock = Clock()
    calls = dependency(clock)
    for _ in range(100):
        with pytest.raises(TransportFailure):
            await calls.call(Upstream(clock, Failure.TIMEOUT), care(clock, 0.05, repeatable=False))
        await calls.call(Upstream(clock, say(504)), care(clock, 0.05, repeatable=False))
    assert calls.breaker.state.value == BreakerState.CLOSED
    for _ in range(POLICY.breaker_calls):
        with pytest.raises(TransportFailure):
            await calls.call(Upstream(clock, Failure.TIMEOUT), care(clock, repeatable=False))
    assert calls.breaker.state.value == BreakerState.OPEN
    with pytest.raises(Opened):
        await calls.call(Upstream(clock, say(200)), care(clock))


async def test_a_timeout_that_the_policy_sets_is_a_failure() -> None:
    """However short the policy's own timeout is, not to answer within it opens the breaker."""
    clock = Clock()
    calls = dependency(clock, POLICY.model_copy(update={"timeout_ms": 100, "retries": 0}))
    for _ in range(POLICY.breaker_calls):
        with pytest.raises(TransportFailure):
            await calls.call(Upstream(clock, Failure.TIMEOUT), care(clock))
    assert calls.breaker.state.value == BreakerState.OPEN


async def test_answers_that_are_too_slow_open_the_breaker() -> None:
    """Good answers, each of them later than the policy calls slow: nobody waits for more of them."""
    clock = Clock()
    calls = dependency(clock, POLICY.model_copy(update={"breaker_slow_ms": 300}))
    for _ in range(POLICY.breaker_calls):
        await calls.call(Upstream(clock, say(200), seconds=0.4), care(clock))
    assert calls.breaker.state.value == BreakerState.OPEN


async def test_a_full_bulkhead_is_not_the_services_fault() -> None:
    """Calls beyond the places are refused without an attempt, and the breaker hears nothing of it."""
    clock = Clock()
    calls = dependency(clock)
    release = asyncio.Event()

    async def stuck(_: float) -> Incoming:
        await release.wait()
        return say(200)

    busy = [asyncio.ensure_future(calls.call(stuck, care(clock))) for _ in range(4)]
    await asyncio.sleep(0)
    for _ in range(50):
        with pytest.raises(BulkheadFull):
            await calls.call(stuck, care(clock))
    release.set()
    await asyncio.gather(*busy)
    assert calls.breaker.counts()[:2] == (4, 0)
    assert calls.bulkhead.taken == 0


async def test_time_in_the_queue_is_time_of_the_call() -> None:
    """Who has waited for a place may take that much less for the answer; whose deadline passed there sends nothing."""
    clock = Clock()
    policy = POLICY.model_copy(update={"max_in_flight": 1, "queue_ms": 20_000, "timeout_ms": 20_000})
    calls = Dependency("nursery", policy, clock=clock)
    upstream = Upstream(clock, say(200))
    await calls.bulkhead.take(0)
    patient = asyncio.ensure_future(calls.call(upstream, care(clock, 10)))
    late = asyncio.ensure_future(calls.call(upstream, care(clock, 3)))
    await asyncio.sleep(0)
    clock.now += 4
    calls.bulkhead.give()
    await asyncio.gather(patient, late, return_exceptions=True)
    assert upstream.allowed == [pytest.approx(10 - 4 - MARGIN)]
    assert isinstance(late.exception(), DeadlineExceeded)
    assert calls.bulkhead.taken == 0


async def test_nobody_queues_beyond_their_deadline() -> None:
    """Who may wait long for a place, and finds none, is told when their own time is over."""
    clock = Clock()
    calls = Dependency("nursery", POLICY.model_copy(update={"max_in_flight": 1, "queue_ms": 20_000}), clock=clock)
    await calls.bulkhead.take(0)
    async with asyncio.timeout(15):
        with pytest.raises(BulkheadFull):
            await calls.call(Upstream(clock, say(200)), care(clock, 0.1))


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    """Cancelled, a call gives its place back; a cancelled probe lets the next one probe."""
    clock = Clock()
    calls = dependency(clock)
    for _ in range(POLICY.breaker_calls):
        await calls.call(Upstream(clock, say(500)), care(clock, repeatable=False))
    clock.now += POLICY.breaker_rest_ms / 1_000

    async def forever(_: float) -> Incoming:
        await asyncio.sleep(60)
        raise AssertionError

    probe = asyncio.ensure_future(calls.call(forever, care(clock)))
    await asyncio.sleep(0)
    with pytest.raises(Opened):
        await calls.call(Upstream(clock, say(200)), care(clock))
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    assert calls.bulkhead.taken == 0
    assert (await calls.call(Upstream(clock, say(200)), care(clock))).status == 200
    assert calls.breaker.state.value == BreakerState.CLOSED


Layer = Callable[[float], Awaitable[Incoming]]


def storm(clock: Clock, policy: CallPolicy) -> tuple[Layer, list[int]]:
    """Return the entrance of three services in a row, each with `policy`, and the hits on what is down behind them."""
    hits = [0]

    async def down(_: float) -> Incoming:
        hits[0] += 1
        return say(503)

    def layer(below: Layer, *, outermost: bool) -> Layer:
        calls = dependency(clock, policy)

        async def serve(_: float) -> Incoming:
            given = care(clock, 30, retried_above=not outermost)
            try:
                return await calls.call(below, given)
            except Opened:
                return say(503, arnia_retry="never")

        return serve

    return layer(layer(layer(down, outermost=False), outermost=False), outermost=True), hits


async def naive(clock: Clock, below: Layer) -> Incoming:
    """Try three times, whatever happens: what a retry decorator does."""
    answer = await below(30)
    for _ in range(2):
        if answer.status >= 500:
            answer = await below(30)
    return answer


async def test_a_storm_of_retries() -> None:
    """Three layers of naive retries hit a service that is down 27 times as often; these do at most 1.1 times."""
    clock = Clock()
    requests = 2_000
    hits = 0

    async def down(_: float) -> Incoming:
        nonlocal hits
        hits += 1
        return say(503)

    for _ in range(requests):
        await naive(clock, lambda _: naive(clock, lambda _: naive(clock, down)))
    assert hits == 27 * requests

    entrance, reached = storm(clock, POLICY)
    for _ in range(requests):
        clock.now += 0.01
        await entrance(30)
    assert reached[0] <= 1.1 * requests

    # And the budget alone, without a breaker that ever opens: the share, and what was saved.
    entrance, reached = storm(clock, POLICY.model_copy(update={"breaker_calls": 100_000}))
    for _ in range(requests):
        clock.now += 0.01
        await entrance(30)
    assert requests < reached[0] <= 1.1 * requests + POLICY.retry_reserve

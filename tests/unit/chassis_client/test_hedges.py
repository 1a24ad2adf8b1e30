"""A second attempt beside a slow one: when it is sent, what it costs, and which answer counts."""

import asyncio

from tests.unit.chassis_client.timekeeping import Clock
from tests.unit.chassis_client.upstream import POLICY, Upstream, care, dependency, say

from arnia.chassis.dependency import Dependency
from arnia.chassis.transports import Incoming


async def test_a_hedge_overtakes_a_slow_read() -> None:
    """Beside a read that is slower than nearly all, one more is sent, and the first answer counts."""
    clock = Clock()
    calls = Dependency("nursery", POLICY, clock=clock)
    for _ in range(40):
        calls.records.answered(0.01)
    began: list[float] = []

    async def first_is_slow(_: float) -> Incoming:
        began.append(0)
        await asyncio.sleep(60 if len(began) == 1 else 0)
        return say(200)

    async with asyncio.timeout(30):
        assert (await calls.call(first_is_slow, care(clock, hedged=True))).status == 200
    assert (len(began), calls.records.hedges) == (2, 1)
    await asyncio.sleep(0.01)
    assert calls.bulkhead.taken == 0


async def test_a_hedge_that_fails_does_not_win() -> None:
    """Where the second attempt is refused sooner than the first is answered, the answer counts: no retry is spent."""
    clock = Clock()
    calls = Dependency("nursery", POLICY, clock=clock)
    for _ in range(40):
        calls.records.answered(0.001)
    began: list[float] = []

    async def second_fails(_: float) -> Incoming:
        began.append(0)
        if len(began) == 2:
            return say(503)
        await asyncio.sleep(0.05)
        return say(200)

    assert (await calls.call(second_fails, care(clock, hedged=True))).status == 200
    assert (len(began), calls.records.hedges, calls.records.retries) == (2, 1, 0)


async def test_a_hedge_takes_nobodys_turn() -> None:
    """Where no place is free a hedge is given up at once: it never waits before a call that was not made at all."""
    clock = Clock()
    calls = Dependency("nursery", POLICY.model_copy(update={"max_in_flight": 1, "queue_ms": 5_000}), clock=clock)
    for _ in range(40):
        calls.records.answered(0.001)
    order: list[str] = []

    async def slow(_: float) -> Incoming:
        order.append("read")
        await asyncio.sleep(0.05)
        return say(200)

    async def other(_: float) -> Incoming:
        order.append("other")
        return say(200)

    read = asyncio.ensure_future(calls.call(slow, care(clock, hedged=True)))
    await asyncio.sleep(0.02)
    assert calls.records.hedges == 1
    await calls.call(other, care(clock))
    await read
    assert order == ["read", "other"]


async def test_hedges_are_paid_from_the_budget() -> None:
    """Without budget, when retried above, or for too few known answers, nothing is sent twice."""
    clock = Clock()
    broke = Dependency("nursery", POLICY.model_copy(update={"retry_reserve": 0}), clock=clock)
    for each, known, above in ((broke, 40, False), (Dependency("n", POLICY, clock=clock), 40, True)):
        for _ in range(known):
            each.records.answered(0.001)

        async def slow(_: float) -> Incoming:
            await asyncio.sleep(0.05)
            return say(200)

        await each.call(slow, care(clock, hedged=True, retried_above=above))
        assert each.records.hedges == 0


async def test_a_probe_is_not_hedged() -> None:
    """At half-open one attempt goes out, however slow it is: nothing is spent on a second that could not pass."""
    clock = Clock()
    calls = dependency(clock)
    for _ in range(40):
        calls.records.answered(0.001)
    for _ in range(POLICY.breaker_calls):
        await calls.call(Upstream(clock, say(500)), care(clock, repeatable=False))
    clock.now += POLICY.breaker_rest_ms / 1_000

    async def slow(_: float) -> Incoming:
        await asyncio.sleep(0.05)
        return say(200)

    assert (await calls.call(slow, care(clock, hedged=True))).status == 200
    assert calls.records.hedges == 0

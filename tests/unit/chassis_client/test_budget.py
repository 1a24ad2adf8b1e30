"""The retry budget and the bulkhead."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arnia.chassis.budget import RetryBudget
from arnia.chassis.bulkhead import Bulkhead, BulkheadFull


@given(
    st.lists(st.booleans(), max_size=300),
    st.floats(0, 1),
    st.integers(0, 20),
)
def test_retries_are_a_share_of_the_calls(events: list[bool], ratio: float, reserve: int) -> None:
    """Whatever the order of calls and retries, there are never more retries than the reserve and the share allow."""
    budget = RetryBudget(ratio, reserve)
    calls = retries = 0
    for is_call in events:
        if is_call:
            budget.earn()
            calls += 1
        else:
            retries += budget.spend()
        assert retries <= reserve + ratio * calls + 1e-6


def test_what_is_saved_has_an_end() -> None:
    """A long quiet time does not pay for a storm."""
    budget = RetryBudget(0.1, 3)
    for _ in range(10_000):
        budget.earn()
    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]


async def test_a_full_bulkhead_refuses_after_its_patience() -> None:
    """Who finds no place waits for as long as it may, and is then refused; a free one is taken at once."""
    bulkhead = Bulkhead(1)
    await bulkhead.take(0)
    with pytest.raises(BulkheadFull):
        await bulkhead.take(0.01)
    with pytest.raises(BulkheadFull):
        await bulkhead.take(0)
    waiting = asyncio.ensure_future(bulkhead.take(5))
    await asyncio.sleep(0)
    bulkhead.give()
    await waiting
    assert bulkhead.taken == 1


async def test_cancellation_gives_the_place_back() -> None:
    """A call that is cancelled, within its place or waiting for one, leaves nothing behind."""
    bulkhead = Bulkhead(2)

    async def one() -> None:
        await bulkhead.take(5)
        try:
            await asyncio.sleep(10)
        finally:
            bulkhead.give()

    tasks = [asyncio.ensure_future(one()) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert bulkhead.taken == 2
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert bulkhead.taken == 0
    await bulkhead.take(0)
    await bulkhead.take(0)


async def test_a_place_that_is_given_to_whoever_just_left_is_not_lost() -> None:
    """Whose turn comes at the moment at which it is cancelled hands the place on."""
    bulkhead = Bulkhead(1)
    await bulkhead.take(0)
    waiting = asyncio.ensure_future(bulkhead.take(5))
    await asyncio.sleep(0)
    bulkhead.give()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert bulkhead.taken == 0
    assert bulkhead.take_free()

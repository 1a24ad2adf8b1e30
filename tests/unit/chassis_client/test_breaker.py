"""The circuit breaker, by a clock that a test turns."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.unit.chassis_client.timekeeping import Clock

from arnia.chassis.breaker import Breaker, BreakerRules, BreakerState, Opened, Ticket

RULES = BreakerRules(window=10, calls=10, failure_rate=0.5, slow=1, slow_rate=0.8, rest=5)


def state(breaker: Breaker) -> str:
    """Return the state as text, which a type checker does not hold to stay as it is."""
    return breaker.state.value


def broken(clock: Clock) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker(RULES, clock=clock)
    for _ in range(RULES.calls):
        breaker.enter().failed()
    assert state(breaker) == BreakerState.OPEN
    return breaker


def test_it_opens_by_rate_and_not_before_it_knows_enough() -> None:
    """Nine failures of nine say too little; five of ten open it; four of ten do not."""
    clock = Clock()
    breaker = Breaker(RULES, clock=clock)
    for _ in range(9):
        breaker.enter().failed()
    assert state(breaker) == BreakerState.CLOSED
    breaker.enter().failed()
    assert state(breaker) == BreakerState.OPEN
    other = Breaker(RULES, clock=clock)
    for at in range(20):
        ticket = other.enter()
        ticket.failed() if at % 5 > 2 else ticket.succeeded()
    assert state(other) == BreakerState.CLOSED


def test_slow_calls_open_it_too() -> None:
    """Calls that succeed and take too long are a reason as well."""
    clock = Clock()
    breaker = Breaker(RULES, clock=clock)
    for _ in range(RULES.calls):
        ticket = breaker.enter()
        clock.now += 1
        ticket.succeeded()
    assert state(breaker) == BreakerState.OPEN


def test_the_window_rolls() -> None:
    """Failures that are older than the window are forgotten."""
    clock = Clock()
    breaker = Breaker(RULES, clock=clock)
    for _ in range(9):
        breaker.enter().failed()
    clock.now += RULES.window
    for _ in range(9):
        breaker.enter().failed()
    assert state(breaker) == BreakerState.CLOSED
    assert breaker.counts() == (9, 9, 0)


def test_fifty_arrive_at_half_open_and_one_passes() -> None:
    """When the rest is over, one call probes; the other forty-nine are refused until it has its answer."""
    clock = Clock()
    breaker = broken(clock)
    clock.now += RULES.rest
    assert state(breaker) == BreakerState.HALF_OPEN
    passed: list[Ticket] = []
    for _ in range(50):
        try:
            passed.append(breaker.enter())
        except Opened:
            continue
    assert len(passed) == 1
    passed[0].succeeded()
    assert state(breaker) == BreakerState.CLOSED
    breaker.enter().succeeded()


async def test_fifty_tasks_at_half_open() -> None:
    """The same with fifty tasks whose calls take time: one reaches the other side."""
    clock = Clock()
    breaker = broken(clock)
    clock.now += RULES.rest
    reached = 0

    async def one() -> bool:
        nonlocal reached
        try:
            ticket = breaker.enter()
        except Opened:
            return False
        reached += 1
        await asyncio.sleep(0.01)
        ticket.failed()
        return True

    assert sum(await asyncio.gather(*(one() for _ in range(50)))) == reached == 1
    assert state(breaker) == BreakerState.OPEN


def test_a_failed_probe_opens_it_for_another_rest() -> None:
    """A probe that fails, or is slow, opens it again, for the whole rest."""
    clock = Clock()
    breaker = broken(clock)
    clock.now += RULES.rest
    breaker.enter().failed()
    clock.now += RULES.rest - 0.1
    with pytest.raises(Opened) as refused:
        breaker.enter()
    assert refused.value.retry_after == pytest.approx(0.1)
    clock.now += 0.2
    ticket = breaker.enter()
    clock.now += RULES.slow
    ticket.succeeded()
    assert state(breaker) == BreakerState.OPEN


def test_a_cancelled_probe_makes_room_for_another() -> None:
    """A probe that is cancelled says nothing, and does not lock everybody out for ever."""
    clock = Clock()
    breaker = broken(clock)
    clock.now += RULES.rest
    breaker.enter().abandoned()
    assert state(breaker) == BreakerState.HALF_OPEN
    breaker.enter().succeeded()
    assert state(breaker) == BreakerState.CLOSED


def test_late_news_is_no_news() -> None:
    """A call from before the breaker opened, ending while it is half-open, neither closes it nor frees the probe."""
    clock = Clock()
    breaker = Breaker(RULES, clock=clock)
    early = [breaker.enter() for _ in range(3)]
    for _ in range(RULES.calls):
        breaker.enter().failed()
    clock.now += RULES.rest
    probe = breaker.enter()
    early[0].succeeded()
    early[1].abandoned()
    assert state(breaker) == BreakerState.HALF_OPEN
    with pytest.raises(Opened):
        breaker.enter()
    probe.succeeded()
    early[2].failed()
    assert state(breaker) == BreakerState.CLOSED
    assert breaker.counts() == (0, 0, 0)


def test_a_ticket_has_one_verdict() -> None:
    """What is said second, by a clean-up that runs in any case, is ignored."""
    breaker = Breaker(RULES, clock=Clock())
    ticket = breaker.enter()
    ticket.succeeded()
    ticket.failed()
    ticket.abandoned()
    assert breaker.counts() == (1, 0, 0)


class Life(RuleBasedStateMachine):
    """Any order of calls, verdicts and time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.changes: list[BreakerState] = []
        self.breaker = Breaker(RULES, clock=self.clock, changed=self.changes.append)
        self.open: list[Ticket] = []
        self.probes: list[Ticket] = []

    @rule(seconds=st.floats(0, 7))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def enter(self) -> None:
        before = self.breaker.state
        try:
            ticket = self.breaker.enter()
        except Opened:
            assert before is not BreakerState.CLOSED
            return
        assert before is not BreakerState.OPEN
        if before is BreakerState.HALF_OPEN:
            assert not self.probes
            self.probes.append(ticket)
        self.open.append(ticket)

    @precondition(lambda self: self.open)
    @rule(at=st.integers(0, 99), verdict=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def end(self, at: int, verdict: str) -> None:
        ticket = self.open.pop(at % len(self.open))
        getattr(ticket, verdict)()
        if ticket in self.probes:
            self.probes.clear()

    @invariant()
    def knows_its_states(self) -> None:
        calls, failures, slow = self.breaker.counts()
        assert 0 <= failures <= calls
        assert 0 <= slow <= calls
        for before, after in zip(self.changes, self.changes[1:], strict=False):
            assert (before, after) != (BreakerState.OPEN, BreakerState.CLOSED)


TestLife = Life.TestCase


@settings(max_examples=50)
@given(st.lists(st.booleans(), max_size=60))
def test_the_rate_alone_decides(verdicts: list[bool]) -> None:
    """It opens at the first failure that makes the rate, with enough calls, and never before."""
    breaker = Breaker(RULES, clock=Clock())
    for calls, failed in enumerate(verdicts, 1):
        ticket = breaker.enter()
        ticket.failed() if failed else ticket.succeeded()
        failures = sum(verdicts[:calls])
        due = failed and calls >= RULES.calls and failures >= RULES.failure_rate * calls
        assert due == (state(breaker) == BreakerState.OPEN)
        if due:
            return

"""A service that answers what it is told, and the policy of those who call it."""

from tests.unit.chassis_client.timekeeping import Clock

from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.dependency import Care, Dependency
from arnia.chassis.transports import Failure, Incoming, TransportFailure

POLICY = CallPolicy(retries=3, backoff_ms=100, backoff_limit_ms=1_000, retry_reserve=10, max_in_flight=4, queue_ms=0)


def say(status: int, **headers: str) -> Incoming:
    """Return an answer."""
    return Incoming(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


class Upstream:
    """Answers what it is told, one after the other; the last thing for ever."""

    def __init__(self, clock: Clock, *script: Incoming | Failure, seconds: float = 0.0) -> None:
        self.clock = clock
        self.script = list(script)
        self.seconds = seconds
        self.allowed: list[float] = []

    async def __call__(self, seconds: float) -> Incoming:
        self.allowed.append(seconds)
        self.clock.now += self.seconds
        found = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(found, Failure):
            raise TransportFailure(found)
        return found


def dependency(clock: Clock, policy: CallPolicy = POLICY) -> Dependency:
    """Return a dependency whose jitter is always the whole pause."""
    return Dependency("nursery", policy, clock=clock, sleep=clock.sleep, uniform=lambda _, most: most)


def care(clock: Clock, seconds: float = 30, **given: bool) -> Care:
    """Return the care of a call that may be repeated."""
    return Care(deadline=clock.now + seconds, **{"repeatable": True, **given})

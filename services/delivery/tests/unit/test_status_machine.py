"""The status machine, played at random by Hypothesis against a model of five lines."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from delivery.models.deliveries import REFUSALS, Action, Delivery, Status
from delivery.models.events import facts
from delivery.models.values import Item, Location, Money, Order, Schedule
from delivery.services.deliveries import Step

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
PLACES = st.builds(Location, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
SCHEDULES = st.integers(1, 1000).map(lambda hours: Schedule(pickup_time=NOON, deadline=NOON + timedelta(hours=hours)))
HONEY = Item(name="Honey jar", price=Money(amount=Decimal("12.30")), quantity=2)
FORWARD = {
    (Status.PENDING, Action.ASSIGN): Status.SCHEDULED,
    (Status.SCHEDULED, Action.ASSIGN): Status.SCHEDULED,
    (Status.SCHEDULED, Action.DEPART): Status.IN_TRANSIT,
    (Status.IN_TRANSIT, Action.CONFIRM): Status.COMPLETED,
    (Status.PENDING, Action.CANCEL): Status.CANCELLED,
    (Status.SCHEDULED, Action.CANCEL): Status.CANCELLED,
}


class Life(RuleBasedStateMachine):
    """A delivery to which anything is done in any order."""

    @initialize(pickup=PLACES, dropoff=PLACES, schedule=SCHEDULES)
    def place(self, pickup: Location, dropoff: Location, schedule: Schedule) -> None:
        """Order it."""
        self.now = NOON
        order = Order(pickup=pickup, dropoff=dropoff, items=(HONEY,), schedule=schedule)
        self.delivery = Delivery.place(UUID(int=1), order, self.now)
        self.expected = Status.PENDING
        self.topics = [fact.topic for fact in facts(None, self.delivery)]

    def step(self, action: Action, step: Step) -> None:
        """Take a step: it is legal, or refused without a trace, or a repetition without effect."""
        self.now += timedelta(seconds=1)
        before = self.delivery
        try:
            after = step(before, self.now)
        except REFUSALS[action]:
            assert not before.allows(action)
            return
        if after is not before:
            assert before.allows(action)
            assert (after.version, after.updated_at) == (before.version + 1, self.now)
            self.expected = FORWARD.get((self.expected, action), self.expected)
        assert step(after, self.now + timedelta(days=1)) is after, "the same step again changes nothing"
        self.topics += [fact.topic for fact in facts(before, after)]
        self.delivery = after

    @rule(drone=st.integers(1, 2))
    def assign(self, drone: int) -> None:
        """Give it to one of two drones."""
        self.step(Action.ASSIGN, lambda delivery, now: delivery.assign(UUID(int=drone), now))

    @rule()
    def depart(self) -> None:
        """Send it off."""
        self.step(Action.DEPART, Delivery.depart)

    @rule(who=st.sampled_from(["Ada", "Grace"]))
    def confirm(self, who: str) -> None:
        """Hand it over."""
        self.step(Action.CONFIRM, lambda delivery, now: delivery.confirm(who, now))

    @rule(reason=st.sampled_from(["rain", "thieves"]))
    def cancel(self, reason: str) -> None:
        """Give it up."""
        self.step(Action.CANCEL, lambda delivery, now: delivery.cancel(reason, now))

    @rule(dropoff=PLACES)
    def redirect(self, dropoff: Location) -> None:
        """Send it elsewhere."""
        self.step(Action.CHANGE, lambda delivery, now: delivery.redirect(dropoff, now))

    @rule(schedule=SCHEDULES)
    def reschedule(self, schedule: Schedule) -> None:
        """Send it at another time."""
        self.step(Action.CHANGE, lambda delivery, now: delivery.reschedule(schedule, now))

    @invariant()
    def consistent(self) -> None:
        """The status is what the model expects, and survives being written down and read again."""
        assert self.delivery.status == self.expected
        assert Delivery.model_validate_json(self.delivery.model_dump_json()) == self.delivery

    @invariant()
    def heard(self) -> None:
        """It was created once, first; it ends once at most, last."""
        ends = [topic for topic in self.topics if topic in {"delivery.completed", "delivery.cancelled"}]
        over = self.expected in {Status.COMPLETED, Status.CANCELLED}
        assert self.topics.count("delivery.created") == 1
        assert self.topics[0] == "delivery.created"
        assert ends == [f"delivery.{self.expected}"] * over
        assert not over or self.topics[-1] in ends


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=50, stateful_step_count=15, deadline=None)


def test_what_the_scheduler_says(order: Order) -> None:
    """A refusal shows on a pending delivery until a drone is found; a drone is taken back before departure only."""
    pending = Delivery.place(UUID(int=3), order, NOON)
    refused = pending.refuse("no-drone", NOON)
    assert (refused.status, refused.refusal and refused.refusal.reason) == (Status.PENDING, "no-drone")
    assert refused.refuse("no-drone", NOON) is refused
    scheduled = refused.assign(UUID(int=2), NOON)
    assert (scheduled.status, scheduled.refusal) == (Status.SCHEDULED, None)
    assert scheduled.refuse("no-drone", NOON) is scheduled
    assert scheduled.unassign(UUID(int=3), NOON) is scheduled
    assert scheduled.unassign(UUID(int=2), NOON).status is Status.PENDING
    for late in (scheduled.depart(NOON), scheduled.cancel("no longer needed", NOON)):
        assert late.unassign(UUID(int=2), NOON) is late
        assert late.refuse("no-drone", NOON) is late

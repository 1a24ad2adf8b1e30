"""The saga of the scheduler, played: deliveries come, change and go, drones are far away, and processes die."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

import orjson
from tests.simulation.database import Database
from tests.simulation.memory_broker import STYLES, MemoryBroker, Wire
from tests.simulation.memory_inbox import InboxTables, MemoryInbox, MemorySession
from tests.simulation.memory_saga import AssignmentTable, Fleet, RemoteFleet, work_in
from tests.simulation.processes import Process
from tests.simulation.scripts import PATIENCE
from tests.simulation.story import Given
from tests.simulation.world import Rates, World

from arnia.chassis.brokers.broker import Subscription
from arnia.chassis.consumers import Consumer
from arnia.chassis.hearers import Handler, Heard, Reception
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_turns import State
from arnia.chassis.messages import Message
from arnia.errors import ServiceError, Unavailable
from scheduler.api import facts
from scheduler.models.assignments import Status
from scheduler.models.events import AssignmentRefused, AssignmentReleased, AssignmentReserved
from scheduler.repositories.assignments import Claim, Work
from scheduler.services.driver import DriverService
from scheduler.services.driver import Patience as DriverPatience
from scheduler.services.saga import Saga

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SagaStory"]

BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)
LEASE: Final = 2.0
FAULTY: Final = 6.0
LONGEST: Final = 120.0
ENDS: Final = ("delivery.completed", "delivery.cancelled")
HEARD: Final[dict[type[Heard], str]] = {
    facts.DeliveryCreated: "want",
    facts.DeliveryChanged: "weigh",
    facts.DeliveryRescheduled: "retry",
    facts.DeliveryCompleted: "close",
    facts.DeliveryCancelled: "close",
}


class SagaStory:
    """Some deliveries, from their creation to where their assignments end.

    Attributes:
        told: For each delivery what happens to it: the topic and what it weighs then.
    """

    def __init__(self, world: World, *, forgetful: bool = False) -> None:
        draw = world.draw
        self.world = world
        self.wire = world.wire = Wire(world, draw.choice(STYLES))
        self.inbox = InboxTables(Database("scheduler"), world.loop.time)
        self.table = AssignmentTable(self.inbox.database, world.loop.time)
        world.databases = [self.inbox.database]
        drones = {UUID(int=900 + number): draw.choice((3000, 6000, 12000)) for number in range(draw.randint(1, 2))}
        self.fleet = Fleet(world, drones, forgetful=forgetful)
        self.told = {UUID(int=number + 1): self._life() for number in range(draw.randint(1, 4))}
        self._steps = 0
        self._identities = itertools.count(1 << 64)
        self._todo = {delivery: list(enumerate(life, 1)) for delivery, life in self.told.items()}

    async def play(self) -> None:
        """Let it happen, and wait for the end."""
        world = self.world
        self.wire.bind("scheduler")
        world.rates = Rates(*(world.draw.choice((0.0, 0.05, 0.2)) for _ in range(4)))
        world.plan(world.draw.randint(0, 5))
        world.launch(Process(world, "delivery", self._tell))
        for number in range(world.draw.randint(1, 3)):
            world.launch(Process(world, f"scheduler-{number + 1}", self._scheduler))
        while not self._quiet:
            await world.loop.later(0.1)
            if world.loop.now > FAULTY:
                world.heal()
            if world.loop.now > LONGEST:
                world.complain(f"it is not over: {[row.assignment for row in self.table.rows.committed.values()]}")
                break
        for violation in self._judge():
            world.complain(violation)
        lives = list(world.living.values())
        for process in lives:
            process.restarts = False
            process.kill()
        while not all(process.over for process in lives):
            await world.loop.later(0.0)

    @property
    def _quiet(self) -> bool:
        rows = self.table.rows.committed.values()
        waiting = self._steps or self.wire.waiting or self.inbox.of(State.WAITING) or any(self._todo.values())
        return not waiting and not any(row.assignment.is_driven for row in rows)

    def _life(self) -> list[tuple[str, int]]:
        draw, weight = self.world.draw, 1000
        life = [("delivery.created", weight := draw.choice((1000, 2500, 5000, 20_000_000)))]
        for _ in range(draw.randint(0, 3)):
            topic = draw.choice(("delivery.changed", "delivery.rescheduled"))
            weight = draw.choice((1000, 2500, 5000)) if topic == "delivery.changed" else weight
            life.append((topic, weight))
        if draw.random() < 0.5:
            life.append((draw.choice(ENDS), weight))
        return life

    # --- who tells, and who hears ---

    def _tell(self, process: Process) -> Iterable[Coroutine[object, object, None]]:
        return [self._tell_of(process, delivery) for delivery in self.told]

    async def _tell_of(self, process: Process, delivery: UUID) -> None:
        broker, todo = MemoryBroker(self.wire, process), self._todo[delivery]
        while todo:
            number, (topic, weight) = todo[0]
            await self.world.loop.later(self.world.random() * 1.5)
            message = Message(
                id=UUID(int=(delivery.int << 32) + number),
                type=topic,
                version=1,
                aggregate_type="delivery",
                aggregate_id=delivery,
                sequence=number,
                source="delivery",
                time=BEGINNING,
                payload=orjson.dumps({"aggregate_id": str(delivery), "weight_grams": weight}),
            )
            try:
                await broker.publish([message])
            except Unavailable:
                continue
            self.world.note("delivery", f"told {topic} {weight}", message)
            todo.pop(0)

    def _scheduler(self, process: Process) -> Iterable[Coroutine[object, object, None]]:
        handlers = {(view.topic, view.version): self._handler(view, name) for view, name in HEARD.items()}
        store = MemoryInbox(self.inbox, process)
        inbox = Inbox(store, handlers, Given, patience=PATIENCE, reach=process.reach)  # type: ignore[arg-type]  # see `Given`
        subscription = Subscription(consumer="scheduler", channels=("delivery",), in_flight=8)
        broker = MemoryBroker(self.wire, process)
        consumer = Consumer(broker, subscription, inbox, store, batch=4, reach=process.reach)
        yield consumer.hear()
        yield consumer.go_on()
        yield self._drive(process)

    def _handler(self, view: type[Heard], name: str) -> Handler:
        async def hear(event: Heard, reception: Reception) -> None:
            transaction = cast("MemorySession", reception.session).transaction
            saga = Saga(work_in(self.table, transaction), self._now, self._identity)
            if name in {"want", "weigh"}:
                step: Callable[[UUID, int], Coroutine[object, object, None]] = getattr(saga, name)
                await step(event.aggregate_id, getattr(event, "weight_grams", facts.UNWEIGHED_GRAMS))
            else:
                await getattr(saga, name)(event.aggregate_id)

        return Handler(view, one=hear)

    async def _drive(self, process: Process) -> None:
        def unit() -> AbstractAsyncContextManager[Work]:
            return self.table.unit(process)

        patience = DriverPatience(whole=4.0, first=0.2, longest=1.0)
        driver = DriverService(unit, RemoteFleet(self.fleet, process), patience, self._now, self._identity)

        async def take(claim: Claim) -> None:
            self._steps += 1
            try:
                await driver.drive(claim)
            except ServiceError:
                self.world.note(process.name, "a step is left to its claim")
            finally:
                self._steps -= 1

        while True:
            try:
                async with unit() as work:
                    claims = await work.assignments.claim(4, LEASE)
            except Unavailable:
                claims = []
            for claim in claims:
                process.spawn(take(claim))
            await asyncio.sleep(0.1)

    def _now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.world.loop.now)

    def _identity(self) -> UUID:
        return UUID(int=next(self._identities))

    # --- what is checked ---

    def _judge(self) -> Iterator[str]:
        wanted: dict[UUID, UUID] = {}
        for delivery, life in self.told.items():
            topic, weight = life[-1]
            row = self.table.rows.committed.get(delivery)
            if row is None:
                yield f"delivery {delivery.int} was never heard of"
                continue
            one, over = row.assignment, topic in ENDS
            if one.closed != over:
                yield f"delivery {delivery.int} is {'not ' if over else ''}closed"
            if one.status not in ({Status.RELEASED} if over else {Status.RESERVED, Status.REFUSED}):
                yield f"delivery {delivery.int} stays {one.status}"
            if one.status is Status.RESERVED:
                wanted[one.reservation_id] = delivery
                promise = self.fleet.promised.get(one.reservation_id)
                if promise is None or promise != (one.drone_id, delivery, weight):
                    yield f"delivery {delivery.int} of {weight} g has {promise}"
        for reservation, (_, delivery, _) in self.fleet.promised.items():
            if reservation not in wanted:
                yield f"a drone is reserved for delivery {delivery.int}, and nobody knows"
        yield from self._facts()

    def _facts(self) -> Iterator[str]:
        """Judge what was told: promised and taken back by turns, and at the end what is so."""
        last: dict[UUID, str] = defaultdict(str)
        for fact in cast("list[object]", self.inbox.database.effects):
            if isinstance(fact, AssignmentReserved):
                if last[fact.aggregate_id] == "reserved":
                    yield f"delivery {fact.aggregate_id.int} was told to be reserved twice"
                last[fact.aggregate_id] = "reserved"
            elif isinstance(fact, AssignmentReleased):
                if last[fact.aggregate_id] != "reserved":
                    yield f"delivery {fact.aggregate_id.int} was told to be released, and had nothing"
                last[fact.aggregate_id] = "released"
            elif isinstance(fact, AssignmentRefused):
                last[fact.aggregate_id] = "refused"
        for delivery, row in self.table.rows.committed.items():
            if (row.assignment.status is Status.RESERVED) != (last[delivery] == "reserved"):
                yield f"delivery {delivery.int} is {row.assignment.status}, and last told was {last[delivery]!r}"

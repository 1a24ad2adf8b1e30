"""One run: writers, relays, consumers and their servers, from the first change until nothing is left to do."""

import asyncio
import itertools
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

import orjson
from tests.simulation.database import Database
from tests.simulation.effects import Effect, Told
from tests.simulation.memory_broker import MemoryBroker, Wire
from tests.simulation.memory_inbox import InboxRow, InboxTables, MemoryInbox, MemorySession
from tests.simulation.memory_outbox import MemoryOutbox, OutboxTables
from tests.simulation.processes import Killed, Process
from tests.simulation.scripts import CONSUMERS, Script
from tests.simulation.world import World

from arnia.chassis.brokers.broker import Subscription
from arnia.chassis.consumers import Consumer
from arnia.chassis.hearers import Handler, Reception
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_turns import State
from arnia.chassis.messages import Message
from arnia.chassis.relay import Relay
from arnia.errors import Unavailable

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = ["Given", "Story", "Wiring"]

FAULTY: Final = 6.0
"""Seconds in which things go wrong."""
PATIENCE: Final = 90.0
"""Seconds after which what is not done is stuck."""
DISTURBED: Final = 2
"""How many things go wrong while somebody redrives, at the most."""
SOME_TIME: Final = datetime(2020, 1, 1, tzinfo=UTC)


class Given:
    """A reception without a service around it."""

    kept: object = None
    trace: None = None

    def __init__(self, message: Message, session: "Session") -> None:
        self.message = message
        self.session = session

    def client(self, kind: type[object]) -> object:
        """Know nobody."""
        raise NotImplementedError(kind)


class Wiring:
    """How the parts are put together; a planted bug puts one of them together wrongly."""

    def planted(self) -> AbstractContextManager[None]:
        """Return what lasts for as long as the parts are used."""
        return nullcontext()

    def outbox(self, tables: OutboxTables, process: Process) -> MemoryOutbox:
        """Return what a relay reads."""
        return MemoryOutbox(tables, process)

    def inbox(self, tables: InboxTables, process: Process) -> MemoryInbox:
        """Return where a consumer remembers."""
        return MemoryInbox(tables, process)

    def broker(self, wire: Wire, process: Process) -> MemoryBroker:
        """Return the broker of a process."""
        return MemoryBroker(wire, process)

    def relay(self, outbox: MemoryOutbox, broker: MemoryBroker, script: Script) -> Relay:
        """Return a relay."""
        return Relay(outbox, broker, batch=script.batch, reach=outbox.host.reach)

    def take_over(self, store: MemoryInbox, handlers: dict[tuple[str, int], Handler], script: Script) -> Inbox:
        """Return an inbox."""
        return Inbox(
            store,
            handlers,
            Given,  # type: ignore[arg-type]  # what it lacks is not used here
            patience=script.patience,
            reach=store.host.reach,
        )

    def redriven(self, row: InboxRow) -> Message:
        """Return what is tried again of what is parked."""
        return row.message


class Story:
    """A script, played.

    Attributes:
        acknowledged: The keys of the changes that somebody was told are kept: the log outside.
        told: All events that somebody tried to tell, by their key.
        direct: Those of them that went past the outbox.
        confirmed: Those of the direct ones that somebody was told are kept.
        mended: Whether what was poison is none any more.
    """

    def __init__(self, world: World, script: Script, wiring: Wiring | None = None) -> None:
        self.world = world
        self.script = script
        self.wiring = wiring or Wiring()
        self.wire = world.wire = Wire(world, script.style)
        self.outbox = OutboxTables(Database("scales"))
        self.inboxes = {name: InboxTables(Database(name), world.loop.time) for name in CONSUMERS}
        world.databases = [self.outbox.database, *(tables.database for tables in self.inboxes.values())]
        self.acknowledged: set[UUID] = set()
        self.told: dict[UUID, Message] = {}
        self.direct: dict[UUID, Message] = {}
        self.confirmed: set[UUID] = set()
        self.mended = False
        self._redriving = False
        self._hint = asyncio.Event()
        self._ids = itertools.count(1)
        places = itertools.count()
        numbered = enumerate(change for changes in script.writers for change in changes)
        plan = {
            number: [self._message(thing, next(places), world.random()) for thing in change]
            for number, change in numbered
        }
        numbers = iter(plan)
        self._todo = [deque(next(numbers) for _ in changes) for changes in script.writers]
        self._plan = plan
        self._straight = deque(self._message(world.draw.choice(script.things), -1, 0.0) for _ in range(script.direct))
        self.places: dict[UUID, int] = {
            message.id: place for place, message in enumerate(itertools.chain.from_iterable(plan.values()))
        }
        self._failing = dict(script.transient)

    async def play(self) -> None:
        """Tell everything, let everything go wrong, and wait until nothing is left to do."""
        world, script = self.world, self.script
        for name in CONSUMERS:
            self.wire.bind(name)
        world.rates = script.rates
        world.plan(script.faults)
        world.launch(Process(world, "scales", self._writers))
        for number in range(script.relays):
            world.launch(Process(world, f"relay-{number + 1}", self._relay))
        for name in CONSUMERS:
            for number in range(script.processes[name]):
                world.launch(Process(world, f"{name}-{number + 1}", self._consumer))
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is left to do."""
        world = self.world
        end = world.loop.now + PATIENCE
        healthy = world.loop.now + FAULTY
        while world.loop.now < end:
            await world.loop.later(0.1)
            if world.loop.now > healthy:
                world.heal()
            if self.quiet:
                return
        world.complain(f"it is not over after {PATIENCE:.0f} s: {self._left()}")

    async def redrive(self) -> None:
        """Mend what is poison, and let everything that is parked be tried again."""
        self.mended = True
        self.world.heal()
        while self.world.lost:
            await self.world.loop.later(0.1)
        self._redriving = True
        self.world.plan(min(self.script.faults, DISTURBED))
        self.world.launch(Process(self.world, "operator", self._operator))
        await self.settle()

    def _operator(self, process: Process) -> Iterable[Coroutine[object, object, None]]:
        yield self._redrive(process)

    async def _redrive(self, process: Process) -> None:
        # Who is interrupted, or has no answer, begins anew, and goes on with what is still parked.
        for name, tables in self.inboxes.items():
            while tables.of(State.PARKED):
                self.world.note(process.name, f"REDRIVES {name}")
                try:
                    await self.wiring.inbox(tables, process).redrive(self.wiring.redriven)
                except Unavailable:
                    await asyncio.sleep(0.1)
        self._redriving = False

    async def close(self) -> None:
        """End every process."""
        lives = list(self.world.living.values())
        for process in lives:
            process.restarts = False
            process.kill()
        while not all(process.over for process in lives):
            await self.world.loop.later(0.0)

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to do."""
        return not (
            self.wire.waiting
            or any(self._todo)
            or self._redriving
            or self._straight
            or self.outbox.unsent
            or any(tables.of(State.WAITING) for tables in self.inboxes.values())
        )

    def _left(self) -> str:
        waiting = {name: len(tables.of(State.WAITING)) for name, tables in self.inboxes.items()}
        return f"{len(self.outbox.unsent)} unsent, {self.wire.waiting} at the broker, waiting {waiting}"

    def _message(self, thing: UUID, place: int, spread: float) -> Message:
        # Ids in the order of making, which is not the order of the commits.
        identity = UUID(int=(next(self._ids) << 64) + int(spread * 2**60))
        payload = orjson.dumps({"aggregate_id": str(thing), "key": str(identity)})
        message = Message(
            id=identity,
            type=Told.topic,
            version=1,
            aggregate_type="thing",
            aggregate_id=thing,
            sequence=0,
            source="scales",
            time=SOME_TIME,
            payload=payload,
        )
        if place < 0:
            self.direct[identity] = message
        return message

    # --- who tells ---

    def _writers(self, process: Process) -> Iterable[Coroutine[object, object, None]]:
        yield self._publish_straight(process)
        for todo in self._todo:
            yield self._write(process, todo)

    async def _write(self, process: Process, todo: deque[int]) -> None:
        while todo:
            number = todo[0]
            await process.enter("think")
            transaction = self.outbox.database.begin(process)
            todo.popleft()
            try:
                await transaction.statement("change")
                messages = self._plan[number]
                stored = await self.outbox.emit(transaction, messages[:1])
                if messages[1:]:
                    stored += await self.outbox.emit(transaction, messages[1:])
                if number in self.script.undone:
                    transaction.end(keep=False)
                    continue
                await transaction.commit()
            except Unavailable:
                transaction.end(keep=False)
                self.world.note(process.name, f"change {number} has no answer")
                continue
            self.acknowledged.update(message.id for message in stored)
            for message in stored:
                self.world.note(process.name, "told", message)
            self._hint.set()

    async def _publish_straight(self, process: Process) -> None:
        broker = MemoryBroker(self.wire, process)
        while self._straight:
            message = self._straight[0]
            try:
                await broker.publish([message])
            except Unavailable:
                await asyncio.sleep(0.1)
                continue
            self._straight.popleft()
            self.confirmed.add(message.id)

    # --- who carries ---

    def _relay(self, process: Process) -> Iterable[Coroutine[object, object, None]]:
        outbox = self.wiring.outbox(self.outbox, process)
        broker = _Watched(self, self.wiring.broker(self.wire, process))
        relay = self.wiring.relay(outbox, cast("MemoryBroker", broker), self.script)
        process.asked_to_stop = process.cancel
        yield relay.run(self._hint if process.name == "relay-1" else asyncio.Event())

    # --- who hears ---

    def _consumer(self, process: Process) -> Iterable[Coroutine[object, object, None]]:
        name = process.name.partition("-")[0]
        store = self.wiring.inbox(self.inboxes[name], process)
        script = self.script

        async def hear(event: Told, reception: Reception) -> None:
            await self._hear(process, name, event, reception)

        async def hear_all(events: Sequence[Told], reception: Reception) -> None:
            for event in events:
                await self._hear(process, name, event, reception)

        gathers = name in script.gathers
        handler = Handler(Told, many=hear_all) if gathers else Handler(Told, one=hear)  # type: ignore[arg-type]  # its own view
        inbox = self.wiring.take_over(store, {(Told.topic, 1): handler}, script)
        subscription = Subscription(consumer=name, channels=("thing",), in_flight=2 * script.batch)
        broker = self.wiring.broker(self.wire, process)
        consumer = Consumer(broker, subscription, inbox, store, batch=script.batch, reach=process.reach)
        process.asked_to_stop = consumer.stop
        yield consumer.hear()
        yield consumer.go_on()

    async def _hear(self, process: Process, name: str, event: Told, reception: Reception) -> None:
        place = self.places.get(event.key, -1)
        if self.script.poison.get(name) == place and not self.mended:
            if self.script.deadly:
                process.kill()
                raise Killed
            raise ValueError(place)
        session = cast("MemorySession", reception.session)
        await session.record(Effect(event.key, reception.message.id, event.aggregate_id))
        left = self._failing.get((name, place), 0)
        if left:
            self._failing[name, place] = left - 1
            self.world.note(process.name, "fails for now", reception.message)
            raise Unavailable


class _Watched:
    """A relay's broker: nothing that is marked may be published again by who still holds its claim."""

    def __init__(self, story: Story, broker: MemoryBroker) -> None:
        self._story = story
        self._broker = broker

    async def publish(self, messages: Sequence[Message]) -> None:
        database = self._story.outbox.database
        if any(transaction.host is self._broker.process for transaction in database.open):
            committed = self._story.outbox.outbox.committed
            for message in messages:
                row = committed.get(message.id)
                if row is not None and row.sent:
                    self._story.world.complain(f"published after it was marked: {message.sequence}")
        await self._broker.publish(messages)

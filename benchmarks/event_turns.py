"""One turn of `events.py`, in the process that takes it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Final, TypedDict
from uuid import UUID

import psutil
import uvloop
from event_peers import BATCH, PEERS, TEXT, Tally, running
from pydantic import SecretStr
from sqlalchemy import text

from arnia.chassis.brokers.broker import Subscription
from arnia.chassis.brokers.opening import open_broker
from arnia.chassis.consumers import Consumer
from arnia.chassis.database import Database
from arnia.chassis.events import Event
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.relay import Relay
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.testing.parcels import PUT
from arnia.testing.postgres import DatabaseAccess

ONE, BATCHED, DELAY = "Arnia, an INSERT each", "Arnia, an INSERT a batch", "delay"
WARM: Final = 600
"""More than a batch: a consumer takes the first one that it meets with care."""
TOGETHER: Final = 100
"""Events in one transaction of the writer, before the clock starts."""
EACH: Final = 10
"""Events about one thing."""
PACE: Final = 0.02

EMPTY: Final = Statement(text("TRUNCATE parcels, arnia_inbox, arnia_heard, arnia_outbox, arnia_sequences"))
KEEP: Final = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, :label, :grams)"))
KEEP_ALL: Final = Statement(
    text(
        "INSERT INTO parcels (id, label, grams) "
        "SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:labels AS text[]), CAST(:grams AS integer[]))"
    )
)


class Turn(TypedDict):
    """What is to be done; `processes` are those of the servers."""

    name: str
    broker: str
    count: int
    databases: Mapping[str, str]
    brokers: Mapping[str, str]
    processes: Sequence[int]


class ParcelTold(Event):
    """What the writer says."""

    topic: ClassVar[str] = "parcel.told"
    aggregate_type: ClassVar[str] = "parcel"
    grams: int
    text: str


class ParcelHeard(Heard):
    """What the consumer reads of it."""

    topic = "parcel.told"

    grams: int
    text: str


class Given:
    """A reception without a service around it."""

    kept: object = None

    def __init__(self, message: Message, session: Session) -> None:
        self.message = message
        self.session = session

    def client(self, kind: type[object]) -> object:
        """Know nobody."""
        raise NotImplementedError(kind)


class Kitchen:
    """Whoever hears: one row for each event, and when the rows were committed."""

    def __init__(self, database: Database, tally: Tally, *, batched: bool) -> None:
        self.committed: dict[UUID, float] = {}
        self._fresh: list[UUID] = []
        self._tally = tally
        hearer = Hearer()
        if batched:
            hearer.on_batch(ParcelHeard)(self.keep_all)
        else:
            hearer.on(ParcelHeard)(self.keep)
        self.store = SqlInbox(database, "kitchen")
        self.inbox = Inbox(self.store, hearer.handlers, Given, reach=self.reach)  # type: ignore[arg-type]  # enough here

    async def keep(self, event: ParcelHeard, reception: Reception) -> None:
        label = event.text[:10]
        await reception.session.execute(KEEP, id=event.envelope.id, label=label, grams=event.grams)
        self._fresh.append(event.aggregate_id)

    async def keep_all(self, events: Sequence[ParcelHeard], reception: Reception) -> None:
        ids, labels = [event.envelope.id for event in events], [event.text[:10] for event in events]
        await reception.session.execute(KEEP_ALL, ids=ids, labels=labels, grams=[event.grams for event in events])
        self._fresh += [event.aggregate_id for event in events]

    def reach(self, point: str) -> None:
        """Count what is committed now."""
        if point in {"inbox.committed", "inbox.resumed"}:
            now = time.perf_counter()
            self.committed |= dict.fromkeys(self._fresh, now)
            self._tally.add(len(self._fresh))
            self._fresh = []


class Arnia:
    """Both ends: a writer with its outbox, and a kitchen with its inbox."""

    def __init__(self, writing: Database, relay: Relay, kitchen: Kitchen, tally: Tally) -> None:
        self._writing = writing
        self._relay = relay
        self.kitchen = kitchen
        self.tally = tally
        self._said = 0

    async def fill(self, count: int) -> None:
        """Put `count` events into the outbox."""
        things = [uuid7() for _ in range(max(1, count // EACH))]
        for first in range(0, count, TOGETHER):
            async with self._writing.session(read_only=False) as session:
                for number in range(first, min(count, first + TOGETHER)):
                    session.emit(ParcelTold(aggregate_id=things[number % len(things)], grams=number, text=TEXT))

    async def send(self, count: int) -> None:
        """Let the relay send what is there, and return once `count` effects are committed."""
        goal = self.tally.heard + count
        async with running(self._relay.run(self._writing.hint)):
            await self.tally.reach(goal)

    async def delays(self, count: int) -> list[float]:
        """Return the milliseconds of `count` changes, each from its commit to its effect."""
        goal, done = self.tally.heard + count, {}
        began = time.perf_counter()
        async with running(self._relay.run(self._writing.hint)):
            for number in range(count):
                await asyncio.sleep(began + number * PACE - time.perf_counter())
                thing = uuid7()
                async with self._writing.session(read_only=False) as session:
                    await session.fetch_one(PUT, id=thing, label="parcel", grams=number)
                    session.emit(ParcelTold(aggregate_id=thing, grams=number, text=TEXT))
                done[thing] = time.perf_counter()
            await self.tally.reach(goal)
        return [(self.kitchen.committed[thing] - at) * 1000 for thing, at in done.items()]


@asynccontextmanager
async def arnia(turn: Turn, *, batched: bool) -> AsyncIterator[Arnia]:
    """Open both ends, with nothing between them."""
    writing, reading = [
        await Database.open(DatabaseAccess(SecretStr(turn["databases"][name]))) for name in ("scales", "kitchen")
    ]
    for database in (writing, reading):
        async with database.session(read_only=False) as session:
            await session.execute(EMPTY)
    sending = await open_broker(turn["brokers"]["scales"], "scales", ("parcel",))
    hearing = await open_broker(turn["brokers"]["kitchen"], "kitchen", ())
    tally = Tally()
    kitchen = Kitchen(reading, tally, batched=batched)
    subscription = Subscription(consumer="kitchen", channels=("parcel",))
    consumer = Consumer(hearing, subscription, kitchen.inbox, kitchen.store, batch=BATCH)
    relay = Relay(SqlOutbox(writing, "scales"), sending, batch=BATCH)
    async with running(consumer.hear(), consumer.go_on()):
        yield Arnia(writing, relay, kitchen, tally)
        consumer.stop()
    for end in (sending, hearing, writing, reading):
        await end.close()


def cpu_of(processes: Sequence[int]) -> float:
    """Return the seconds of CPU of servers and their children, ended ones too."""
    total = 0.0
    for number in processes:
        server = psutil.Process(number)
        total += sum(server.cpu_times()[:4])
        total += sum(sum(child.cpu_times()[:4]) for child in server.children(recursive=True))
    return total


async def measure_ours(turn: Turn) -> list[float]:
    """Return events/s, and microseconds of CPU per event here and of the servers."""
    async with arnia(turn, batched=turn["name"] == BATCHED) as both:
        await both.fill(WARM)
        await both.send(WARM)
        await both.fill(turn["count"])
        return await weigh(turn, both.send(turn["count"]))


async def measure_peer(turn: Turn) -> list[float]:
    """Return the same of somebody else."""
    tally = Tally()
    peer = PEERS[turn["broker"]][turn["name"]](turn["brokers"]["bare"], tally)
    async with peer as send:

        async def go(count: int) -> None:
            goal = tally.heard + count
            await asyncio.gather(send(count), tally.reach(goal))

        await go(WARM)
        return await weigh(turn, go(turn["count"]))


async def weigh(turn: Turn, work: Awaitable[None]) -> list[float]:
    servers, own, began = cpu_of(turn["processes"]), time.process_time(), time.perf_counter()
    await work
    count, took = turn["count"], time.perf_counter() - began
    own, servers = time.process_time() - own, cpu_of(turn["processes"]) - servers
    return [count / took, own / count * 1e6, servers / count * 1e6]


async def measure_delay(turn: Turn) -> list[float]:
    async with arnia(turn, batched=False) as both:
        await both.fill(WARM)
        await both.send(WARM)
        return await both.delays(turn["count"])


def take(turn: Turn) -> list[float]:
    """Do what is to be done."""
    if turn["name"] == DELAY:
        return uvloop.run(measure_delay(turn))
    return uvloop.run(measure_ours(turn) if turn["name"] in {ONE, BATCHED} else measure_peer(turn))

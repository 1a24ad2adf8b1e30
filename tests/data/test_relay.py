"""The relay against a real server: everything once where nothing fails, and in order whatever fails."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import text
from typing_extensions import override

from arnia.chassis.brokers.broker import Undeliverable
from arnia.chassis.database import Database
from arnia.chassis.events import MOST_BYTES, Event
from arnia.chassis.messages import Message
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.relay import Relay
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import ContentTooLarge, Unavailable
from arnia.testing.parcels import ParcelWeighed

EMPTY = Statement(text("TRUNCATE arnia_outbox, arnia_sequences"))
ALL_SENT = Statement(text("UPDATE arnia_outbox SET sent_at = now()"))
ANALYZE = Statement(text("ANALYZE arnia_outbox"))
LOOKED_AT = Statement(
    text(
        "SELECT idx_tup_fetch + seq_tup_read AS rows FROM pg_stat_xact_user_tables WHERE relname = 'arnia_outbox' "
        "AND schemaname = current_schema()"
    )
)
UNSENT = Statement(text("SELECT count(*) AS unsent FROM arnia_outbox WHERE sent_at IS NULL"))
WRITERS: Final = 8
AGGREGATES: Final = 12
EACH: Final = 25
PATIENCE: Final = 50


class Shelf:
    """A broker that keeps what is published in its order, refuses what it is told to, and is away when told to."""

    def __init__(self) -> None:
        self.kept: list[Message] = []
        self.refused: set[UUID] = set()
        self.away = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        await asyncio.sleep(0.001)
        if self.away:
            self.away -= 1
            raise Unavailable
        self.kept += [message for message in messages if message.id not in self.refused]
        if never := [message for message in messages if message.id in self.refused]:
            reason = "it may not"
            raise Undeliverable(reason, never)

    def by_aggregate(self) -> dict[UUID, list[int]]:
        found = defaultdict(list)
        for message in self.kept:
            found[message.aggregate_id].append(message.sequence)
        return found


@pytest.fixture
async def outbox(database: Database) -> SqlOutbox:
    """Give an outbox with nothing in it."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return SqlOutbox(database, "scales")


async def emit(database: Database, *aggregates: UUID) -> None:
    async with database.session(read_only=False) as session:
        for number, aggregate in enumerate(aggregates):
            session.emit(ParcelWeighed(aggregate_id=aggregate, grams=number))


async def unsent(database: Database) -> int:
    async with database.session(read_only=True) as session:
        row = await session.fetch_one(UNSENT)
    assert row is not None
    return int(row["unsent"])


@pytest.mark.anyio
async def test_three_relays_lose_double_and_reorder_nothing(database: Database, outbox: SqlOutbox) -> None:
    """While others write, three relays send each event once, those of an aggregate in the order of their sequence."""
    shelf = Shelf()
    aggregates = [uuid7() for _ in range(AGGREGATES)]
    turning = itertools.cycle(aggregates)
    relays = [Relay(outbox, shelf, batch=7) for _ in range(3)]  # type: ignore[arg-type]  # a broker that only takes
    running = [asyncio.create_task(relay.run(asyncio.Event())) for relay in relays]
    try:

        async def write() -> None:
            for _ in range(EACH):
                await emit(database, next(turning), next(turning))

        await asyncio.gather(*(write() for _ in range(WRITERS)))
        while await unsent(database):  # noqa: ASYNC110 - relays tell nobody when they are done
            await asyncio.sleep(0.02)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    told = shelf.by_aggregate()
    assert sum(map(len, told.values())) == 2 * WRITERS * EACH
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in told.values())


class Counter(Shelf):
    """A shelf that knows how many put something there at once, and takes its time while it is one."""

    def __init__(self) -> None:
        super().__init__()
        self.together = 0
        self.most = 0

    @override
    async def publish(self, messages: Sequence[Message]) -> None:
        self.together += 1
        self.most = max(self.most, self.together)
        for _ in range(PATIENCE):
            if self.kept and self.together == 1:
                await asyncio.sleep(0.01)
        await super().publish(messages)
        self.together -= 1


@pytest.mark.anyio
async def test_a_relay_takes_two_turns_at_once(database: Database, outbox: SqlOutbox) -> None:
    """A relay with a backlog publishes two batches at once, and still each event once and in order."""
    shelf, aggregates = Counter(), [uuid7() for _ in range(AGGREGATES)]
    for _ in range(EACH):
        await emit(database, *aggregates)
    relay = Relay(outbox, shelf, batch=AGGREGATES // 2)  # type: ignore[arg-type]  # what it lacks is not used
    running = asyncio.create_task(relay.run(asyncio.Event()))
    try:
        while await unsent(database):  # noqa: ASYNC110 - relays tell nobody when they are done
            await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert shelf.most == 2
    assert shelf.by_aggregate() == {aggregate: list(range(1, EACH + 1)) for aggregate in aggregates}


@pytest.mark.anyio
async def test_what_is_not_confirmed_is_sent_again(database: Database, outbox: SqlOutbox) -> None:
    """While the broker is away nothing is marked; afterwards all of it goes out with the ids that it had."""
    shelf = Shelf()
    shelf.away = 1
    relay = Relay(outbox, shelf)  # type: ignore[arg-type]  # what it lacks is not used
    await emit(database, uuid7(), uuid7())
    with pytest.raises(Unavailable):
        await relay.turn()
    assert (await unsent(database), shelf.kept) == (2, [])
    assert await relay.turn() == 2
    assert (await unsent(database), len(shelf.kept)) == (0, 2)
    assert await relay.turn() == 0


@pytest.mark.anyio
async def test_what_can_never_be_sent_holds_its_aggregate_only(database: Database, outbox: SqlOutbox) -> None:
    """An event that the broker refuses for good is set aside, nothing later of its aggregate goes out, others do."""
    shelf, one, other = Shelf(), uuid7(), uuid7()
    await emit(database, one)
    async with outbox.claim(10) as claim:
        shelf.refused = {message.id for message in claim.messages}
    relay = Relay(outbox, shelf)  # type: ignore[arg-type]  # what it lacks is not used
    await relay.turn()
    await emit(database, one, other)
    await relay.turn()
    await relay.turn()
    assert shelf.by_aggregate() == {other: [1]}
    assert (relay.refused, await unsent(database)) == (1, 2)


@pytest.mark.anyio
async def test_a_relay_wakes_up_when_something_is_emitted(database: Database, outbox: SqlOutbox) -> None:
    """A commit with events sets the hint; one without, and one that is undone, do not."""
    del outbox
    database.hint.clear()
    async with database.session(read_only=False) as session:
        await session.fetch_all(UNSENT)
    undone = database.session(read_only=False)
    undone.emit(ParcelWeighed(aggregate_id=uuid7(), grams=1))
    await undone.rollback()
    assert not database.hint.is_set()
    await emit(database, uuid7())
    assert database.hint.is_set()


@pytest.mark.anyio
async def test_much_about_one_holds_up_nobody_else(database: Database, outbox: SqlOutbox) -> None:
    """However much waits about one aggregate, what is said of another goes out with the next turn."""
    shelf, talkative, others = Shelf(), UUID(int=0), [uuid7() for _ in range(3)]
    for _ in range(30):
        await emit(database, talkative)
    await emit(database, *others)
    await Relay(outbox, shelf, batch=10).turn()  # type: ignore[arg-type]  # what it lacks is not used
    sent = shelf.by_aggregate()
    assert all(sent[other] == [1] for other in others)
    assert sent[talkative] == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.anyio
async def test_a_claim_leaves_a_batch_to_the_next(database: Database, outbox: SqlOutbox) -> None:
    """Where there is enough for two turns at once each has a whole batch, about different things."""
    aggregates = [uuid7() for _ in range(10)]
    for _ in range(4):
        await emit(database, *aggregates)
    async with outbox.claim(10) as first, outbox.claim(10) as second:
        assert len(first.messages) == len(second.messages) == 10
        told = {message.aggregate_id for message in first.messages}
        assert told.isdisjoint(message.aggregate_id for message in second.messages)


@pytest.mark.anyio
async def test_a_backlog_is_not_searched_for_each_aggregate(database: Database, outbox: SqlOutbox) -> None:
    """Where the statistics know an outbox in which nothing waits, a turn does not look at all that waits many times."""
    aggregates = [uuid7() for _ in range(60)]
    await emit(database, *aggregates)
    async with database.session(read_only=False) as session:
        await session.execute(ALL_SENT)
        await session.execute(ANALYZE)
    for _ in range(5):
        await emit(database, *aggregates)
    async with outbox.claim(40) as claim:
        assert len(claim.messages) == 40
        looked_at = await claim._session.fetch_one(LOOKED_AT)
    assert looked_at is not None
    assert looked_at["rows"] < 2 * 5 * len(aggregates)


@pytest.mark.anyio
async def test_a_refusal_of_nothing_marks_nothing(database: Database, outbox: SqlOutbox) -> None:
    """A broker that refuses, and does not say what, may have none of it: all of it is sent again."""

    class Vague(Shelf):
        async def publish(self, messages: Sequence[Message]) -> None:
            raise Undeliverable("something", [])

    await emit(database, uuid7())
    with pytest.raises(Unavailable):
        await Relay(outbox, Vague()).turn()  # type: ignore[arg-type]  # what it lacks is not used
    assert await unsent(database) == 1


@pytest.mark.anyio
async def test_no_fault_ends_a_relay(database: Database, outbox: SqlOutbox) -> None:
    """A fault of an adapter is said, the relay knows that it is stuck, and goes on."""
    shelf = Shelf()
    publish, faults = shelf.publish, [KeyError("x")]

    async def stumble(messages: Sequence[Message]) -> None:
        if faults:
            raise faults.pop()
        await publish(messages)

    shelf.publish = stumble  # type: ignore[method-assign]  # it stumbles once
    relay = Relay(outbox, shelf)  # type: ignore[arg-type]  # what it lacks is not used
    await emit(database, uuid7())
    running = asyncio.create_task(relay.run(asyncio.Event()))
    seen = set()
    while await unsent(database):
        seen.add(relay.stuck)
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (True in seen, relay.faults) == (True, 1)


@pytest.mark.anyio
async def test_what_cannot_travel_is_refused_where_it_is_emitted(database: Database, outbox: SqlOutbox) -> None:
    """An event that is too large for a broker, or that the service does not declare, is refused by `emit`."""
    del outbox

    class ParcelDescribed(Event):
        topic = "parcel.described"
        aggregate_type = "parcel"
        words: list[int]

    described = ParcelDescribed(aggregate_id=uuid7(), words=[1] * 310_000)
    assert len(described.model_dump_json()) < MOST_BYTES
    async with database.session(read_only=False) as session:
        with pytest.raises(ContentTooLarge, match=r"parcel\.described of \d+ bytes"):
            session.emit(described)
        database.emits = frozenset({ParcelWeighed})
        with pytest.raises(TypeError, match="ParcelDescribed is not declared"):
            session.emit(described)
        session.emit(ParcelWeighed(aggregate_id=uuid7(), grams=1))
    assert await unsent(database) == 1

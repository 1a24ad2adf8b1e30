"""What waits, gone on with in runs, against a real server: quick where nothing is wrong, fair where something is."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.data.kitchen import EMPTY, KEEP, SWIFT, Given, Kitchen, ParcelWeighed, story, weighed
from typing_extensions import override

from arnia.chassis.database import Database
from arnia.chassis.hearers import Hearer, Reception
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.inbox_turns import Turn, aggregate_of
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7

TRIED = Statement(text("SELECT aggregate_id, sequence, state, attempts FROM arnia_inbox ORDER BY sequence"))

ALL_DONE = Statement(text("UPDATE arnia_inbox SET state = 'done', due_at = NULL"))
ANALYZE = Statement(text("ANALYZE arnia_inbox, arnia_heard"))
LOOKED_AT = Statement(
    text(
        "SELECT sum(idx_tup_fetch + seq_tup_read) AS rows FROM pg_stat_xact_user_tables "
        "WHERE relname IN ('arnia_inbox', 'arnia_heard') AND schemaname = current_schema()"
    )
)


class Killed(BaseException):
    """What no handler of faults sees."""


class Counted(SqlInbox):
    """An inbox that counts its transactions."""

    turns = 0

    @override
    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:  # type: ignore[override]  # a turn, as everybody else knows it
        self.turns += 1
        async with super().turn() as turn:
            yield turn


@pytest.fixture
async def kitchen(database: Database) -> Kitchen:
    """Give a consumer with nothing in its inbox."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return Kitchen(database)


async def tried(kitchen: Kitchen, aggregate: UUID) -> list[tuple[int, str, int]]:
    async with kitchen.database.session(read_only=True) as session:
        rows = await session.fetch_all(TRIED)
    return [(row["sequence"], row["state"], row["attempts"]) for row in rows if row["aggregate_id"] == aggregate]


def deadly(kitchen: Kitchen, *, attempts: int) -> tuple[Inbox, UUID]:
    """Return an inbox that the second event of an aggregate kills, and that aggregate."""
    killer = uuid7()

    async def weigh(event: ParcelWeighed, reception: Reception) -> None:
        await reception.session.execute(KEEP, id=uuid7(), label=str(event.aggregate_id), grams=event.grams)
        if (event.aggregate_id, event.grams) == (killer, 2):
            raise Killed

    hearer = Hearer()
    hearer.on(ParcelWeighed)(weigh)
    patience = replace(SWIFT, attempts=attempts)
    store = SqlInbox(kitchen.database, "kitchen")
    return Inbox(store, hearer.handlers, Given, patience=patience), killer  # type: ignore[arg-type]  # what it lacks is not used


@pytest.mark.anyio
@pytest.mark.parametrize(("aggregates", "each"), [(4, 50), (200, 1)])
async def test_what_waits_takes_few_transactions(kitchen: Kitchen, aggregates: int, each: int) -> None:
    """Two transactions go on with many events, be they of one aggregate or of many, and with each of them once."""

    async def weigh(event: ParcelWeighed, reception: Reception) -> None:
        await reception.session.execute(KEEP, id=uuid7(), label=str(event.aggregate_id), grams=event.grams)

    hearer = Hearer()
    hearer.on(ParcelWeighed)(weigh)
    store = Counted(kitchen.database, "kitchen")
    inbox = Inbox(store, hearer.handlers, Given, patience=SWIFT)  # type: ignore[arg-type]  # what it lacks is not used
    for _ in range(aggregates):
        await inbox.take(story(uuid7(), range(1, each + 1)), careful=True)
    store.turns = 0
    while await inbox.resume(together=4):
        pass
    assert sorted(await kitchen.effects()) == sorted([*range(1, each + 1)] * aggregates)
    assert store.turns < aggregates * each / 2


@pytest.mark.anyio
async def test_a_poison_in_a_run_parks_what_follows_it_and_nothing_else(kitchen: Kitchen) -> None:
    """What precedes it and what is beside it is done, losing no attempt though there is but one; the rest is parked."""
    poisoned, well = uuid7(), uuid7()
    strict = Kitchen(kitchen.database, replace(SWIFT, attempts=1))
    strict.faults = {7: [ValueError()] * 99}
    messages = story(poisoned, [1, 2, 3, 4, 5])
    messages[2] = weighed(poisoned, 3, body=b'{"aggregate_id": "%s", "grams": 7}' % str(poisoned).encode())
    await strict.inbox.take([*messages, *story(well, [1, 2, 3, 4, 5])], careful=True)
    await strict.settle()
    assert await tried(kitchen, well) == [(number, "done", 1) for number in range(1, 6)]
    parked = [(3, "parked", 1), (4, "parked", 0), (5, "parked", 0)]
    assert await tried(kitchen, poisoned) == [(1, "done", 1), (2, "done", 1), *parked]
    assert strict.inbox.counts.parked == 1


@pytest.mark.anyio
@pytest.mark.parametrize("attempts", [1, 3])
async def test_what_kills_a_run_is_counted_by_itself(kitchen: Kitchen, attempts: int) -> None:
    """The death of a run is no attempt of any of it: what kills is tried alone as often as all others, then parked."""
    inbox, killer = deadly(kitchen, attempts=attempts)
    well = [uuid7(), uuid7()]
    await inbox.take([*story(killer, [1, 2, 3]), *(each for one in well for each in story(one, [1, 2]))], careful=True)
    for _ in range(1 + attempts):
        with pytest.raises(Killed):
            await inbox.resume()
    while await inbox.resume():
        pass
    assert await tried(kitchen, killer) == [(1, "done", 1), (2, "parked", attempts), (3, "parked", 0)]
    for aggregate in well:
        assert await tried(kitchen, aggregate) == [(1, "done", 1), (2, "done", 1)]


@pytest.mark.anyio
async def test_neighbours_of_a_run_are_heard_together(kitchen: Kitchen) -> None:
    """A function that hears batches is given what waits of several aggregates at once, and nothing behind a gap."""
    heard: list[list[tuple[UUID, int]]] = []

    async def weigh(events: Sequence[ParcelWeighed], _: Reception) -> None:
        heard.append([(event.aggregate_id, event.envelope.sequence) for event in events])

    hearer = Hearer()
    hearer.on_batch(ParcelWeighed)(weigh)
    store = SqlInbox(kitchen.database, "kitchen")
    inbox = Inbox(store, hearer.handlers, Given, patience=SWIFT)  # type: ignore[arg-type]  # what it lacks is not used
    one, other = sorted([uuid7(), uuid7()])
    await inbox.take([*story(one, [1, 2, 3]), *story(other, [1, 2, 4])], careful=True)
    for _ in range(5):
        await inbox.resume()
    assert heard == [[(one, 1), (one, 2), (one, 3), (other, 1), (other, 2)]]
    assert await tried(kitchen, other) == [(1, "done", 1), (2, "done", 1), (4, "waiting", 0)]


@pytest.mark.anyio
async def test_messages_without_a_sequence_run_as_well(kitchen: Kitchen) -> None:
    """Messages that have no order are tried together, each once; of those that fail only they are parked."""
    kitchen.faults = {0: [ValueError()]}
    singles = [weighed(uuid7(), 0) for _ in range(6)]
    await kitchen.inbox.take(singles, careful=True)
    await kitchen.settle()
    assert await kitchen.effects() == [0] * 6
    assert {state for _, state in await kitchen.states()} == {"done"}
    assert kitchen.inbox.counts.failed == 1


@pytest.mark.anyio
async def test_what_waits_is_not_searched_for_each_run(kitchen: Kitchen) -> None:
    """Where the statistics know an inbox in which nothing waits, a turn does not look at all that waits."""
    await kitchen.inbox.take([weighed(uuid7(), 1) for _ in range(600)], careful=True)
    async with kitchen.database.session(read_only=False) as session:
        await session.execute(ALL_DONE)
        await session.execute(ANALYZE)
    messages = [weighed(uuid7(), 1) for _ in range(600)]
    await kitchen.inbox.take(messages, careful=True)
    few = messages[:10]
    aggregates = [aggregate_of(message) for message in few]
    async with SqlInbox(kitchen.database, "kitchen").turn() as turn:
        before = await turn.session.fetch_one(LOOKED_AT)
        assert len(await turn.claim(aggregates)) == len(few)
        assert len(await turn.first(aggregates)) == len(few)
        assert len(await turn.find([message.id for message in few])) == len(few)
        await turn.wake(aggregates)
        after = await turn.session.fetch_one(LOOKED_AT)
    assert before is not None
    assert after is not None
    assert after["rows"] - before["rows"] < 20 * len(few)

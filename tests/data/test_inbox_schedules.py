"""Two inboxes at once on the same messages, in every disorder, with faults and lost connections in between."""

import asyncio
import itertools
import os
import random
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import ArniaError, Unavailable
from arnia.testing.postgres import DatabaseAccess

SEEDS: Final = int(os.environ.get("INBOX_SEEDS", "200"))
AT_ONCE: Final = 5
AGGREGATES: Final = 2
EACH: Final = 4
PATIENT: Final = Patience(attempts=99, first=0.001, longest=0.001, lease=0.2, baseline=1000.0, gap=0.05)

KEEP: Final = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, :label, :grams)"))
EFFECTS: Final = Statement(text("SELECT grams FROM parcels WHERE label = :label ORDER BY id"))
WAITING: Final = Statement(
    text("SELECT count(*) AS waiting FROM arnia_inbox WHERE consumer = :consumer AND state = 'waiting'")
)
CUT: Final = Statement(
    text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'test'"
    )
)


class ParcelWeighed(Heard):
    """What this consumer reads of it."""

    topic = "parcel.weighed"

    grams: int


class Given:
    """A reception without a service around it."""

    kept: object = None
    trace: None = None

    def __init__(self, message: Message, session: Session) -> None:
        self.message = message
        self.session = session

    def client(self, kind: type[object]) -> object:
        """Know nobody."""
        raise NotImplementedError(kind)


class Story:
    """One consumer, of which two processes are handed the same messages."""

    def __init__(self, database: Database, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - no secret
        self.database = database
        self.name = f"kitchen-{seed}"
        hearer = Hearer()
        hearer.on(ParcelWeighed)(self.weigh)
        self.inboxes = [
            Inbox(SqlInbox(database, self.name), hearer.handlers, Given, patience=PATIENT)  # type: ignore[arg-type]  # what it lacks is not used
            for _ in range(2)
        ]
        self.aggregates = [uuid5(UUID(int=seed), str(number)) for number in range(AGGREGATES)]

    async def weigh(self, event: ParcelWeighed, reception: Reception) -> None:
        """Have one effect, or fail for now."""
        label = f"{self.name} {event.aggregate_id}"
        await reception.session.execute(KEEP, id=uuid7(), label=label, grams=event.grams)
        if self.random.random() < 0.1:
            raise Unavailable

    def messages(self) -> list[Message]:
        return [
            Message(
                id=uuid7(),
                type="parcel.weighed",
                version=1,
                aggregate_type="parcel",
                aggregate_id=aggregate,
                sequence=sequence,
                source="scales",
                time=datetime.now(UTC),
                payload=b'{"aggregate_id": "%s", "grams": %d}' % (str(aggregate).encode(), sequence),
            )
            for aggregate, sequence in itertools.product(self.aggregates, range(1, EACH + 1))
        ]

    async def hand_over(self, inbox: Inbox, messages: Sequence[Message]) -> None:
        """Hand all of them over in some order, some twice, until they are taken."""
        pending = [*messages, *self.random.sample(messages, 5)]
        self.random.shuffle(pending)
        while pending:
            most = self.random.randint(1, 6)
            batch, pending = pending[:most], pending[most:]
            try:
                await inbox.take(batch, careful=self.random.random() < 0.2)
            except ArniaError:
                pending += batch
            if self.random.random() < 0.3:
                await self.resume(inbox)

    async def resume(self, inbox: Inbox) -> None:
        try:
            await inbox.resume(together=self.random.choice((1, 2)))
        except ArniaError:
            await asyncio.sleep(0.01)

    async def waiting(self) -> int:
        try:
            async with self.database.session(read_only=True) as session:
                row = await session.fetch_one(WAITING, consumer=self.name)
        except ArniaError:
            return -1
        assert row is not None
        return int(row["waiting"])

    async def tell(self) -> None:
        messages = self.messages()
        await asyncio.gather(*(self.hand_over(inbox, messages) for inbox in self.inboxes))
        async with asyncio.timeout(300):
            while await self.waiting():
                await asyncio.gather(*(self.resume(inbox) for inbox in self.inboxes))
                await asyncio.sleep(0.01)

    async def check(self) -> None:
        found = defaultdict(list)
        async with self.database.session(read_only=True) as session:
            for aggregate in self.aggregates:
                rows = await session.fetch_all(EFFECTS, label=f"{self.name} {aggregate}")
                found[aggregate] = [row["grams"] for row in rows]
        expected = {aggregate: list(range(1, EACH + 1)) for aggregate in self.aggregates}
        assert found == expected, f"seed {self.name}"


@pytest.mark.anyio
async def test_no_disorder_loses_doubles_or_reorders(database: Database, database_access: DatabaseAccess) -> None:
    """In every schedule each message has its effect once, in the order of its aggregate, and nothing waits for ever."""
    seeds = iter(range(SEEDS))
    over = asyncio.Event()

    async def cut() -> None:
        other = await Database.open(database_access, service="cutter")
        chance = random.Random(0)  # noqa: S311 - no secret
        try:
            while not over.is_set():
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                async with other.session(read_only=True) as session:
                    await session.fetch_all(CUT)
        finally:
            await other.close()

    async def work() -> None:
        for seed in seeds:
            story = Story(database, seed)
            await story.tell()
            stories.append(story)

    loop = asyncio.get_running_loop()
    told = loop.get_exception_handler() or (lambda loop, context: loop.default_exception_handler(context))

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        if not isinstance(context.get("exception"), ConnectionError):  # what asyncpg says of a connection that was cut
            told(loop, context)

    loop.set_exception_handler(tell)
    stories: list[Story] = []
    cutting = asyncio.create_task(cut())
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    over.set()
    await cutting
    for _ in range(5):  # connections that were cut last are found out when they are used
        with suppress(ArniaError):
            await database.ping()
    for story in stories:
        await story.check()
    assert len(stories) == SEEDS

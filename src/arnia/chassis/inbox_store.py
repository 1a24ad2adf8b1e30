"""The inbox in PostgreSQL: what a consumer has been handed, and how far it has heard each aggregate."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from arnia.chassis.brokers.broker import Received
from arnia.chassis.connections import Row
from arnia.chassis.consumers import digest
from arnia.chassis.database import Database
from arnia.chassis.inbox_turns import TOGETHER, Aggregate, Due, Entry, Kept, Progress, State
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement

__all__ = ["SqlInbox"]

KEPT: Final = frozenset({State.WAITING, State.PARKED})
"""The states in which a message is kept whole."""

REMEMBER: Final = Statement(
    text(
        """
        INSERT INTO arnia_inbox
            (consumer, message_id, aggregate_type, aggregate_id, sequence, type, version, state, done_at)
        SELECT :consumer, given.*, 'done', clock_timestamp() FROM unnest(
            CAST(:ids AS uuid[]), CAST(:aggregate_types AS text[]), CAST(:aggregate_ids AS uuid[]),
            CAST(:sequences AS bigint[]), CAST(:types AS text[]), CAST(:versions AS integer[])
        ) AS given (id, aggregate_type, aggregate_id, sequence, type, version)
        ORDER BY given.id
        ON CONFLICT (consumer, message_id) DO NOTHING RETURNING message_id
        """
    )
)
"""In the order of ids, so that two processes that were handed the same messages cannot lock crosswise."""
PROGRESS: Final = Statement(
    text(
        """
        INSERT INTO arnia_heard AS known (consumer, aggregate_type, aggregate_id)
        SELECT :consumer, given.* FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[])) AS given (type, id)
        ORDER BY given.type, given.id
        ON CONFLICT (consumer, aggregate_type, aggregate_id) DO UPDATE SET last = known.last
        RETURNING aggregate_type, aggregate_id, last, baseline, waiting, parked
        """
    )
)
"""An update that changes nothing, for its lock: the row may have to be made in the same statement."""
CLAIM: Final = Statement(
    text(
        """
        SELECT known.* FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[])) AS given (type, id)
        CROSS JOIN LATERAL (
            SELECT aggregate_type, aggregate_id, last, baseline, waiting, parked FROM arnia_heard
            WHERE consumer = :consumer AND aggregate_type = given.type AND aggregate_id = given.id
            FOR UPDATE SKIP LOCKED
        ) AS known
        """
    )
)
ADVANCE: Final = Statement(
    text(
        """
        UPDATE arnia_heard AS known
        SET last = given.last, baseline = given.baseline, waiting = given.waiting, parked = given.parked
        FROM unnest(
            CAST(:types AS text[]), CAST(:ids AS uuid[]), CAST(:lasts AS bigint[]), CAST(:baselines AS bigint[]),
            CAST(:waitings AS boolean[]), CAST(:parkeds AS boolean[])
        ) AS given (type, id, last, baseline, waiting, parked)
        WHERE consumer = :consumer AND aggregate_type = given.type AND aggregate_id = given.id
        """
    )
)
KEEP: Final = Statement(
    text(
        """
        UPDATE arnia_inbox AS known
        SET state = given.state, cause = given.cause, attempts = given.attempts,
            due_at = clock_timestamp() + given.due, body = given.body, headers = given.headers,
            source = given.source, time = given.time,
            done_at = CASE WHEN given.body IS NULL THEN clock_timestamp() END
        FROM unnest(
            CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:causes AS text[]), CAST(:attempts AS integer[]),
            CAST(:dues AS interval[]), CAST(:bodies AS bytea[]), CAST(:headers AS jsonb[]), CAST(:sources AS text[]),
            CAST(:times AS timestamptz[])
        ) AS given (id, state, cause, attempts, due, body, headers, source, time)
        WHERE consumer = :consumer AND message_id = given.id
        """
    )
)
_KEPT: Final = f"""
    SELECT message_id, aggregate_type, aggregate_id, sequence, type, version, attempts, body, headers, source, time,
        extract(epoch FROM clock_timestamp() - received_at)::float8 AS age,
        coalesce(extract(epoch FROM due_at - clock_timestamp()), 0)::float8 AS due,
        cause = '{TOGETHER}' AS together, attempts > 0 AND cause = '' OR cause = '{TOGETHER}' AS unfinished
    FROM arnia_inbox WHERE consumer = :consumer
"""  # noqa: S608 - a constant
FIRST: Final = Statement(
    text(
        f"""
        SELECT kept.* FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[])) AS given (type, id)
        CROSS JOIN LATERAL (
            {_KEPT} AND state = 'waiting'
            AND aggregate_type = given.type AND aggregate_id = given.id AND sequence > 0 ORDER BY sequence LIMIT :most
        ) AS kept ORDER BY aggregate_type, aggregate_id, sequence
        """  # noqa: S608 - parts of this module
    )
)
FIND: Final = Statement(
    text(f"{_KEPT} AND message_id = ANY (CAST(:ids AS uuid[])) AND state || '' = 'waiting' FOR UPDATE SKIP LOCKED")
)
"""By the primary key alone: where statistics are of a time at which little waited, an index of what waits would be read
whole."""
WAKE: Final = Statement(
    text(
        """
        UPDATE arnia_inbox SET due_at = clock_timestamp() WHERE consumer = :consumer AND message_id = ANY (ARRAY(
            SELECT head.message_id FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[])) AS given (type, id)
            CROSS JOIN LATERAL (
                SELECT message_id FROM arnia_inbox WHERE consumer = :consumer AND state = 'waiting'
                AND aggregate_type = given.type AND aggregate_id = given.id AND sequence > 0 ORDER BY sequence LIMIT 1
            ) AS head
        ))
        """
    )
)
HUSH: Final = Statement(
    text(
        """
        UPDATE arnia_inbox SET due_at = NULL
        WHERE consumer = :consumer AND state = 'waiting' AND aggregate_type = :type AND aggregate_id = :id
        AND sequence > (
            SELECT min(sequence) FROM arnia_inbox WHERE consumer = :consumer AND state = 'waiting'
            AND aggregate_type = :type AND aggregate_id = :id AND sequence > 0
        )
        """
    )
)
PARK: Final = Statement(
    text(
        """
        UPDATE arnia_inbox SET state = 'parked', cause = 'an earlier event is parked', due_at = NULL
        WHERE consumer = :consumer AND state = 'waiting' AND aggregate_type = :type AND aggregate_id = :id
        AND sequence > 0
        """
    )
)
DUE: Final = Statement(
    text(
        """
        SELECT aggregate_type, aggregate_id, CASE WHEN sequence = 0 THEN message_id END AS single
        FROM arnia_inbox
        WHERE consumer = :consumer AND state = 'waiting' AND due_at <= clock_timestamp()
        GROUP BY aggregate_type, aggregate_id, single ORDER BY min(due_at) LIMIT :most
        """
    )
)
STOW: Final = Statement(
    text(
        """
        INSERT INTO arnia_undecodable (consumer, digest, channel, headers, body, fault)
        VALUES (:consumer, :digest, :channel, CAST(:headers AS jsonb), :body, :fault)
        ON CONFLICT (consumer, digest) DO NOTHING
        """
    )
)
STATE: Final = Statement(
    text(
        """
        SELECT
            (SELECT count(*) FROM arnia_inbox WHERE consumer = :consumer AND state = 'waiting') AS waiting,
            (SELECT count(*) FROM arnia_heard WHERE consumer = :consumer AND parked) AS parked,
            (SELECT count(*) FROM arnia_undecodable WHERE consumer = :consumer) AS undecodable
        """
    )
)
PRUNE: Final = Statement(
    text(
        "DELETE FROM arnia_inbox WHERE ctid = ANY (ARRAY(SELECT ctid FROM arnia_inbox "
        "WHERE done_at < now() - CAST(:age AS interval) LIMIT :most FOR UPDATE SKIP LOCKED))"
    )
)


class SqlInbox:
    """The inbox of one consumer."""

    def __init__(self, database: Database, consumer: str) -> None:
        """Remember in `database` what `consumer` is handed."""
        self._database = database
        self._consumer = consumer

    @asynccontextmanager
    async def turn(self) -> AsyncIterator["_Turn"]:
        """Begin a transaction; committed when its block ends well, undone otherwise."""
        async with self._database.session(read_only=False) as session:
            yield _Turn(session, self._consumer)

    async def due(self, most: int) -> Sequence[Due]:
        """Return aggregates of which something is to be looked at now, and single messages that have no sequence."""
        async with self._database.session(read_only=True) as session:
            rows = await session.fetch_all(DUE, consumer=self._consumer, most=most)
        return [((row["aggregate_type"], row["aggregate_id"]), row["single"]) for row in rows]

    async def stow(self, received: Sequence[Received]) -> None:
        """Keep what is no event, whole; once each, however often it comes."""
        async with self._database.session(read_only=False) as session:
            for each in sorted(received, key=digest):
                await session.execute(
                    STOW,
                    consumer=self._consumer,
                    digest=digest(each),
                    channel=each.channel,
                    headers=_storable(each.headers),
                    body=each.body,
                    fault=each.fault,
                )

    async def state(self) -> Row | None:
        """Return how many messages wait, how many aggregates are parked, and how much is no event."""
        async with self._database.session(read_only=True) as session:
            return await session.fetch_one(STATE, consumer=self._consumer)


class _Turn:
    def __init__(self, session: Session, consumer: str) -> None:
        self.session = session
        self._consumer = consumer

    async def remember(self, messages: Sequence[Message]) -> frozenset[UUID]:
        rows = await self.session.fetch_all(
            REMEMBER,
            consumer=self._consumer,
            ids=[message.id for message in messages],
            aggregate_types=[message.aggregate_type for message in messages],
            aggregate_ids=[message.aggregate_id for message in messages],
            sequences=[message.sequence for message in messages],
            types=[message.type for message in messages],
            versions=[message.version for message in messages],
        )
        return frozenset(row["message_id"] for row in rows)

    async def progress(self, aggregates: Iterable[Aggregate]) -> dict[Aggregate, Progress]:
        types, ids = _split(aggregates)
        if not types:
            return {}
        rows = await self.session.fetch_all(PROGRESS, consumer=self._consumer, types=types, ids=ids)
        return {(row["aggregate_type"], row["aggregate_id"]): _progress(row) for row in rows}

    async def claim(self, aggregates: Iterable[Aggregate]) -> dict[Aggregate, Progress]:
        types, ids = _split(aggregates)
        if not types:
            return {}
        rows = await self.session.fetch_all(CLAIM, consumer=self._consumer, types=types, ids=ids)
        return {(row["aggregate_type"], row["aggregate_id"]): _progress(row) for row in rows}

    async def first(self, aggregates: Iterable[Aggregate], most: int = 1) -> dict[Aggregate, list[Kept]]:
        types, ids = _split(aggregates)
        if not types:
            return {}
        found: defaultdict[Aggregate, list[Kept]] = defaultdict(list)
        for row in await self.session.fetch_all(FIRST, consumer=self._consumer, types=types, ids=ids, most=most):
            found[row["aggregate_type"], row["aggregate_id"]].append(_kept(row))
        return found

    async def find(self, ids: Iterable[UUID]) -> dict[UUID, Kept]:
        wanted = list(ids)
        rows = await self.session.fetch_all(FIND, consumer=self._consumer, ids=wanted) if wanted else []
        return {row["message_id"]: _kept(row) for row in rows}

    async def keep(self, entries: Sequence[Entry]) -> None:
        whole = [entry.message if entry.state in KEPT else None for entry in entries]
        await self.session.execute(
            KEEP,
            consumer=self._consumer,
            ids=[entry.message.id for entry in entries],
            states=[entry.state.value for entry in entries],
            causes=[entry.cause for entry in entries],
            attempts=[entry.attempts for entry in entries],
            dues=[_due(entry) for entry in entries],
            bodies=[None if message is None else message.payload for message in whole],
            headers=[None if message is None else message.headers for message in whole],
            sources=[None if message is None else message.source for message in whole],
            times=[None if message is None else message.time for message in whole],
        )

    async def advance(self, changed: Mapping[Aggregate, Progress]) -> None:
        types, ids = _split(changed)
        told = [changed[key] for key in sorted(changed)]
        if told:
            await self.session.execute(
                ADVANCE,
                consumer=self._consumer,
                types=types,
                ids=ids,
                lasts=[progress.last for progress in told],
                baselines=[progress.baseline for progress in told],
                waitings=[progress.waiting for progress in told],
                parkeds=[progress.parked for progress in told],
            )

    async def wake(self, aggregates: Sequence[Aggregate]) -> None:
        types, ids = _split(aggregates)
        await self.session.execute(WAKE, consumer=self._consumer, types=types, ids=ids)

    async def hush(self, aggregate: Aggregate) -> None:
        await self.session.execute(HUSH, consumer=self._consumer, type=aggregate[0], id=aggregate[1])

    async def park(self, aggregate: Aggregate) -> None:
        await self.session.execute(PARK, consumer=self._consumer, type=aggregate[0], id=aggregate[1])


def _storable(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as a document can hold them: nothing that is no character, and no NUL."""
    return {_shown(name): _shown(value) for name, value in headers.items()}


def _shown(text: str) -> str:
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _split(aggregates: Iterable[Aggregate]) -> tuple[list[str], list[UUID]]:
    ordered = sorted(aggregates)
    return [kind for kind, _ in ordered], [identity for _, identity in ordered]


def _due(entry: Entry) -> timedelta | None:
    return None if entry.due is None or entry.state is not State.WAITING else timedelta(seconds=entry.due)


def _progress(row: Row) -> Progress:
    return Progress(last=row["last"], baseline=row["baseline"], waiting=row["waiting"], parked=row["parked"])


def _kept(row: Row) -> Kept:
    message = Message(
        id=row["message_id"],
        type=row["type"],
        version=row["version"],
        aggregate_type=row["aggregate_type"],
        aggregate_id=row["aggregate_id"],
        sequence=row["sequence"],
        source=row["source"],
        time=row["time"],
        payload=row["body"],
        headers=row["headers"],
    )
    return Kept(
        message=message,
        attempts=row["attempts"],
        age=row["age"],
        due=row["due"],
        together=row["together"],
        unfinished=row["unfinished"],
    )

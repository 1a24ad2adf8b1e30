"""The outbox in PostgreSQL, as a relay sees it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text

from arnia.chassis.connections import Row
from arnia.chassis.database import Database
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement

__all__ = ["SqlOutbox"]

LOOK: Final = 4
"""How many times as many rows are looked at as are sent: others may have claimed what is oldest."""

INDEXED: Final = Statement(
    text("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)")
)
"""Walk the indexes in their order, whatever the statistics say: they know an outbox in which nothing waits, and what
was planned for that looks at all that waits, once for each aggregate, when much does."""
CLAIM: Final = Statement(
    text(
        """
        WITH oldest AS MATERIALIZED (
            SELECT aggregate_type, aggregate_id, count(*) AS said FROM (
                SELECT aggregate_type, aggregate_id, row_number() OVER () AS place FROM (
                    SELECT aggregate_type, aggregate_id FROM arnia_outbox
                    WHERE sent_at IS NULL AND refused_at IS NULL AND (aggregate_type, aggregate_id) NOT IN (
                        SELECT aggregate_type, aggregate_id FROM arnia_outbox
                        WHERE refused_at IS NOT NULL AND sent_at IS NULL
                    )
                    ORDER BY id LIMIT :look
                ) AS oldest
            ) AS waiting
            GROUP BY aggregate_type, aggregate_id ORDER BY min(place)
        )
        SELECT aggregate_type, aggregate_id, said FROM oldest
        WHERE pg_try_advisory_xact_lock(
            hashtextextended('relay' || chr(31) || aggregate_type || chr(31) || aggregate_id, 0)
        )
        LIMIT (SELECT ceil(:most * count(*) / sum(least(said, :cap))) FROM oldest)
        """
    )
)
"""As many as make a batch: whoever claimed all of them would leave nothing to the next one. One of which very much is
said counts for a part of it only, so that it does not keep the others waiting for ever."""
READ: Final = Statement(
    text(
        """
        SELECT unsent.id, aggregate_type, aggregate_id, unsent.sequence, unsent.type, unsent.version,
            unsent.payload, unsent.headers, unsent.created_at
        FROM unnest(CAST(:types AS text[]), CAST(:ids AS uuid[]), CAST(:shares AS bigint[]))
            AS mine (aggregate_type, aggregate_id, share)
        CROSS JOIN LATERAL (
            SELECT id, sequence, type, version, payload::text AS payload, headers, created_at FROM arnia_outbox
            WHERE sent_at IS NULL AND refused_at IS NULL
            AND aggregate_type = mine.aggregate_type AND aggregate_id = mine.aggregate_id
            ORDER BY sequence LIMIT mine.share
        ) AS unsent
        ORDER BY aggregate_type, aggregate_id, sequence
        """
    )
)
MARK: Final = Statement(
    text("UPDATE arnia_outbox SET sent_at = clock_timestamp() WHERE id = ANY (CAST(:ids AS uuid[]))")
)
REFUSE: Final = Statement(
    text(
        "UPDATE arnia_outbox SET refused_at = clock_timestamp(), cause = :reason WHERE id = ANY (CAST(:ids AS uuid[]))"
    )
)
PRUNE: Final = Statement(
    text(
        "DELETE FROM arnia_outbox WHERE id = ANY (ARRAY(SELECT id FROM arnia_outbox "
        "WHERE sent_at < now() - CAST(:age AS interval) LIMIT :most FOR UPDATE SKIP LOCKED))"
    )
)
STATE: Final = Statement(
    text(
        """
        SELECT count(*) FILTER (WHERE refused_at IS NULL) AS unsent,
            count(*) FILTER (WHERE refused_at IS NOT NULL) AS refused,
            coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest
        FROM arnia_outbox WHERE sent_at IS NULL
        """
    )
)


class SqlOutbox:
    """The outbox of one service."""

    def __init__(self, database: Database, service: str) -> None:
        """Send what the database of `service` holds, in its name."""
        self._database = database
        self._service = service

    @asynccontextmanager
    async def claim(self, most: int) -> AsyncIterator["_Claim"]:
        """Return a claim on up to `most` messages; committed when its block ends well, undone otherwise."""
        async with self._database.session(read_only=False) as session:
            await session.fetch_one(INDEXED)
            claimed = await session.fetch_all(CLAIM, look=most * LOOK, most=most, cap=max(1, most // LOOK))
            messages: list[Message] = []
            if claimed:
                types, ids = [row["aggregate_type"] for row in claimed], [row["aggregate_id"] for row in claimed]
                # A statement of its own: the snapshot of the first one is older than the locks that it took.
                shares = _shares([row["said"] for row in claimed], most)
                rows = await session.fetch_all(READ, types=types, ids=ids, shares=shares)
                messages = [_message(row, self._service) for row in rows]
            yield _Claim(session, messages)

    async def state(self) -> Row | None:
        """Return how many events are unsent, how many no broker takes, and the age of the oldest in seconds."""
        async with self._database.session(read_only=True) as session:
            return await session.fetch_one(STATE)


class _Claim:
    def __init__(self, session: Session, messages: Sequence[Message]) -> None:
        self.messages = messages
        self._session = session

    async def mark(self, messages: Sequence[Message]) -> None:
        """Remember that these were sent."""
        await self._session.execute(MARK, ids=[message.id for message in messages])

    async def refuse(self, messages: Sequence[Message], reason: str) -> None:
        """Remember that these can never be sent."""
        await self._session.execute(REFUSE, ids=[message.id for message in messages], reason=reason)


def _shares(said: Sequence[int], most: int) -> list[int]:
    """Return how many of each are sent: all of those of which little is said, and the same number of the others."""
    left, level, more = most, most, 0
    for place, count in enumerate(sorted(said)):
        level, more = divmod(left, len(said) - place)
        if count > level:
            break
        left -= count
    shares = []
    for count in said:
        one_more = count > level and more > 0
        more -= one_more
        shares.append(min(count, level) + one_more)
    return shares


def _message(row: Row, service: str) -> Message:
    return Message(
        id=row["id"],
        type=row["type"],
        version=row["version"],
        aggregate_type=row["aggregate_type"],
        aggregate_id=row["aggregate_id"],
        sequence=row["sequence"],
        source=service,
        time=row["created_at"],
        payload=row["payload"].encode(),
        headers=row["headers"],
    )

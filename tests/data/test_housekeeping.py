"""What is over is forgotten after its time; what is not sent, waits or is parked never is."""

import asyncio
from typing import Final

import pytest
from sqlalchemy import text

from arnia.chassis.database import Database
from arnia.chassis.housekeeping import keep_tidy
from arnia.chassis.statements import Statement

EMPTY: Final = Statement(text("TRUNCATE arnia_outbox, arnia_inbox"))
SENT: Final = Statement(
    text(
        """
        INSERT INTO arnia_outbox
            (id, aggregate_type, aggregate_id, sequence, type, version, payload, headers,
            created_at, sent_at, refused_at)
        SELECT gen_random_uuid(), 'parcel', gen_random_uuid(), 1, 'parcel.weighed', 1, '{}'::jsonb, '{}'::jsonb,
            now() - interval '90 days',
            CASE kind WHEN 'old' THEN now() - interval '2 days' WHEN 'young' THEN now() END,
            CASE kind WHEN 'refused' THEN now() - interval '90 days' END
        FROM (VALUES ('young'), ('unsent'), ('refused')) AS one (kind)
        UNION ALL SELECT gen_random_uuid(), 'parcel', gen_random_uuid(), 1, 'parcel.weighed', 1, '{}'::jsonb,
            '{}'::jsonb, now() - interval '90 days', now() - interval '2 days', NULL FROM generate_series(1, 2500)
        """
    )
)
HEARD: Final = Statement(
    text(
        """
        INSERT INTO arnia_inbox
            (consumer, message_id, aggregate_type, aggregate_id, sequence, type, version, state, received_at, done_at)
        SELECT 'kitchen', gen_random_uuid(), 'parcel', gen_random_uuid(), 1, 'parcel.weighed', 1, state,
            now() - interval '90 days', done
        FROM (VALUES ('done', now()), ('waiting', NULL), ('parked', NULL)) AS one (state, done)
        UNION ALL SELECT 'kitchen', gen_random_uuid(), 'parcel', gen_random_uuid(), 1, 'parcel.weighed', 1, 'done',
            now() - interval '90 days', now() - interval '2 days' FROM generate_series(1, 2500)
        """
    )
)
LEFT: Final = Statement(
    text("SELECT (SELECT count(*) FROM arnia_outbox) AS outbox, (SELECT count(*) FROM arnia_inbox) AS inbox")
)


@pytest.mark.anyio
async def test_only_what_is_over_is_forgotten(database: Database) -> None:
    """Events that were sent or heard longer ago than they are kept go, by the thousand; no other does, however old."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
        await session.execute(SENT)
        await session.execute(HEARD)
    tidying = asyncio.create_task(keep_tidy(database, keep_days=1.0))
    async with asyncio.timeout(60):
        while (left := await _left(database)) != (3, 3):
            assert min(left) >= 3
            await asyncio.sleep(0.02)
    tidying.cancel()
    await asyncio.gather(tidying, return_exceptions=True)
    assert await _left(database) == (3, 3)


async def _left(database: Database) -> tuple[int, int]:
    async with database.session(read_only=True) as session:
        row = await session.fetch_one(LEFT)
    assert row is not None
    return row["outbox"], row["inbox"]

"""What became of events, for an operator: what waits, what is parked, refused or no event, and one of them whole."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy import text

from arnia.chassis.connections import Row
from arnia.chassis.session import Session
from arnia.chassis.statements import Statement

__all__ = ["DIGEST", "STATES", "STUCK", "Document", "Inquiry", "find_events", "identity", "show_event"]

Document: TypeAlias = dict[str, JsonValue]

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
"""What names a message that is no event."""
STUCK: Final = ("refused", "parked", "undecodable")
STATES: Final = ("unsent", "waiting", *STUCK)
"""What an event can be that is not over: in the outbox, in the inbox, or no event at all."""

LISTED: Final = Statement(
    text(
        """
        SELECT * FROM (
            SELECT id::text AS id, CASE WHEN refused_at IS NULL THEN 'unsent' ELSE 'refused' END AS state, type,
                version, aggregate_type, aggregate_id, sequence, 0 AS attempts, coalesce(cause, '') AS cause,
                created_at AS at
            FROM arnia_outbox WHERE sent_at IS NULL
            UNION ALL
            SELECT message_id::text, state, type, version, aggregate_type, aggregate_id, sequence, attempts, cause,
                received_at
            FROM arnia_inbox WHERE consumer = :consumer AND state IN ('waiting', 'parked')
            UNION ALL
            SELECT encode(digest, 'hex'), 'undecodable', '', 0, channel, NULL, 0, 0, fault, received_at
            FROM arnia_undecodable WHERE consumer = :consumer
        ) AS listed
        WHERE state = ANY (CAST(:states AS text[]))
        AND (CAST(:aggregate AS uuid) IS NULL OR aggregate_id = CAST(:aggregate AS uuid))
        AND (CAST(:type AS text) = '' OR type = CAST(:type AS text))
        AND (CAST(:since AS timestamptz) IS NULL OR at >= CAST(:since AS timestamptz))
        ORDER BY at, aggregate_type, aggregate_id, sequence LIMIT :limit
        """
    )
)
SENT: Final = Statement(
    text(
        """
        SELECT id::text AS id,
            CASE WHEN sent_at IS NOT NULL THEN 'sent' WHEN refused_at IS NULL THEN 'unsent' ELSE 'refused' END AS state,
            type, version, aggregate_type, aggregate_id, sequence, 0 AS attempts, coalesce(cause, '') AS cause,
            created_at AS at, convert_to(payload::text, 'UTF8') AS body, headers, NULL::text AS source
        FROM arnia_outbox WHERE id = :id
        """
    )
)
HEARD: Final = Statement(
    text(
        """
        SELECT message_id::text AS id, state, type, version, aggregate_type, aggregate_id, sequence, attempts, cause,
            received_at AS at, body, headers, source
        FROM arnia_inbox WHERE consumer = :consumer AND message_id = :id
        """
    )
)
STOWED: Final = Statement(
    text(
        """
        SELECT encode(digest, 'hex') AS id, 'undecodable' AS state, '' AS type, 0 AS version,
            channel AS aggregate_type, NULL::uuid AS aggregate_id, 0 AS sequence, 0 AS attempts, fault AS cause,
            received_at AS at, body, headers, NULL::text AS source
        FROM arnia_undecodable WHERE consumer = :consumer AND encode(digest, 'hex') = :id
        """
    )
)
REDRIVEN: Final = Statement(
    text(
        """
        SELECT action, by, reason, cause, at FROM arnia_redrives
        WHERE consumer = :consumer AND message_id = :id ORDER BY at
        """
    )
)


class Inquiry(BaseModel):
    """What an operator asks of one service.

    Attributes:
        action: What to do.
        id: Of one event, or of a message that is none.
        aggregate: The id of one aggregate.
        type: The topic of events.
        states: In which of `STATES` they are; none means all.
        since: Not earlier.
        limit: How many at the most.
        skip: Whether what is first is given up instead of tried again.
        every: Whether a redrive is about all that is parked or refused.
        rate: Aggregates a second that are redriven at the most.
        reason: Why they are redriven.
        by: Who does it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["list", "show", "redrive"]
    id: str = ""
    aggregate: UUID | None = None
    type: str = ""
    states: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int = Field(default=100, ge=1, le=100_000)
    skip: bool = False
    every: bool = False
    rate: float = Field(default=50.0, gt=0)
    reason: str = ""
    by: str = ""


async def find_events(session: Session, consumer: str, inquiry: Inquiry) -> list[Document]:
    """Return what is not over and is asked for, the oldest first."""
    rows = await session.fetch_all(
        LISTED,
        consumer=consumer,
        states=list(inquiry.states or STATES),
        aggregate=inquiry.aggregate,
        type=inquiry.type,
        since=inquiry.since,
        limit=inquiry.limit,
    )
    return [_line(row) for row in rows]


async def show_event(session: Session, consumer: str, wanted: str) -> list[Document]:
    """Return all that is known of one event: as it was emitted, as it was heard, and who redrove it."""
    if DIGEST.fullmatch(wanted):
        rows = await session.fetch_all(STOWED, consumer=consumer, id=wanted)
        return [{**_line(row), **_whole(row), "redriven": []} for row in rows]
    named = identity(wanted)
    rows = [
        *await session.fetch_all(SENT, id=named),
        *await session.fetch_all(HEARD, consumer=consumer, id=named),
    ]
    redriven = await session.fetch_all(REDRIVEN, consumer=consumer, id=named)
    return [{**_line(row), **_whole(row), "redriven": _redrives(redriven)} for row in rows]


def identity(given: str) -> UUID | None:
    """Return the id of an event; None where it is none."""
    try:
        return UUID(given)
    except ValueError:
        return None


def _line(row: Row) -> Document:
    return {
        "id": row["id"],
        "state": row["state"],
        "type": row["type"],
        "version": row["version"],
        "aggregate_type": row["aggregate_type"],
        "aggregate_id": str(row["aggregate_id"] or ""),
        "sequence": row["sequence"],
        "attempts": row["attempts"],
        "cause": row["cause"],
        "at": row["at"].isoformat(),
    }


def _whole(row: Row) -> Document:
    body: bytes | None = row["body"]
    payload: JsonValue = None
    if body is not None:
        try:
            payload = orjson.loads(body)
        except orjson.JSONDecodeError:
            payload = body.decode(errors="backslashreplace")
    headers = {str(name): str(value) for name, value in (row["headers"] or {}).items()}
    return {"source": row["source"] or "", "headers": dict(headers), "payload": payload}


def _redrives(rows: Sequence[Row]) -> list[JsonValue]:
    return [{**{name: row[name] for name in ("action", "by", "reason", "cause")}, "at": str(row["at"])} for row in rows]

"""How events reach the outbox table: numbered without a gap per aggregate, in the transaction of the change.

The row of `arnia_sequences` is locked until the transaction ends, so that sequence order is commit order, and a
rollback gives the numbers back.
"""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import orjson

from arnia.chassis.events import Event
from arnia.chassis.statements import Statement
from arnia.chassis.traces import Trace
from arnia.chassis.uuids import uuid7
from arnia.conventions import TRACE_HEADER, TRACE_STATE_HEADER

__all__ = ["DEADLINE_HEADER", "SEQUENCE_AND_STORE", "batch", "event_headers", "single", "with_event"]

DEADLINE_HEADER: Final = "deadline"
"""Header of an event: when the caller of the request stopped waiting, in seconds since 1970."""

SEQUENCE_AND_STORE: Final = """
WITH given AS (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset($1::jsonb)
        AS (id uuid, aggregate_type text, aggregate_id uuid, type text, version integer, payload jsonb, headers jsonb)
    ) WITH ORDINALITY AS event (id, aggregate_type, aggregate_id, type, version, payload, headers, place)
), counted AS (
    SELECT aggregate_type, aggregate_id, count(*) AS events FROM given GROUP BY aggregate_type, aggregate_id
), numbered AS (
    INSERT INTO arnia_sequences AS existing (aggregate_type, aggregate_id, last)
    SELECT aggregate_type, aggregate_id, events FROM counted ORDER BY aggregate_type, aggregate_id
    ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET last = existing.last + excluded.last
    RETURNING aggregate_type, aggregate_id, last
)
INSERT INTO arnia_outbox (id, aggregate_type, aggregate_id, sequence, type, version, payload, headers)
SELECT id, aggregate_type, aggregate_id,
    last - events + row_number() OVER (PARTITION BY aggregate_type, aggregate_id ORDER BY place),
    type, version, payload, headers
FROM given JOIN counted USING (aggregate_type, aggregate_id) JOIN numbered USING (aggregate_type, aggregate_id)
ORDER BY place
"""
"""The ORDER BY of the numbers keeps two transactions that touch the same aggregates from locking crosswise. All events
are one document: for arrays, asyncpg would first ask the server about their types, on each new connection."""

CHANGE_AND_EVENT: Final = """
WITH change AS (
{change}
), numbered AS (
    INSERT INTO arnia_sequences AS existing (aggregate_type, aggregate_id, last)
    SELECT ${aggregate_type}::text, ${aggregate_id}::uuid, 1 WHERE EXISTS (SELECT FROM change)
    ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET last = existing.last + 1
    RETURNING last
), stored AS (
    INSERT INTO arnia_outbox (id, aggregate_type, aggregate_id, sequence, type, version, payload, headers)
    SELECT ${id}::uuid, ${aggregate_type}::text, ${aggregate_id}::uuid, last, ${type}::text, ${version}::integer,
        ${payload}::jsonb, ${headers}::jsonb
    FROM numbered
)
SELECT * FROM change
"""
SINGLE_FIELDS: Final = ("id", "aggregate_type", "aggregate_id", "type", "version", "payload", "headers")


def batch(events: Sequence[tuple[Event, bytes, Mapping[str, str]]]) -> list[object]:
    """Return the arguments of `SEQUENCE_AND_STORE`: events, each with its payload and its headers."""
    rows = [
        {
            "id": uuid7(),
            "aggregate_type": event.aggregate_type,
            "aggregate_id": event.aggregate_id,
            "type": event.topic,
            "version": event.version,
            "payload": orjson.Fragment(payload),
            "headers": headers,
        }
        for event, payload, headers in events
    ]
    return [orjson.dumps(rows, default=str)]


def single(event: Event, headers: Mapping[str, str]) -> list[object]:
    """Return the arguments that `with_event` appends to those of the change."""
    return [
        uuid7(),
        event.aggregate_type,
        event.aggregate_id,
        event.topic,
        event.version,
        event.payload(),
        headers,
    ]


@lru_cache(maxsize=1024)
def with_event(change: Statement) -> str:
    """Return one text that runs `change` and, when it returned a row, numbers and stores one event."""
    first = len(change.names) + 1
    places = {field: first + offset for offset, field in enumerate(SINGLE_FIELDS)}
    return CHANGE_AND_EVENT.format(change=change.sql, **places)


def event_headers(trace: Trace | None, deadline: float | None) -> dict[str, str]:
    """Return the headers of events that are born in a request with this `trace` and this monotonic `deadline`."""
    headers = {}
    if trace is not None:
        headers[TRACE_HEADER] = trace.traceparent
        if state := trace.tracestate:
            headers[TRACE_STATE_HEADER] = state
    if deadline is not None:
        headers[DEADLINE_HEADER] = f"{time.time() + deadline - time.monotonic():.3f}"
    return headers

"""What the server really did: how many statements ran, and whether a query walked through a whole table."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg

from arnia.chassis.statements import Statement

__all__ = ["assert_index_used", "counted_statements"]

Plan: TypeAlias = Mapping[str, Any]
CALLS: Final = """
SELECT query, sum(calls)::bigint AS calls FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query NOT LIKE '%pg\\_stat\\_statements%'
GROUP BY query
"""


@asynccontextmanager
async def counted_statements(url: str) -> AsyncIterator[Counter[str]]:
    """Count the statements that run in the database at `url` meanwhile, by their text; ready when the block ends.

    The server counts, so BEGIN and COMMIT are in it, and so is what other processes do there.
    """
    counted: Counter[str] = Counter()
    connection = await asyncpg.connect(url)
    try:
        before = await _calls(connection)
        yield counted
        counted.update(await _calls(connection) - before)
    finally:
        await connection.close()


async def assert_index_used(
    url: str, statement: Statement, /, *, small: frozenset[str] = frozenset(), **parameters: object
) -> None:
    """Fail when `statement` would read a whole table, except those named in `small`.

    Fill the table first: of a few rows PostgreSQL rightly reads all.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("ANALYZE")
        text = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.sql}", *statement.arguments(parameters))
    finally:
        await connection.close()
    plan = json.loads(text)[0]["Plan"]
    scanned = {str(node["Relation Name"]) for node in _nodes(plan) if node["Node Type"] == "Seq Scan"} - small
    if scanned:
        message = f"reads the whole of {', '.join(sorted(scanned))}, where an index should help: {statement.sql}"
        raise AssertionError(message)


async def _calls(connection: "asyncpg.Connection[asyncpg.Record]") -> Counter[str]:
    return Counter({row["query"]: row["calls"] for row in await connection.fetch(CALLS)})


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)

"""What the server really did: how many statements ran, and whether a query walked through a whole table."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import combinations
from typing import Any, Final, TypeAlias

import asyncpg

from arnia.chassis.statements import Statement

__all__ = ["Planner", "assert_index_used", "choices", "counted_statements", "planning"]

Plan: TypeAlias = Mapping[str, Any]
CALLS: Final = """
SELECT query, sum(calls)::bigint AS calls FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query NOT LIKE '%pg\\_stat\\_statements%'
GROUP BY query
"""
ENLARGE: Final = """
SELECT pg_restore_relation_stats('schemaname', namespace.nspname::text, 'relname', part.relname::text,
    'relpages', part.relpages, 'reltuples', 1000000::real)
FROM pg_class AS owner
JOIN pg_namespace AS namespace ON namespace.oid = owner.relnamespace AND namespace.nspname !~ '^(pg_|information_)'
LEFT JOIN pg_index AS index ON index.indrelid = owner.oid
JOIN pg_class AS part ON part.oid IN (owner.oid, index.indexrelid)
WHERE owner.relkind = 'r' AND owner.reltuples BETWEEN 1000 AND 999999
"""
WHOLE: Final = """
SELECT sum(relpages * current_setting('seq_page_cost')::float8 + reltuples * current_setting('cpu_tuple_cost')::float8)
FROM pg_class WHERE relkind = 'r' AND relname = ANY ($1::text[])
"""
MOST: Final = 0.5
"""The share of what it costs to read all rows that a statement may cost, if an index serves it."""


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


class Planner:
    """PostgreSQL's planner, which has been told of large tables."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", small: frozenset[str]) -> None:
        self._connection = connection
        self._small = small

    async def assert_index_used(self, statement: Statement, /, **parameters: object) -> None:
        """Fail when `statement` would read a whole table, or so much of its index that it might as well."""
        explain = f"EXPLAIN (FORMAT JSON) {statement.sql}"
        plan = json.loads(await self._connection.fetchval(explain, *statement.arguments(parameters)))[0]["Plan"]
        nodes = list(_nodes(plan))
        scanned = {str(node["Relation Name"]) for node in nodes if node["Node Type"] == "Seq Scan"} - self._small
        if scanned:
            message = f"reads the whole of {', '.join(sorted(scanned))}, where an index should help: {statement.sql}"
            raise AssertionError(message)
        walked = sorted({str(node["Relation Name"]) for node in nodes if "Relation Name" in node} - self._small)
        whole = await self._connection.fetchval(WHOLE, walked)
        if whole is not None and float(plan["Total Cost"]) > whole * MOST:
            message = f"walks through most of {', '.join(walked)}, where an index should help: {statement.sql}"
            raise AssertionError(message)


@asynccontextmanager
async def planning(url: str, *, small: frozenset[str] = frozenset()) -> AsyncIterator[Planner]:
    """Give a planner that takes every table with at least a thousand rows for one with a million.

    Fill the tables first, with values as they would be: of a few rows PostgreSQL rightly reads all. That of `small`
    is never held against a statement. The connection is closed in the
    middle of its transaction, so nobody else is told.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("ANALYZE")
        await connection.execute(ENLARGE)
        yield Planner(connection, small)
    finally:
        await connection.close()


async def assert_index_used(
    url: str, statement: Statement, /, *, small: frozenset[str] = frozenset(), **parameters: object
) -> None:
    """Do what `Planner.assert_index_used` does, for one statement."""
    async with planning(url, small=small) as planner:
        await planner.assert_index_used(statement, **parameters)


def choices(wanted: Mapping[str, object], most: int = 2) -> Iterator[dict[str, object]]:
    """Yield every choice of at most `most` of the filters that are `wanted`, from none on."""
    for count in range(most + 1):
        yield from map(dict, combinations(wanted.items(), count))


async def _calls(connection: "asyncpg.Connection[asyncpg.Record]") -> Counter[str]:
    return Counter({row["query"]: row["calls"] for row in await connection.fetch(CALLS)})


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)

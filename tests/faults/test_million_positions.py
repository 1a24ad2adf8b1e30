"""A million positions, really there: every question is answered from an index."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from services.telemetry.tests.positions import recent

from arnia.chassis.statements import Statement
from arnia.testing.plugin import ServiceSchema
from telemetry.models.positions import GAP
from telemetry.models.tables import Base
from telemetry.repositories.archive import chunk
from telemetry.repositories.sql import cells, distances, last_positions

BEGIN = recent() - timedelta(hours=30)
FILL = """
INSERT INTO positions (drone_id, at, latitude, longitude)
SELECT md5((n % 200)::text)::uuid, $1::timestamptz + n * interval '0.1 second',
    44 + 2 * abs(sin(n * 0.0001)), 8 + 2 * abs(cos(n * 0.00017))
FROM generate_series(1, 1000000) AS n
"""
LAST = """
INSERT INTO last_positions (drone_id, at, latitude, longitude)
SELECT DISTINCT ON (drone_id) drone_id, at, latitude, longitude FROM positions ORDER BY drone_id, at DESC
"""
PERIOD = {"since": BEGIN, "until": BEGIN + timedelta(hours=28)}
AREA = {"south": 44.5, "north": 44.7, "west": 8.5, "east": 8.7}
QUESTIONS: Mapping[str, tuple[Statement, dict[str, object]]] = {
    "last positions": (last_positions(one=False, resumed=False), {"limit": 100}),
    "distances": (distances(one=False, resumed=False), {**PERIOD, "gap": GAP, "limit": 100}),
    "heat cells": (cells(resumed=False), {**PERIOD, **AREA, "limit": 100}),
    "a chunk": (chunk(one=False, resumed=False), {**PERIOD, "limit": 2000}),
}
FEW = 0.4
"""The share of the rows that a question may read: a hundred hours of 200 drones that fly for 28 are far less."""


pytestmark = pytest.mark.skipif(os.environ.get("ARNIA_FAULTS") != "long", reason="it takes a minute: make faults")


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Give the test's database the tables of the telemetry service."""
    return ServiceSchema(Base.metadata, Path(__file__).parents[2] / "services/telemetry/migrations")


async def test_a_million_positions_are_not_walked_through(database_url: str) -> None:
    """Over a million rows no question scans a table, and none reads more than a part of them."""
    # A million rows take longer on a machine with much else to do than a role may ask a server for.
    connection = await asyncpg.connect(database_url, server_settings={"statement_timeout": "0"})
    try:
        await _fill(connection)
        await _ask(connection)
    finally:
        await connection.close()


async def _fill(connection: asyncpg.Connection) -> None:
    for day in {BEGIN.date(), (BEGIN + timedelta(hours=28)).date()}:
        await connection.execute("SELECT partitions.make_day($1)", day)
    await connection.execute(FILL, BEGIN)
    await connection.execute(LAST)
    await connection.execute("VACUUM ANALYZE positions, last_positions")


async def _ask(connection: asyncpg.Connection) -> None:
    for name, (statement, given) in QUESTIONS.items():
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.sql}"
        plan = json.loads(await connection.fetchval(explain, *statement.arguments(given)))[0]["Plan"]
        nodes = list(walk(plan))
        assert {node["Node Type"] for node in nodes} & {"Index Scan", "Index Only Scan"}, name
        assert not [node for node in nodes if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 1000], name
        assert sum(node["Actual Rows"] for node in nodes if "Relation Name" in node) < FEW * 1_000_000, name


def walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a node of a plan, and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from walk(below)

"""The table against its migrations, the listing against its indexes, the API against the names of columns."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg

import delivery
from arnia.chassis.migrations import downgrade, drift, upgrade
from arnia.testing.plugin import ServiceSchema
from arnia.testing.queries import assert_index_used
from delivery.main import create
from delivery.models.deliveries import Status
from delivery.models.values import Order
from delivery.repositories.deliveries import Sort
from delivery.repositories.sql import GET, find

FILL = """
INSERT INTO deliveries (id, status, pickup_latitude, pickup_longitude, dropoff_latitude, dropoff_longitude, items,
    pickup_time, deadline, created_at, owner)
SELECT gen_random_uuid(), (ARRAY['pending', 'scheduled', 'in_transit', 'completed', 'cancelled'])[n % 5 + 1],
    0, 0, 1, 1, '[]',
    now() + n * interval '1 minute', now() + n * interval '2 minutes', now() - n * interval '1 minute',
    'owner-' || n % 50
FROM generate_series(1, 5000) AS n
"""
SOME_FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": Status.PENDING},
    {"reach": "owner-7"},
    {"reach": "owner-7", "status": Status.PENDING},
)
RENAMED = ("pickup_latitude", "items", "deadline", "drone_id", "received_by", "cancelled_at")


async def test_migrations_and_models_agree(database_url: str, service_schema: ServiceSchema) -> None:
    """The migrations lead to exactly the tables that the models declare, down to nothing, and up again."""
    metadata, folder = service_schema.metadata, service_schema.migrations
    assert await drift(metadata, database_url) == []
    await downgrade(metadata, database_url, folder)
    assert await drift(metadata, database_url) != []
    await upgrade(metadata, database_url, folder)
    assert await drift(metadata, database_url) == []


async def test_listings_use_an_index(database_url: str, order: Order) -> None:
    """No listing, in whichever order and from wherever on, walks through the whole table."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL)
    last_id = await connection.fetchval("SELECT id FROM deliveries LIMIT 1")
    await connection.close()
    last_key = order.schedule.pickup_time
    for reach in (None, "owner-7"):
        await assert_index_used(database_url, GET, id=last_id, reach=reach)
    for sort in Sort:
        for filters in SOME_FILTERS:
            first = find(frozenset(filters), sort, resumed=False)
            await assert_index_used(database_url, first, **filters, limit=21)
            following = find(frozenset(filters), sort, resumed=True)
            await assert_index_used(database_url, following, **filters, limit=21, last_key=last_key, last_id=last_id)


def test_columns_may_be_renamed(tmp_path: Path) -> None:
    """Renaming columns, where tables and SQL are written, changes no word of the OpenAPI documents."""
    package = tmp_path / "delivery"
    shutil.copytree(Path(delivery.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in RENAMED:
        replace(package / "models/tables.py", rf"\b{name}\b", f"x_{name}")
        replace(package / "repositories/sql.py", f'"{name}"', f'"x_{name}"')
    program = (
        "import json; from delivery.main import create; from delivery.models.tables import DeliveryRow;"
        "print(json.dumps([list(DeliveryRow.__table__.columns.keys()), create().contract()['openapi']]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    answer = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True)
    columns, documents = json.loads(answer.stdout)
    assert {f"x_{name}" for name in RENAMED} <= set(columns)
    assert documents == json.loads(json.dumps(create().contract()["openapi"]))


def replace(path: Path, pattern: str, text: str) -> None:
    """Rewrite what matches `pattern` in a file, which must be something."""
    rewritten, count = re.subn(pattern, text, path.read_text())
    assert count, f"{pattern} is not in {path}"
    path.write_text(rewritten)

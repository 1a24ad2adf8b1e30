"""What positions add up to, and their export, over HTTP."""

import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import httpx
import pytest
from services.telemetry.tests.conftest import Opening
from services.telemetry.tests.positions import recent

from arnia.chassis.database import Database
from telemetry.models.positions import Period
from telemetry.repositories.archive import SqlArchive
from telemetry.schemas.lines import WRITERS
from telemetry.services.exports import chunks

PATH = "/api/v1/telemetry"
FILL = """
INSERT INTO positions (drone_id, at, latitude, longitude, charge_percent)
SELECT md5((n % 20)::text)::uuid, $1::timestamptz + n * interval '0.05 second', 45 + n % 500 * 0.01,
    9 + n % 10 * 0.001, n % 100
FROM generate_series(1, $2::int) AS n
ON CONFLICT DO NOTHING
"""
MANY = 20_000


@pytest.fixture(scope="module")
def period() -> dict[str, str]:
    """Return the time in which everything of this module happens."""
    begin = recent() - timedelta(days=3)
    return {"since": begin.isoformat(), "until": (begin + timedelta(hours=2)).isoformat()}


@pytest.fixture
async def filled(database_url: str) -> None:
    """Let there be many positions."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FILL, recent() - timedelta(days=3), MANY)
    await connection.execute(
        "INSERT INTO last_positions (drone_id, at, latitude, longitude) SELECT DISTINCT ON (drone_id) drone_id, at, "
        "latitude, longitude FROM positions ORDER BY drone_id, at DESC ON CONFLICT DO NOTHING"
    )
    await connection.close()


@pytest.fixture
async def client(opening: Opening, filled: None) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service that has many positions."""
    async with opening(broker_url=None, role="api") as client:
        yield client


async def pages(client: httpx.AsyncClient, path: str, **query: str) -> list[dict[str, object]]:
    """Return the items of all pages."""
    answer = await client.get(f"{PATH}/{path}", params=query)
    items: list[dict[str, object]] = []
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        following = page["_links"].get("next")
        if following is None:
            return items
        answer = await client.get(following["href"])


@pytest.mark.parametrize(("path", "count"), [("last-positions", 20), ("distances", 20), ("heat-cells", 500)])
async def test_pages_show_everything_once(
    client: httpx.AsyncClient, period: dict[str, str], path: str, count: int
) -> None:
    """Following `next` shows each item once, and the pages of any size show the same ones."""
    asked = {} if path == "last-positions" else period
    whole = await pages(client, path, limit="100", **asked)
    assert await pages(client, path, limit="7" if count < 100 else "99", **asked) == whole
    assert len({json.dumps(item, sort_keys=True) for item in whole}) == len(whole) == count


async def test_a_cursor_belongs_to_its_question(client: httpx.AsyncClient, period: dict[str, str]) -> None:
    """A cursor of one time, list or caller is none for another."""
    page = (await client.get(f"{PATH}/distances", params={**period, "limit": "2"})).json()
    href = page["_links"]["next"]["href"]
    assert (await client.get(href)).status_code == 200
    for other in (href.replace("distances", "heat-cells"), href + "&drone_id=" + str(uuid4()), href[:-9] + "A" * 9):
        assert (await client.get(other)).status_code == 422


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        ("distances", {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
        ("distances", {"since": "2026-01-02T00:00:00Z", "until": "2026-06-01T00:00:00Z"}, "until"),
        ("export", {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
        ("heat-cells", {"south": "2", "north": "1"}, "north"),
        ("heat-cells", {"west": "2", "east": "1"}, "east"),
        ("distances", {"until": "0001-01-01T00:00:00Z"}, "until"),
        ("distances", {"since": "9999-12-31T23:00:00Z"}, "since"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, path: str, query: dict[str, str], parameter: str
) -> None:
    """A time that ends before it begins, or too late, and a box inside out are a 422 that names the parameter."""
    answer = await client.get(f"{PATH}/{path}", params=query)
    assert answer.status_code == 422
    assert [each["parameter"] for each in answer.json()["errors"]] == [parameter]


async def test_an_export_has_every_position(client: httpx.AsyncClient, period: dict[str, str]) -> None:
    """As lines of JSON and as CSV an export has each position once, in the order of drones and moments."""
    lines = await client.get(f"{PATH}/export", params=period)
    assert lines.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in lines.text.splitlines()]
    places = [(row["drone_id"], row["at"]) for row in rows]
    assert len(set(places)) == len(places) == MANY
    assert places == sorted(places)
    table = await client.get(f"{PATH}/export", params=period, headers={"Accept": "text/csv, */*;q=0.1"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    read = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["drone_id"], row["at"]) for row in read] == places
    assert [float(row["latitude"]) for row in read] == [row["latitude"] for row in rows]
    assert {row["altitude_m"] for row in read} == {""}


@pytest.mark.parametrize("media", ["application/x-ndjson", "text/csv"])
async def test_an_export_is_never_held(database: Database, filled: None, media: str) -> None:
    """What an export needs of memory does not grow with it: five times as much to send takes no more."""
    first, write = WRITERS[media]
    begin = recent() - timedelta(days=3)
    peaks, size = [], 0
    for count in (MANY // 5, MANY // 5, MANY):
        period = Period(begin, begin + count * timedelta(seconds=0.05))
        tracemalloc.start()
        size = len(first)
        async for chunk in chunks(SqlArchive(database), period, None):
            size += len(write(chunk)) if chunk else 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert size > MANY * 60
    assert peaks[2] < 1.5 * peaks[1]

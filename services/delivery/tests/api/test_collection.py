"""The collection: filters, orders, pages."""

from copy import deepcopy
from typing import Any

import httpx
import pytest

Json = dict[str, Any]


@pytest.fixture
async def identities(client: httpx.AsyncClient, collection: str, body: Json) -> list[str]:
    """Order five deliveries, each to be picked up an hour earlier than the one before; return who they are."""
    found = []
    for hour in (11, 10, 9, 8, 7):
        sent = deepcopy(body)
        sent.get("schedule", sent)["pickup_time"] = f"2026-12-01T{hour:02}:00:00Z"
        found.append((await client.post(collection, json=sent)).json()["id"])
    return found


async def listed(client: httpx.AsyncClient, uri: str) -> list[str]:
    """Return who is on a page and on all that follow it, by following links."""
    found: list[str] = []
    while True:
        page = (await client.get(uri)).json()
        found += [delivery["id"] for delivery in page["items"]]
        if "next" not in page["_links"]:
            return found
        uri = page["_links"]["next"]["href"]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
async def test_orders_and_pages(client: httpx.AsyncClient, collection: str, identities: list[str], limit: int) -> None:
    """Pages of any size give each delivery once, in the order that was asked for."""
    for sort, expected in (
        ("created_at", identities),
        ("-created_at", identities[::-1]),
        ("pickup_time", identities[::-1]),
        ("-pickup_time", identities),
    ):
        assert await listed(client, f"{collection}?sort={sort}&limit={limit}") == expected


async def test_filters(client: httpx.AsyncClient, collection: str, identities: list[str]) -> None:
    """A filter leaves those that pass, and is kept by the links to the next pages."""
    await client.put(f"{collection}/{identities[0]}/cancellation", json={"reason": "rain"})
    window = "pickup_after=2026-12-01T08:00:00Z&pickup_before=2026-12-01T10:00:00Z"
    assert await listed(client, f"{collection}?status=pending&limit=2") == identities[1:]
    assert await listed(client, f"{collection}?status=cancelled") == identities[:1]
    assert await listed(client, f"{collection}?{window}&limit=1") == identities[2:4]
    assert await listed(client, f"{collection}?{window}&status=cancelled") == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("sort=price", "sort"),
        ("status=lost", "status"),
        ("pickup_after=yesterday", "pickup_after"),
        ("pickup_before=2026-12-01T10:00:00", "pickup_before"),
        ("cursor=abc", "cursor"),
    ],
)
async def test_bad_query(client: httpx.AsyncClient, collection: str, query: str, parameter: str) -> None:
    """A value that a parameter cannot have is 422, and names the parameter."""
    answer = await client.get(f"{collection}?{query}")
    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.json()["errors"]] == [parameter]


async def test_unknown_parameter(client: httpx.AsyncClient, collection: str) -> None:
    """A parameter that does not exist is no filter that happens to pass everything."""
    assert (await client.get(f"{collection}?colour=red")).status_code == 400


async def test_cursor_is_bound(client: httpx.AsyncClient, collection: str, identities: list[str]) -> None:
    """A cursor goes on only with the listing that it was made for."""
    page = (await client.get(f"{collection}?limit=2")).json()
    following = page["_links"]["next"]["href"]
    assert (await client.get(f"{following}&sort=-created_at")).status_code == 422
    assert len(identities) == 5

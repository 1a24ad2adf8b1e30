"""Every limit of the API, at both sides, and in its schema."""

from copy import deepcopy
from functools import reduce
from typing import Any

import httpx
import pytest

from delivery.main import create

Json = dict[str, Any]
PLACE = {1: "pickup", 2: "pickup/position"}
PRICE = {1: "items/0/price", 2: "items/0/price/amount"}
DEADLINE = {1: "deadline", 2: "schedule/deadline"}


def changed(body: Json, pointer: str, value: object) -> Json:
    """Return `body` with another value at `pointer`."""
    copy: Any = deepcopy(body)
    *way, last = [int(part) if part.isdigit() else part for part in pointer.split("/")]
    reduce(lambda node, part: node[part], way, copy)[last] = value
    return dict(copy)


async def refused(client: httpx.AsyncClient, collection: str, body: Json, pointer: str) -> str:
    """Send what breaks a rule at `pointer`, and return the rule's name."""
    answer = await client.post(collection, json=body)
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == f"#/{pointer}"
    code: str = fault["code"]
    return code


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [("latitude", (-90, 90), (-90.01, 90.01, "90", True, None)), ("longitude", (-180, 180), (-180.01, 180.01, "0"))],
)
async def test_place(
    client: httpx.AsyncClient,
    version: int,
    collection: str,
    body: Json,
    field: str,
    good: tuple[object],
    bad: tuple[object],
) -> None:
    """Latitude is within 90 degrees, longitude within 180, both numbers."""
    pointer = f"{PLACE[version]}/{field}"
    for value in good:
        assert (await client.post(collection, json=changed(body, pointer, value))).status_code == 201
    for value in bad:
        assert await refused(client, collection, changed(body, pointer, value), pointer)


@pytest.mark.parametrize(
    ("pointer", "good", "bad"),
    [
        ("items/0/name", ("Jam", "x" * 50), ("Ja", "x" * 51, 3)),
        ("items/0/quantity", (0, 10_000), (-1, 10_001, 1.5, "1")),
    ],
)
async def test_item(
    client: httpx.AsyncClient, collection: str, body: Json, pointer: str, good: tuple[object], bad: tuple[object]
) -> None:
    """A name has 3 to 50 characters; a quantity is a whole number from 0 to 10,000."""
    for value in good:
        assert (await client.post(collection, json=changed(body, pointer, value))).status_code == 201
    for value in bad:
        assert await refused(client, collection, changed(body, pointer, value), pointer)


async def test_price(client: httpx.AsyncClient, version: int, collection: str, body: Json) -> None:
    """A price is more than nothing, less than a million, in whole cents: a number in v1, a string in v2."""
    good, bad = {
        1: ((0.01, 1, 999_999.99), (0, -1, 0.001, 1_000_000, "12.30", 12.345)),
        2: (("0.01", "1.00", "999999.99"), ("0.00", "-1.00", "0.001", "1000000.00", 12.3, "12.3", "01.00", "1.00\n")),
    }[version]
    for value in good:
        sent = changed(body, PRICE[version], value)
        assert (await client.post(collection, json=sent)).json()["items"] == sent["items"]
    for value in bad:
        assert await refused(client, collection, changed(body, PRICE[version], value), PRICE[version])


@pytest.mark.parametrize(("deadline", "status"), [("12:00:00.000001Z", 201), ("12:00:00Z", 422), ("11:59:59Z", 422)])
async def test_deadline_after_pickup(
    client: httpx.AsyncClient, version: int, collection: str, body: Json, deadline: str, status: int
) -> None:
    """A deadline that is not after the pickup time is refused in the name of that rule."""
    pointer = DEADLINE[version]
    sent = changed(body, pointer, f"2026-12-01T{deadline}")
    if status == 422:
        assert await refused(client, collection, sent, pointer) == "deadline-after-pickup"
    else:
        assert (await client.post(collection, json=sent)).status_code == status


async def test_item_count(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A delivery has one to a hundred items."""
    (item,) = body["items"]
    for count, status in ((0, 422), (1, 201), (100, 201), (101, 422)):
        assert (await client.post(collection, json={**body, "items": [item] * count})).status_code == status


async def test_missing_field_is_named(client: httpx.AsyncClient, version: int, collection: str, body: Json) -> None:
    """What is missing is named where it should be."""
    del body["items"][0]["name"]
    assert await refused(client, collection, body, "items/0/name") == "missing"


async def test_reason(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A reason has 1 to 200 characters."""
    for length, status in ((1, 201), (200, 201), (0, 422), (201, 422)):
        uri = (await client.post(collection, json=body)).headers["location"]
        answer = await client.put(f"{uri}/cancellation", json={"reason": "x" * length})
        assert answer.status_code == status


def test_limits_are_in_the_schema(version: int) -> None:
    """Whoever reads the OpenAPI document knows every limit before meeting it."""
    schemas = create().contract()["openapi"][f"v{version}"]["components"]["schemas"]
    suffix = "V1" if version == 1 else ""
    item, body = schemas[f"Item{suffix}"]["properties"], schemas[f"DeliveryBody{suffix}"]["properties"]
    place = schemas["LocationV1" if version == 1 else "Position"]["properties"]
    price = item["price"] if version == 1 else schemas["Price"]["properties"]["amount"]
    assert (place["latitude"]["minimum"], place["latitude"]["maximum"]) == (-90, 90)
    assert (place["longitude"]["minimum"], place["longitude"]["maximum"]) == (-180, 180)
    assert (item["name"]["minLength"], item["name"]["maxLength"]) == (3, 50)
    assert (item["quantity"]["minimum"], item["quantity"]["maximum"]) == (0, 10_000)
    assert (body["items"]["minItems"], body["items"]["maxItems"]) == (1, 100)
    assert price.get("exclusiveMinimum") == 0 or price["pattern"].startswith("^(0")
    assert all("description" in part for part in (*item.values(), *place.values()) if "$ref" not in part)

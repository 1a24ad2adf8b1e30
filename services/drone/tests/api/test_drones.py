"""The fleet over HTTP: what only this service decides. The rules of every API are proven by the conformance suite."""

from typing import Any, Protocol
from uuid import uuid4

import httpx
import pytest

from drone.schemas.drones import EXAMPLE

DRONES = "/api/v1/drones"


class Heard(Protocol):
    """Topics of events, in order."""

    topics: list[str]


async def made(client: httpx.AsyncClient, **changes: object) -> str:
    """Take a drone into the fleet and return its path."""
    answer = await client.post(DRONES, json=EXAMPLE | changes)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def links(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Return where a drone leads to now."""
    found: dict[str, Any] = (await client.get(path)).json()["_links"]
    return found


async def test_a_drone_is_shown_in_kilograms(client: httpx.AsyncClient) -> None:
    """The view speaks of kilograms and shows neither grams nor owner nor version."""
    body = (await client.get(await made(client))).json()
    expected = {"id", *EXAMPLE, "free_kg", "status", "carries", "created_at", "updated_at", "_links"}
    assert body.keys() == expected
    assert (body["capacity_kg"], body["free_kg"], body["status"]) == (5.0, 5.0, "available")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"capacity_kg": 0}, "#/capacity_kg"),
        ({"capacity_kg": 1000.001}, "#/capacity_kg"),
        ({"capacity_kg": "5"}, "#/capacity_kg"),
        ({"battery": 101}, "#/battery"),
        ({"battery": -1}, "#/battery"),
        ({"name": "ab"}, "#/name"),
        ({"name": "x" * 51}, "#/name"),
        ({"position": {"latitude": 90.01, "longitude": 0}}, "#/position/latitude"),
        ({"position": {"latitude": 0, "longitude": -180.01}}, "#/position/longitude"),
        ({"status": "flying"}, "#/status"),
        ({"free_kg": 1}, "#/free_kg"),
    ],
)
async def test_a_wrong_drone_is_refused_at_the_place(
    client: httpx.AsyncClient, changes: dict[str, object], pointer: str
) -> None:
    """What is out of bounds, or not the caller's to say, is a 422 that points at it."""
    answer = await client.post(DRONES, json=EXAMPLE | changes)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("changes", [{"capacity_kg": 0.001}, {"capacity_kg": 1000}, {"battery": 0}, {"battery": 100}])
async def test_the_bounds_themselves_are_allowed(client: httpx.AsyncClient, changes: dict[str, object]) -> None:
    """Each limit is inside."""
    body = (await client.get(await made(client, **changes))).json()
    assert {name: body[name] for name in changes} == changes


async def test_put_creates_then_replaces_and_tells(client: httpx.AsyncClient, ear: Heard) -> None:
    """PUT is 201, then 204; alike, it changes and tells nothing, else it tells of one change."""
    path = f"{DRONES}/{uuid4()}"
    answers = [await client.put(path, json=EXAMPLE | {"battery": battery}) for battery in (80, 80, 70)]
    assert [answer.status_code for answer in answers] == [201, 204, 204]
    assert answers[0].headers["etag"] == answers[1].headers["etag"] != answers[2].headers["etag"]
    assert ear.topics == ["drone.registered", "drone.changed"]


async def test_a_position_is_a_value_of_its_own(client: httpx.AsyncClient) -> None:
    """The position is replaced as a whole at its own place, and the drone's tag changes with it."""
    path = await made(client)
    before = (await client.get(path)).headers["etag"]
    there = {"latitude": -33.87, "longitude": 151.21}
    answer = await client.put((await links(client, path))["move"]["href"], json=there)
    assert answer.status_code == 204
    assert (await client.get(f"{path}/position")).json() == there
    assert (await client.get(path)).headers["etag"] == answer.headers["etag"] != before


async def test_links_are_the_legal_actions(client: httpx.AsyncClient) -> None:
    """A client goes through a life by following links; each leads on, and what is not shown is refused."""
    path = await made(client)
    life = [
        ("launch", "flying", {"make-available"}),
        ("make-available", "available", {"launch", "charge", "retire", "remove"}),
        ("charge", "charging", {"make-available", "retire", "remove"}),
        ("retire", "retired", {"remove"}),
    ]
    actions = {"launch", "make-available", "charge", "retire", "remove"}
    for relation, status, legal in life:
        link = (await links(client, path))[relation]
        answer = await client.request(link["method"], link["href"], json={"status": status})
        assert answer.status_code == 204, (relation, answer.text)
        assert (await links(client, path)).keys() & actions == legal
    refused = await client.put(f"{path}/status", json={"status": "flying"})
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "drone-not-launchable")
    assert (await client.put(path, json=EXAMPLE | {"battery": 1})).status_code == 409


async def test_patch_changes_some_of_it(client: httpx.AsyncClient) -> None:
    """A merge patch with the present tag changes what it names and nothing else."""
    path = await made(client)
    before = await client.get(path)
    answer = await client.patch(
        path,
        content=b'{"position": {"latitude": 1.5}, "battery": 60}',
        headers={"content-type": "application/merge-patch+json", "if-match": before.headers["etag"]},
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["position"], body["battery"]) == ({"latitude": 1.5, "longitude": 9.19}, 60)
    assert body["name"] == before.json()["name"]


async def test_the_fleet_is_filtered_and_paged(client: httpx.AsyncClient) -> None:
    """Filters combine, pages follow one another by their links, in the order that was asked for."""
    for number in range(5):
        await made(client, name=f"Bee {number}", capacity_kg=number + 1, battery=20 * number)
    await made(client, name="Other", model="Lifter")
    query: dict[str, str | int] = {
        "model": "Carrier 5",
        "min_free_kg": 2,
        "min_battery": 40,
        "sort": "-name",
        "limit": 2,
    }
    answer = await client.get(DRONES, params=query)
    names = [item["name"] for item in answer.json()["items"]]
    while "next" in answer.json()["_links"]:
        answer = await client.get(answer.json()["_links"]["next"]["href"])
        names += [item["name"] for item in answer.json()["items"]]
    assert names == ["Bee 4", "Bee 3", "Bee 2"]
    assert (await client.get(DRONES, params={"status": "flying"})).json()["items"] == []
    assert (await client.get(DRONES, params={"status": "swimming"})).status_code == 422


async def test_every_order_pages_through_all(client: httpx.AsyncClient) -> None:
    """Each order shows every drone once, also where many are alike."""
    paths = {await made(client, name=f"Bee {number % 2}") for number in range(7)}
    for sort in ("created_at", "-created_at", "name", "-name"):
        answer = await client.get(DRONES, params={"sort": sort, "limit": 3})
        found = [item["_links"]["self"]["href"] for item in answer.json()["items"]]
        while following := answer.json()["_links"].get("next"):
            answer = await client.get(following["href"])
            found += [item["_links"]["self"]["href"] for item in answer.json()["items"]]
        assert len(found) == len(paths)
        assert set(found) == paths


async def test_the_drones_of_several_deliveries_are_one_read(client: httpx.AsyncClient) -> None:
    """Whoever knows deliveries learns which drone carries which of them, and nothing about others."""
    await client.post(DRONES, json=EXAMPLE)
    await client.post(DRONES, json=EXAMPLE | {"name": "Willi"})
    mine, other, nobody = (str(uuid4()) for _ in range(3))
    for delivery in (mine, other):
        await client.post("/api/v1/drone-reservations", json={"delivery_id": delivery, "weight_kg": 3})
    answer = await client.get(DRONES, params={"delivery_id": [mine, nobody]})
    assert [drone["carries"] for drone in answer.json()["items"]] == [[mine]]
    both = (await client.get(DRONES, params={"delivery_id": [mine, other]})).json()["items"]
    assert sorted(drone["carries"] for drone in both) == sorted([[mine], [other]])
    assert [drone["carries"] for drone in (await client.get(DRONES)).json()["items"]] == [[], []]
    assert (await client.get(DRONES, params={"delivery_id": [str(uuid4()) for _ in range(101)]})).status_code == 422

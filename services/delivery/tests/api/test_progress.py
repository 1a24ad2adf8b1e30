"""A delivery on its way, by following links alone."""

from typing import Any

import httpx
import pytest

Json = dict[str, Any]
DRONE = {"drone_id": "0192f0c1-2b3c-7def-8123-456789abcdef"}
STEPS: dict[str, Json | None] = {
    "assign": DRONE,
    "depart": None,
    "confirm": {"received_by": "Ada"},
    "cancel": {"reason": "rain"},
}


@pytest.fixture
def client(client: httpx.AsyncClient, operator: dict[str, str]) -> httpx.AsyncClient:
    """Return a client of an operator, who may take every step."""
    client.headers.update(operator)
    return client


async def follow(client: httpx.AsyncClient, delivery: Json, relation: str) -> httpx.Response:
    """Take the step that a link offers."""
    link = delivery["_links"][relation]
    return await client.request(link["method"], link["href"], json=STEPS[relation])


async def ordered(client: httpx.AsyncClient, collection: str, body: Json) -> Json:
    """Order a delivery through the link of the collection."""
    link = (await client.get(collection)).json()["_links"]["create"]
    answer = await client.request(link["method"], link["href"], json=body)
    delivery: Json = answer.json()
    return delivery


async def again(client: httpx.AsyncClient, delivery: Json) -> Json:
    """Read a delivery through its own link."""
    found: Json = (await client.get(delivery["_links"]["self"]["href"])).json()
    return found


def offered(delivery: Json) -> set[str]:
    """Return the steps that a delivery offers."""
    return STEPS.keys() & set(delivery["_links"])


async def test_way_to_the_end(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """Each step is offered when it is legal, and creates the part of the delivery that it is named after."""
    delivery = await ordered(client, collection, body)
    seen = []
    for relation, part in (("assign", "assignment"), ("depart", "departure"), ("confirm", "confirmation")):
        seen.append((delivery["status"], offered(delivery)))
        assert part not in delivery["_links"]
        answer = await follow(client, delivery, relation)
        assert answer.status_code == 201
        delivery = await again(client, delivery)
        assert answer.headers["location"] == delivery["_links"][part]["href"]
        assert (await client.get(delivery["_links"][part]["href"])).json() == answer.json()
    assert seen == [
        ("pending", {"assign", "cancel"}),
        ("scheduled", {"assign", "depart", "cancel"}),
        ("in_transit", {"confirm"}),
    ]
    assert (delivery["status"], offered(delivery)) == ("completed", set())


async def test_cancellation(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A cancelled delivery tells why, and offers nothing but to be forgotten."""
    delivery = await ordered(client, collection, body)
    await follow(client, delivery, "cancel")
    delivery = await again(client, delivery)
    assert (delivery["status"], offered(delivery)) == ("cancelled", set())
    assert (await client.get(delivery["_links"]["cancellation"]["href"])).json()["reason"] == "rain"
    assert {link["method"] for link in delivery["_links"].values()} == {"GET", "DELETE"}


async def test_repeated_step(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """The same step twice is 201, then 204, in the same state."""
    delivery = await ordered(client, collection, body)
    first = await follow(client, delivery, "assign")
    second = await follow(client, delivery, "assign")
    assert (first.status_code, second.status_code) == (201, 204)
    assert first.headers["etag"] == second.headers["etag"]


@pytest.mark.parametrize("part", ["assignment", "departure", "confirmation", "cancellation"])
async def test_part_before_its_time(client: httpx.AsyncClient, collection: str, body: Json, part: str) -> None:
    """A part that does not exist yet is not found, and says that it is the part that is missing."""
    delivery = await ordered(client, collection, body)
    answer = await client.get(f"{delivery['_links']['self']['href']}/{part}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/delivery-part-not-found")


@pytest.mark.parametrize(
    ("taken", "method", "path", "sent", "slug"),
    [
        ("", "PUT", "/departure", None, "delivery-not-ready-to-depart"),
        ("", "PUT", "/confirmation", STEPS["confirm"], "delivery-not-confirmable"),
        (
            "assign depart",
            "PUT",
            "/assignment",
            {"drone_id": "0192f0c1-0000-7def-8123-456789abcdef"},
            "delivery-not-assignable",
        ),
        ("assign depart", "PUT", "/cancellation", STEPS["cancel"], "delivery-not-cancellable"),
        ("assign depart", "DELETE", "", None, "delivery-not-removable"),
        (
            "cancel",
            "PUT",
            "/schedule",
            {"pickup_time": "2026-12-02T12:00:00Z", "deadline": "2026-12-02T13:00:00Z"},
            "delivery-not-changeable",
        ),
    ],
)
async def test_illegal_step(
    client: httpx.AsyncClient,
    collection: str,
    body: Json,
    taken: str,
    method: str,
    path: str,
    sent: Json | None,
    slug: str,
) -> None:
    """A step that is not legal is a conflict with a name of its own, and changes nothing."""
    delivery = await ordered(client, collection, body)
    for relation in taken.split():
        await follow(client, delivery, relation)
        delivery = await again(client, delivery)
    answer = await client.request(method, delivery["_links"]["self"]["href"] + path, json=sent)
    assert (answer.status_code, answer.json()["type"]) == (409, f"/problems/{slug}")
    assert await again(client, delivery) == delivery


async def test_reschedule(client: httpx.AsyncClient, collection: str, body: Json, ear: Any) -> None:
    """Another schedule replaces the first one, through its link; twice the same is told once."""
    delivery = await ordered(client, collection, body)
    link = delivery["_links"]["reschedule"]
    schedule = {"pickup_time": "2026-12-02T12:00:00Z", "deadline": "2026-12-02T13:00:00Z"}
    for _ in range(2):
        assert (await client.request(link["method"], link["href"], json=schedule)).status_code == 204
    assert (await client.get(delivery["_links"]["schedule"]["href"])).json() == schedule
    assert ear.topics == ["delivery.created", "delivery.rescheduled"]


async def test_preconditions_of_a_part(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A part is created only once on demand, and only onto the version of the delivery that is named."""
    made = await client.post(collection, json=body)
    uri = f"{made.headers['location']}/assignment"
    stale = await client.put(uri, json=DRONE, headers={"If-Match": '"0-0"'})
    first = await client.put(uri, json=DRONE, headers={"If-None-Match": "*", "If-Match": made.headers["etag"]})
    second = await client.put(uri, json=DRONE, headers={"If-None-Match": "*"})
    third = await client.put(uri, json=DRONE, headers={"If-Match": first.headers["etag"]})
    assert [answer.status_code for answer in (stale, first, second, third)] == [412, 201, 412, 204]

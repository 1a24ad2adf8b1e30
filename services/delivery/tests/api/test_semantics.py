"""What the methods of HTTP mean for deliveries, in both versions."""

from copy import deepcopy
from typing import Any
from uuid import UUID

import httpx

from arnia.conventions import JSON_PATCH_MEDIA_TYPE, MERGE_PATCH_MEDIA_TYPE

Json = dict[str, Any]
SOME_ID = UUID(int=7)


async def test_post_makes_a_new_uri_each_time(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """POST twice is two deliveries, each found where Location says."""
    answers = [await client.post(collection, json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    first, second = (answer.headers["location"] for answer in answers)
    assert first != second
    found = await client.get(first)
    assert found.json() == answers[0].json()
    assert found.headers["etag"] == answers[0].headers["etag"]
    assert {name: found.json()[name] for name in body} == body


async def test_put_creates_then_replaces(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """PUT creates with 201 and Location, then replaces with 204; the same twice is the same state."""
    uri = f"{collection}/{SOME_ID}"
    first = await client.put(uri, json=body)
    second = await client.put(uri, json={**body, "id": str(SOME_ID)})
    assert (first.status_code, first.headers["location"]) == (201, uri)
    assert (second.status_code, second.content) == (204, b"")
    assert first.headers["etag"] == second.headers["etag"]
    assert (await client.get(uri)).json() == first.json()


async def test_put_replaces_all(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """PUT with another content leaves exactly that content, in a new version."""
    uri = f"{collection}/{SOME_ID}"
    first = await client.put(uri, json=body)
    body["pickup"], body["dropoff"] = body["dropoff"], body["pickup"]
    second = await client.put(uri, json=body)
    found = await client.get(uri)
    assert second.status_code == 204
    assert first.headers["etag"] != second.headers["etag"] == found.headers["etag"]
    assert {name: found.json()[name] for name in body} == body


async def test_put_under_another_identity(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A body that names another delivery than the URL is refused, and nothing is created."""
    uri = f"{collection}/{SOME_ID}"
    answer = await client.put(uri, json={**body, "id": str(UUID(int=8))})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/id"
    assert (await client.get(uri)).status_code == 404


async def test_put_with_preconditions(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """If-None-Match: * creates and never replaces; If-Match replaces only the version that it names."""
    uri = f"{collection}/{SOME_ID}"
    missing = await client.put(f"{collection}/{UUID(int=8)}", json=body, headers={"If-Match": "*"})
    made = await client.put(uri, json=body, headers={"If-None-Match": "*"})
    again = await client.put(uri, json=body, headers={"If-None-Match": "*"})
    stale = await client.put(uri, json=body, headers={"If-Match": '"0-0"'})
    fresh = await client.put(uri, json=body, headers={"If-Match": made.headers["etag"]})
    assert [answer.status_code for answer in (missing, made, again, stale, fresh)] == [412, 201, 412, 412, 204]


async def test_merge_patch(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A merge patch changes what it names and nothing else."""
    made = await client.post(collection, json=body)
    headers = {"If-Match": made.headers["etag"], "Content-Type": MERGE_PATCH_MEDIA_TYPE}
    patched = await client.patch(made.headers["location"], json={"dropoff": body["pickup"]}, headers=headers)
    assert patched.status_code == 200
    assert {name: patched.json()[name] for name in body} == {**body, "dropoff": body["pickup"]}
    assert patched.headers["etag"] != made.headers["etag"]


async def test_json_patch(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A JSON Patch is applied whole or not at all."""
    made = await client.post(collection, json=body)
    uri = made.headers["location"]
    headers = {"If-Match": made.headers["etag"], "Content-Type": JSON_PATCH_MEDIA_TYPE}
    more = {"op": "replace", "path": "/items/0/quantity", "value": 3}
    wrong = {"op": "test", "path": "/items/0/name", "value": "Jam"}
    refused = await client.patch(uri, json=[more, wrong], headers=headers)
    assert refused.status_code == 409
    assert (await client.get(uri)).headers["etag"] == made.headers["etag"]
    done = await client.patch(uri, json=[more], headers=headers)
    assert done.json()["items"][0]["quantity"] == 3


async def test_patch_needs_a_precondition(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """A patch of an unnamed version is 428, of an old one 412, and of an illegal result 422."""
    made = await client.post(collection, json=body)
    uri = made.headers["location"]
    headers = {"Content-Type": MERGE_PATCH_MEDIA_TYPE}
    assert (await client.patch(uri, json={}, headers=headers)).status_code == 428
    assert (await client.patch(uri, json={}, headers={**headers, "If-Match": '"0-0"'})).status_code == 412
    headers["If-Match"] = made.headers["etag"]
    assert (await client.patch(uri, json={"items": []}, headers=headers)).status_code == 422


async def test_delete_then_not_found(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """DELETE is 204 once and 404 after; made anew, the delivery has an entity tag that it never had."""
    uri = f"{collection}/{SOME_ID}"
    first = await client.put(uri, json=body)
    assert (await client.delete(uri)).status_code == 204
    assert (await client.delete(uri)).status_code == 404
    assert (await client.get(uri)).status_code == 404
    assert (await client.put(uri, json=body)).headers["etag"] != first.headers["etag"]


async def test_value_object_is_replaced(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """The dropoff is a resource of its own, replaced as a whole; its version is that of its delivery."""
    made = await client.post(collection, json=body)
    uri = made.headers["location"]
    replaced = await client.put(f"{uri}/dropoff", json=body["pickup"])
    assert replaced.status_code == 204
    found = await client.get(f"{uri}/dropoff")
    assert found.json() == body["pickup"]
    assert found.headers["etag"] == replaced.headers["etag"] != made.headers["etag"]
    assert (await client.get(uri)).json()["pickup"] == body["pickup"]


async def test_unknown_field_is_refused(client: httpx.AsyncClient, collection: str, body: Json) -> None:
    """Nobody writes the status, or any other field that is not theirs."""
    changed = deepcopy(body)
    changed["status"] = "completed"
    answer = await client.post(collection, json=changed)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/status"

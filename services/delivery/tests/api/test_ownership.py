"""Whose deliveries a caller reaches, in both versions."""

from typing import Any

import httpx
import pytest

from arnia.conventions import MERGE_PATCH_MEDIA_TYPE
from arnia.testing.issuer import TestIssuer

Json = dict[str, Any]
Headers = dict[str, str]
UNKNOWN = "00000000-0000-7000-8000-000000000000"
PARTS = ("", "/dropoff", "/schedule", "/assignment", "/departure", "/confirmation", "/cancellation")


@pytest.fixture
async def uri(client: httpx.AsyncClient, collection: str, body: Json) -> str:
    """Return the path of a delivery of Alice."""
    return str((await client.post(collection, json=body)).headers["location"])


async def test_a_foreign_delivery_is_not_there(client: httpx.AsyncClient, uri: str, another: Headers) -> None:
    """Member and parts of somebody else's delivery are answered as those of none; it is in no list."""
    for part in PARTS:
        foreign = await client.get(uri + part, headers=another)
        unknown = await client.get(uri.rpartition("/")[0] + f"/{UNKNOWN}{part}", headers=another)
        assert foreign.status_code == unknown.status_code == 404
        assert told(foreign) == told(unknown)
    assert (await client.get(uri.rpartition("/")[0], headers=another)).json()["items"] == []


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({}, 404),
        ({"If-None-Match": "*"}, 404),
        ({"If-Match": "*"}, 412),
        ({"If-Match": '"1-abc"'}, 412),
    ],
    ids=["none", "create only", "replace any", "replace one"],
)
async def test_a_foreign_put(
    client: httpx.AsyncClient, uri: str, body: Json, another: Headers, conditions: Headers, status: int
) -> None:
    """A PUT where somebody else has a delivery creates nothing and replaces nothing, whatever it insists on."""
    before = await client.get(uri)
    body["pickup"], body["dropoff"] = body["dropoff"], body["pickup"]
    assert (await client.put(uri, json=body, headers={**another, **conditions})).status_code == status
    owned_tag = {"If-Match": before.headers["etag"]}
    assert (await client.put(uri, json=body, headers={**another, **owned_tag})).status_code == 412
    after = await client.get(uri)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


async def test_foreign_steps(client: httpx.AsyncClient, uri: str, body: Json, another: Headers) -> None:
    """Nobody patches, removes or cancels what is not theirs, even knowing its entity tag."""
    tag = (await client.get(uri)).headers["etag"]
    headers = {**another, "If-Match": tag}
    merge = {**headers, "Content-Type": MERGE_PATCH_MEDIA_TYPE}
    answers = [
        await client.patch(uri, json={"dropoff": body["pickup"]}, headers=merge),
        await client.delete(uri, headers=headers),
        await client.put(f"{uri}/cancellation", json={"reason": "rain"}, headers=headers),
        await client.put(f"{uri}/dropoff", json=body["pickup"], headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await client.get(uri)).headers["etag"] == tag


async def test_a_foreign_cursor(client: httpx.AsyncClient, collection: str, body: Json, another: Headers) -> None:
    """A cursor serves the caller that it was made for."""
    for _ in range(3):
        await client.post(collection, json=body)
    following = (await client.get(f"{collection}?limit=2")).json()["_links"]["next"]["href"]
    assert (await client.get(following)).status_code == 200
    assert (await client.get(following, headers=another)).status_code == 422


async def test_an_operator_reaches_everything(
    client: httpx.AsyncClient, uri: str, body: Json, operator: Headers, another: Headers
) -> None:
    """An operator finds, lists and changes the deliveries of all; they stay their owners'."""
    listed = (await client.get(uri.rpartition("/")[0], headers=operator)).json()["items"]
    assert [delivery["_links"]["self"]["href"] for delivery in listed] == [uri]
    assert (await client.put(uri, json=body, headers=operator)).status_code == 204
    assert (await client.get(uri)).status_code == 200
    assert (await client.get(uri, headers=another)).status_code == 404


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        ("assignment", {"drone_id": UNKNOWN}),
        ("departure", None),
        ("confirmation", {"received_by": "Ada"}),
    ],
)
async def test_what_the_fleet_does_is_for_operators_to_say(
    client: httpx.AsyncClient, uri: str, operator: Headers, part: str, sent: Json | None
) -> None:
    """Who ordered a delivery neither assigns, departs nor confirms it: that takes a role."""
    for step, body in (("assignment", {"drone_id": UNKNOWN}), ("departure", None)):
        if step == part:
            break
        assert (await client.put(f"{uri}/{step}", json=body, headers=operator)).status_code == 201
    before = await client.get(uri)
    assert (await client.put(f"{uri}/{part}", json=sent)).status_code == 403
    assert (await client.get(uri)).headers["etag"] == before.headers["etag"]
    assert (await client.put(f"{uri}/{part}", json=sent, headers=operator)).status_code == 201
    assert (await client.get(f"{uri}/{part}")).status_code == 200


async def test_services_act_for_users(
    client: httpx.AsyncClient, uri: str, issuer: TestIssuer, operator: Headers
) -> None:
    """A service with a user's exchanged token reaches what the user does; of its own accord, what it made itself."""

    def bearer(subject: str, **claims: Any) -> Headers:
        scopes = ["deliveries:read", "deliveries:write"]
        token = issuer.token(audience="delivery", subject=subject, client="bff", scopes=scopes, **claims)
        return {"Authorization": f"Bearer {token}"}

    assert (await client.get(uri, headers=bearer("alice", act={"sub": "bff"}))).status_code == 200
    assert (await client.get(uri, headers=bearer("bff"))).status_code == 404
    assert (await client.get(uri, headers=operator)).status_code == 200


def told(answer: httpx.Response) -> Json:
    """Return what an answer says, without what belongs to this one request."""
    return {name: value for name, value in answer.json().items() if name not in {"trace_id", "instance", "request_id"}}

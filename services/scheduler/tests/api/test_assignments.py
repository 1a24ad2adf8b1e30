"""The scheduler over HTTP, its fleet an application in this process: what it refuses, shows and keeps."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr
from services.scheduler.tests.fleet import DRONE, Fleet, Wish

from arnia.chassis.transport_httpx import HttpxTransport
from arnia.chassis.upstreams import Upstream
from arnia.errors import Unavailable
from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from scheduler.config import Settings
from scheduler.main import create

ASSIGNMENTS = "/api/v1/assignments"


@pytest.fixture
def fleet() -> Fleet:
    """Return the fleet: one drone that carries 5 kg."""
    return Fleet(5)


@pytest.fixture
async def client(
    fleet: Fleet, database_url: str, issuer: TestIssuer, bearer: dict[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    """Return an operator's client of the running service."""
    settings = Settings(
        port=0,
        role="api",
        issuer=issuer.url,
        token_url=issuer.token_url,
        client_secret=SecretStr("never looked at"),
        drone=Upstream(url="http://127.0.0.1:9", backoff_ms=1),
        database_url=SecretStr(database_url),
        cursor_key=SecretStr("known to all replicas"),
    )
    spine = replace(create(), transports={"drone": HttpxTransport.to(fleet.asgi())}).asgi(settings)
    async with (
        Lifespan(spine),
        httpx.AsyncClient(transport=httpx.ASGITransport(spine), base_url="http://scheduler", headers=bearer) as client,
    ):
        yield client


def slug(answer: httpx.Response) -> str:
    """Return the slug of a problem."""
    kind: str = answer.json()["type"]
    return kind.rpartition("/")[2]


async def test_a_life(client: httpx.AsyncClient, fleet: Fleet) -> None:
    """Assigned, read, listed, released, gone; each step by the links of the one before."""
    delivery = uuid4()
    path = f"{ASSIGNMENTS}/{delivery}"
    made = await client.put(path, json={"weight_kg": 1.0005})
    assert (made.status_code, made.headers["location"]) == (201, path)
    body = made.json()
    assert (body["id"], body["drone_id"], body["weight_kg"]) == (str(delivery), str(DRONE), 1.001)
    assert (body["status"], "assign" in body["_links"]) == ("reserved", False)
    assert [wish.weight_kg for wish in fleet.promised.values()] == [1.001]
    assert (await client.get(path)).json() == body
    listed = (await client.get(ASSIGNMENTS, params={"status": "reserved", "sort": "-created_at"})).json()["items"]
    assert listed[0] == body
    release = body["_links"]["release"]
    assert (await client.request(release["method"], release["href"])).status_code == 204
    assert fleet.promised == {}
    assert (await client.get(path)).status_code == (await client.delete(path)).status_code == 404
    assert str(delivery) not in [one["id"] for one in (await client.get(ASSIGNMENTS)).json()["items"]]


async def test_the_same_again_asks_nobody(client: httpx.AsyncClient, fleet: Fleet) -> None:
    """PUT is 201, then 200 with the same tag, and the fleet is asked once; another mass is a conflict."""
    path = f"{ASSIGNMENTS}/{uuid4()}"
    first, again = [await client.put(path, json={"weight_kg": 1}) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.headers["etag"] == again.headers["etag"]
    assert fleet.asked == ["PUT"]
    other = await client.put(path, json={"weight_kg": 2})
    assert (other.status_code, slug(other)) == (409, "scheduler-assignment-differs")


async def test_the_fleets_refusals_become_the_schedulers_own(client: httpx.AsyncClient, fleet: Fleet) -> None:
    """No drone fits, or somebody else has one: each has a slug of the scheduler's, which the assignment keeps."""
    heavy, taken = uuid4(), uuid4()
    fleet.promised[UUID(int=3)] = Wish(delivery_id=taken, weight_kg=1)
    for delivery, kilograms, why in (
        (heavy, 9, "scheduler-no-drone-fits"),
        (taken, 1, "scheduler-reserved-elsewhere"),
    ):
        answer = await client.put(f"{ASSIGNMENTS}/{delivery}", json={"weight_kg": kilograms})
        assert (answer.status_code, slug(answer)) == (409, why)
        assert (await client.get(answer.json()["type"])).json()["status"] == 409
        kept = (await client.get(f"{ASSIGNMENTS}/{delivery}")).json()
        assert (kept["status"], kept["refusal"]) == ("refused", why)
        assert kept["_links"].keys() >= {"assign", "release"}


async def test_what_the_fleet_released_is_asked_for_anew(client: httpx.AsyncClient, fleet: Fleet) -> None:
    """The fleet's refusal of an identity that was given back is not the caller's: another one is asked for."""
    path = f"{ASSIGNMENTS}/{uuid4()}"
    fleet.late = 1
    answer = await client.put(path, json={"weight_kg": 1})
    assert (answer.status_code, answer.json()["status"]) == (201, "reserved")
    assert fleet.asked == ["PUT", "DELETE", "PUT"]


@pytest.mark.parametrize(
    ("fault", "status", "slug_of_it"),
    [(Unavailable("full", retry_after=7), 503, "unavailable"), (ValueError("a bug"), 502, "upstream-failed")],
    ids=["503", "500"],
)
async def test_a_fleet_that_fails(
    client: httpx.AsyncClient, fleet: Fleet, fault: Exception, status: int, slug_of_it: str
) -> None:
    """A failing fleet is a problem of the scheduler's; what was intended is kept, and the same request ends it."""
    path = f"{ASSIGNMENTS}/{uuid4()}"
    fleet.fault = fault
    answer = await client.put(path, json={"weight_kg": 1}, headers={"Request-Timeout-Ms": "900"})
    assert (answer.status_code, slug(answer)) == (status, slug_of_it)
    assert answer.headers.get("retry-after") == ("7" if status == 503 else None)
    assert (await client.get(path)).json()["status"] == "requested"
    fleet.fault = None
    assert (await client.put(path, json={"weight_kg": 1})).status_code == 201
    assert len(fleet.promised) == 1


async def test_preconditions_are_kept(client: httpx.AsyncClient, fleet: Fleet) -> None:
    """If-Match and If-None-Match rule assignments as they do everything else, before anybody is asked."""
    path, body = f"{ASSIGNMENTS}/{uuid4()}", {"weight_kg": 1}
    assert (await client.put(path, json=body, headers={"if-match": "*"})).status_code == 412
    assert fleet.asked == []
    assert (await client.put(path, json=body, headers={"if-none-match": "*"})).status_code == 201
    assert (await client.put(path, json=body, headers={"if-none-match": "*"})).status_code == 412
    assert (await client.delete(path, headers={"if-match": '"0-old"'})).status_code == 412
    assert len(fleet.promised) == 1


async def test_assignments_are_for_operators(client: httpx.AsyncClient, issuer: TestIssuer) -> None:
    """Scopes alone are not enough: who is no operator is refused."""
    token = issuer.token(audience="scheduler", scopes=["assignments:read", "assignments:write"], roles=["customer"])
    answer = await client.get(ASSIGNMENTS, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403

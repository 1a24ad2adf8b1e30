"""Two versions of one API over the same deliveries."""

from copy import deepcopy
from typing import Any

import httpx
import pytest

from arnia.chassis.ownership import Ownership
from arnia.conventions import MERGE_PATCH_MEDIA_TYPE
from delivery.api.dependencies import delivery_service
from delivery.config import Settings
from delivery.main import create
from delivery.repositories.memory import MemoryDeliveries
from delivery.services.deliveries import DeliveryService

Json = dict[str, Any]
MILAN = {"latitude": 45.4642, "longitude": 9.19}
TURIN = {"latitude": 45.0703, "longitude": 7.6869}
TIMES = {"pickup_time": "2026-12-01T12:00:00Z", "deadline": "2026-12-01T14:00:00Z"}
ORDER_V1: Json = {
    "pickup": MILAN,
    "dropoff": TURIN,
    "items": [{"name": "Honey jar", "price": 12.3, "currency": "CHF", "quantity": 2}],
    **TIMES,
}
ORDER_V2: Json = {
    "pickup": {"position": MILAN},
    "dropoff": {"position": TURIN},
    "items": [{"name": "Honey jar", "price": {"amount": "12.30", "currency": "CHF"}, "quantity": 2}],
    "schedule": TIMES,
}


def order_of(delivery: Json, order: Json) -> Json:
    """Return those fields of a delivery that its customer decides."""
    return {name: delivery[name] for name in order}


@pytest.mark.parametrize(("writer", "sent", "reader", "seen"), [(1, ORDER_V1, 2, ORDER_V2), (2, ORDER_V2, 1, ORDER_V1)])
async def test_written_in_one_read_in_the_other(
    client: httpx.AsyncClient, writer: int, sent: Json, reader: int, seen: Json
) -> None:
    """What one version wrote, the other shows in its own shape, with nothing lost."""
    identity = (await client.post(f"/api/v{writer}/deliveries", json=sent)).json()["id"]
    found = (await client.get(f"/api/v{reader}/deliveries/{identity}")).json()
    assert order_of(found, seen) == seen
    assert found["_links"]["self"]["href"] == f"/api/v{reader}/deliveries/{identity}"


async def test_old_client_keeps_what_it_does_not_know(client: httpx.AsyncClient) -> None:
    """A patch through version 1 leaves alone what it does not name, also where version 2 shows more exactly."""
    made = await client.post("/api/v2/deliveries", json=ORDER_V2)
    headers = {"If-Match": made.headers["etag"], "Content-Type": MERGE_PATCH_MEDIA_TYPE}
    uri = made.headers["location"]
    patched = await client.patch(uri.replace("v2", "v1"), json={"dropoff": MILAN}, headers=headers)
    found = await client.get(uri)
    assert order_of(found.json(), ORDER_V2) == {**ORDER_V2, "dropoff": {"position": MILAN}}
    assert found.headers["etag"] == patched.headers["etag"]


async def test_older_client_without_currency(client: httpx.AsyncClient) -> None:
    """A client from before there were currencies goes on working, in euro."""
    sent = deepcopy(ORDER_V1)
    del sent["items"][0]["currency"]
    made = await client.post("/api/v1/deliveries", json=sent)
    found = await client.get(made.headers["location"].replace("v1", "v2"))
    assert found.json()["items"][0]["price"] == {"amount": "12.30", "currency": "EUR"}


async def test_end_is_announced(client: httpx.AsyncClient) -> None:
    """Version 1 tells since when it is deprecated and when it ends; version 2 has no end."""
    old, new = [await client.get(f"/api/v{version}/deliveries") for version in (1, 2)]
    assert old.headers["deprecation"].startswith("@")
    assert old.headers["sunset"].endswith("GMT")
    assert "successor-version" in old.headers["link"]
    assert not {"deprecation", "sunset"} & set(new.headers)


@pytest.mark.parametrize("served", [1, 2])
async def test_one_version_a_process(settings: Settings, bearer: dict[str, str], served: int) -> None:
    """By configuration a process serves one version, so that two of them can run side by side."""
    application = create()
    service = DeliveryService(MemoryDeliveries(Ownership(subject="ada")), Deaf())
    application.overrides[delivery_service] = lambda: service
    alone = application.asgi(settings.model_copy(update={"api_versions": (served,)}))
    transport = httpx.ASGITransport(alone)
    async with httpx.AsyncClient(transport=transport, base_url="http://delivery", headers=bearer) as client:
        found = [(await client.get(f"/api/v{version}/deliveries")).status_code for version in (1, 2)]
        document = (await client.get("/openapi.json")).json()
    assert found == ([200, 404] if served == 1 else [404, 200])
    assert {path.split("/")[2] for path in document["paths"]} == {f"v{served}"}


class Deaf:
    """Hears no event."""

    def emit(self, event: object, /) -> None:
        """Let it pass."""

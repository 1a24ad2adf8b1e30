"""The whole service over PostgreSQL: what a release keeps although its answer is a refusal."""

from uuid import uuid4

import httpx
from pydantic import SecretStr

from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from drone.config import Settings
from drone.main import create
from drone.schemas.drones import EXAMPLE

DRONES = "/api/v1/drones"


async def test_releasing_what_is_not_there_is_kept(
    database_url: str, issuer: TestIssuer, bearer: dict[str, str]
) -> None:
    """DELETE of an unknown identity is 404 each time, and a PUT that was slower finds it released for good."""
    settings = Settings(
        port=0,
        issuer=issuer.url,
        database_url=SecretStr(database_url),
        cursor_key=SecretStr("a key that is only known here"),
    )
    service = create().asgi(settings)
    transport = httpx.ASGITransport(service)
    async with (
        Lifespan(service),
        httpx.AsyncClient(transport=transport, base_url="http://drone", headers=bearer) as client,
    ):
        drone = (await client.post(DRONES, json=EXAMPLE)).headers["location"]
        path = f"/api/v1/drone-reservations/{uuid4()}"
        assert [(await client.delete(path)).status_code for _ in range(2)] == [404, 404]
        late = await client.put(path, json={"delivery_id": str(uuid4()), "weight_kg": 1})
        assert late.status_code == 409
        assert late.json()["type"].endswith("/drone-reservation-released")
        assert (await client.get(drone)).json()["free_kg"] == EXAMPLE["capacity_kg"]
        assert (await client.delete(drone)).status_code == 204

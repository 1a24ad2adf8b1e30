"""The list over HTTP: pages, filters, cursors, and for whom it is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from notification.config import Settings
from notification.main import create
from notification.models.notifications import Notification
from notification.repositories.sql import SqlNotifications

NOON: Final = datetime(2030, 1, 1, 12, tzinfo=UTC)
PATH: Final = "/api/v1/notifications"
SOMEBODY: Final = UUID(int=7)
SCOPES: Final = ("notifications:read",)


async def keep(database: Database, *serials: int) -> list[str]:
    """Keep a notification of each number, three of a moment, and return their identities in order."""
    made = []
    for serial in serials:
        topic = ("delivery.created", "drone.changed")[serial % 2]
        moment = NOON + timedelta(seconds=serial // 3)
        made.append(Notification.about(uuid7(), topic, SOMEBODY, serial + 1, NOON, moment))
    async with database.session(read_only=False) as session:
        await SqlNotifications(session).add(made)
    return [str(one.id) for one in made]


@pytest.fixture
async def client(database_url: str, issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Return an operator's client of the running service."""
    settings = Settings(
        port=0,
        role="api",
        issuer=issuer.url,
        database_url=SecretStr(database_url),
        cursor_key=SecretStr("known to all replicas"),
    )
    token = issuer.token(audience="notification", scopes=SCOPES, roles=["operator"])
    spine = create().asgi(settings)
    bearer = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(spine)
    async with (
        Lifespan(spine),
        httpx.AsyncClient(transport=transport, base_url="http://notification", headers=bearer) as client,
    ):
        yield client


async def walk(client: httpx.AsyncClient, path: str) -> list[str]:
    """Return the identities on all pages."""
    found = []
    while path:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        found += [item["id"] for item in answer.json()["items"]]
        path = answer.json()["_links"].get("next", {}).get("href", "")
        assert bool(path) == ("next" in answer.links)
    return found


async def test_pages_hold_everything_once(client: httpx.AsyncClient, database: Database) -> None:
    """Page by page each is seen once, in both orders, alone or filtered; what comes meanwhile joins at the end."""
    made = await keep(database, *range(10))
    assert await walk(client, f"{PATH}?limit=3") == made
    assert await walk(client, f"{PATH}?limit=4&sort=-created_at") == made[::-1]
    assert await walk(client, f"{PATH}?limit=2&topic=drone.changed") == made[1::2]
    assert await walk(client, f"{PATH}?aggregate_id={SOMEBODY}") == made
    assert await walk(client, f"{PATH}?aggregate_id={uuid7()}") == []
    first = (await client.get(f"{PATH}?limit=3")).json()
    made += await keep(database, 30)
    assert [item["id"] for item in first["items"]] + await walk(client, first["_links"]["next"]["href"]) == made


async def test_a_cursor_is_no_other(client: httpx.AsyncClient, database: Database) -> None:
    """A cursor that was changed, or comes with another filter, is refused."""
    await keep(database, *range(40, 44))
    following = (await client.get(f"{PATH}?limit=1")).json()["_links"]["next"]["href"]
    assert (await client.get(f"{following}&topic=drone.changed")).status_code == 422
    assert (await client.get(f"{following}x")).status_code == 422


async def test_it_is_for_operators(client: httpx.AsyncClient, issuer: TestIssuer) -> None:
    """A customer is told 403, and whoever has no token 401."""
    token = issuer.token(audience="notification", scopes=SCOPES, roles=["customer"])
    assert (await client.get(PATH, headers={"Authorization": f"Bearer {token}"})).status_code == 403
    assert (await client.get(PATH, headers={"Authorization": ""})).status_code == 401
